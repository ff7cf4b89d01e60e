"""What a stage may choose that neither dev nor prod does: SnapStart, authorisers, another origin, arm64."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from infra import node

node.use()

import aws_cdk as cdk  # noqa: E402 - starts Node.js, which has to be chosen first
from aws_cdk import aws_lambda as lambda_  # noqa: E402
from aws_cdk.assertions import Match, Template  # noqa: E402

from infra.api.routes import ROUTES  # noqa: E402
from infra.app import build  # noqa: E402
from infra.constructs.function import image_code  # noqa: E402
from infra.stacks.page import PageStack  # noqa: E402
from infra.stacks.service import ServiceStack  # noqa: E402
from infra.stages.api import ApiSettings, Client, Cognito, Firewall, Iam  # noqa: E402
from infra.stages.deployments import dev, prod  # noqa: E402
from infra.stages.functions import AllAtOnce, Canary, SnapStart, StageError  # noqa: E402
from tests.infra.synth import CONTEXT, flat  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stages.stage import Architecture, AwsStage

POOL = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_Sky"


def template(stage: AwsStage) -> Template:
    return Template.from_stack(ServiceStack(cdk.App(context=CONTEXT), "service", stage=stage))


@pytest.fixture(scope="module")
def chosen() -> Template:
    """SnapStart and arm64, IAM, a page elsewhere, a canary on a drop function."""
    stage = dev()
    functions = {
        **stage.functions,
        "star": dataclasses.replace(stage.functions["star"], warm=SnapStart(), roll_out=AllAtOnce(watch_minutes=1)),
        "image-drop": dataclasses.replace(stage.functions["image-drop"], roll_out=Canary(percent=50, minutes=1)),
    }
    api = ApiSettings(authoriser=Iam(), page_origin="https://sky.example.org")
    return template(dataclasses.replace(stage, functions=functions, api=api, architecture="arm64"))


def test_a_stage_for_arm64_has_every_function_on_it(chosen: Template) -> None:
    functions = chosen.find_resources("AWS::Lambda::Function").values()
    assert {tuple(function["Properties"]["Architectures"]) for function in functions} == {("arm64",)}


@pytest.mark.parametrize(("architecture", "platform"), [("x86_64", "linux/amd64"), ("arm64", "linux/arm64")])
def test_an_image_is_built_for_the_architecture_of_its_function(
    architecture: Architecture, platform: str, tmp_path: Path
) -> None:
    # Given a function of each kind of image
    app = cdk.App(context=CONTEXT, outdir=str(tmp_path))
    stack = cdk.Stack(app, "images")
    for name in ("control", "star"):
        lambda_.DockerImageFunction(stack, name, code=image_code(dev().functions[name], architecture))
    # When
    app.synth()
    # Then what the command line hands to Docker says so
    (assets,) = (json.loads(path.read_text("utf-8")) for path in tmp_path.glob("*.assets.json"))
    assert [image["source"]["platform"] for image in assets["dockerImages"].values()] == [platform] * 2


def test_snapstart_is_taken_of_published_versions(chosen: Template) -> None:
    chosen.has_resource_properties(
        "AWS::Lambda::Function",
        {"FunctionName": "skysort-star-dev", "SnapStart": {"ApplyOn": "PublishedVersions"}, "Architectures": ["arm64"]},
    )
    chosen.resource_properties_count_is("AWS::Lambda::Function", {"SnapStart": Match.any_value()}, 1)


def test_with_iam_callers_sign_and_no_key_is_asked_for(chosen: Template) -> None:
    classify = {"HttpMethod": "POST", "AuthorizationType": "AWS_IAM", "ApiKeyRequired": False}
    chosen.has_resource_properties("AWS::ApiGateway::Method", classify)
    chosen.resource_count_is("AWS::ApiGateway::ApiKey", 0)


def test_with_iam_an_unsigned_request_is_told_so(chosen: Template) -> None:
    chosen.has_resource_properties(
        "AWS::ApiGateway::GatewayResponse",
        {
            "ResponseType": "MISSING_AUTHENTICATION_TOKEN",
            "StatusCode": "403",
            "ResponseTemplates": {"application/json": Match.string_like_regexp("not signed")},
        },
    )


def test_a_page_elsewhere_may_call_and_read_the_gateways_answers(chosen: Template) -> None:
    preflight: dict[str, Any] = {"method.response.header.Access-Control-Allow-Origin": "'https://sky.example.org'"}
    chosen.has_resource_properties(
        "AWS::ApiGateway::Method",
        {
            "HttpMethod": "OPTIONS",
            "Integration": {"IntegrationResponses": [{"ResponseParameters": Match.object_like(preflight)}]},
        },
    )
    allowed = {
        "gatewayresponse.header.Access-Control-Allow-Origin": "'https://sky.example.org'",
        "gatewayresponse.header.Access-Control-Expose-Headers": "'Content-Disposition,Link,Retry-After'",
    }
    chosen.all_resources_properties("AWS::ApiGateway::GatewayResponse", {"ResponseParameters": allowed})


def test_a_page_elsewhere_may_read_the_answers_of_every_function_that_it_calls(chosen: Template) -> None:
    told = {"Environment": {"Variables": {"SKYSORT_PAGE_ORIGINS": '["https://sky.example.org"]'}}}
    functions = {route.function for route in ROUTES}
    for name in functions:
        chosen.has_resource_properties("AWS::Lambda::Function", {"FunctionName": f"skysort-{name}-dev", **told})
    chosen.resource_properties_count_is("AWS::Lambda::Function", told, len(functions))


def test_a_page_elsewhere_may_upload_and_read_results(chosen: Template) -> None:
    page = {"AllowedOrigins": ["https://sky.example.org"]}
    for rule in (
        {**page, "AllowedMethods": ["POST", "PUT", "DELETE"], "ExposedHeaders": ["ETag"]},
        {**page, "AllowedMethods": ["GET", "HEAD"]},
    ):
        cors = {"CorsRules": [Match.object_like(rule)]}
        chosen.has_resource_properties("AWS::S3::Bucket", {"CorsConfiguration": cors})
    chosen.has_output("PageElsewhere", {"Value": "https://sky.example.org"})


ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/page/0a1b2c3d-0000-1111-2222-333344445555"


def in_region(stage: AwsStage, region: str) -> tuple[Template, Template]:
    """The service and its page in a region."""
    app, where = cdk.App(context=CONTEXT), cdk.Environment(account="123456789012", region=region)
    service = ServiceStack(app, "service", stage=stage, environment=where)
    page = PageStack(app, "page", stage=stage, service=service, environment=where)
    return Template.from_stack(service), Template.from_stack(page)


@pytest.fixture(scope="module")
def guarded() -> tuple[Template, Template]:
    """Prod at home, whose CloudFront proves itself by a secret: the service and its page."""
    api = dataclasses.replace(prod().api, firewall=Firewall(origin_secret="2026-11"))
    return in_region(dataclasses.replace(prod(), api=api), "us-east-1")


def test_a_page_in_us_east_1_has_a_firewall_of_its_own(guarded: tuple[Template, Template]) -> None:
    _, found = guarded
    found.has_resource_properties("AWS::WAFv2::WebACL", {"Scope": "CLOUDFRONT"})
    assert found.to_json()["Rules"].keys() == {"CheckBootstrapVersion"}


def test_a_page_elsewhere_names_a_firewall_that_was_made_in_us_east_1() -> None:
    with pytest.raises(StageError, match="CloudFront accepts a web ACL from us-east-1 only"):
        in_region(prod(), "eu-west-1")
    api = prod().api
    stage = dataclasses.replace(prod(), api=dataclasses.replace(api, firewall=Firewall(page_web_acl=ACL)))
    _, found = in_region(stage, "eu-west-1")
    found.resource_count_is("AWS::WAFv2::WebACL", 0)
    found.has_resource_properties("AWS::CloudFront::Distribution", {"DistributionConfig": {"WebACLId": ACL}})


def test_cloudfront_proves_itself_to_the_firewall_which_counts_all_others_by_their_connecting_address(
    guarded: tuple[Template, Template],
) -> None:
    found, page = guarded
    # Then CloudFront sends it, by a reference that CloudFormation resolves
    (distribution,) = page.find_resources("AWS::CloudFront::Distribution").values()
    (headers,) = [
        origin["OriginCustomHeaders"]
        for origin in distribution["Properties"]["DistributionConfig"]["Origins"]
        if "OriginCustomHeaders" in origin
    ]
    value = "{{resolve:secretsmanager:skysort-origin-prod-2026-11:SecretString}}"
    assert headers == [{"HeaderName": "X-Skysort-Origin", "HeaderValue": value}]
    # And the firewall takes nobody's word for the address but CloudFront's
    found.has_resource_properties("AWS::SecretsManager::Secret", {"Name": "skysort-origin-prod-2026-11"})
    (acl,) = found.find_resources("AWS::WAFv2::WebACL").values()
    counted = [rule["Statement"].get("RateBasedStatement") for rule in acl["Properties"]["Rules"]]
    direct, every = [rule for rule in counted if rule]
    assert (direct["AggregateKeyType"], every["AggregateKeyType"]) == ("IP", "IP")
    proof = direct["ScopeDownStatement"]["NotStatement"]["Statement"]["ByteMatchStatement"]
    assert (proof["FieldToMatch"], proof["PositionalConstraint"]) == (
        {"SingleHeader": {"Name": "x-skysort-origin"}},
        "EXACTLY",
    )
    assert flat(proof["SearchString"]).startswith("{{resolve:secretsmanager:")


def test_a_canary_takes_the_place_of_the_proof(chosen: Template) -> None:
    canary = {"TrafficRoutingConfig": {"TimeBasedCanary": {"CanaryInterval": 1, "CanaryPercentage": 50}}}
    chosen.has_resource_properties("AWS::CodeDeploy::DeploymentConfig", canary)
    chosen.resource_properties_count_is("Custom::Proof", {"Function": "image-drop"}, 0)
    chosen.has_resource_properties("Custom::Watch", {"Function": "star", "Minutes": "1"})


def test_with_cognito_a_token_and_a_key_are_asked_for() -> None:
    api = ApiSettings(clients=(Client("survey", 10, 20),), authoriser=Cognito(POOL, scopes=("skysort/classify",)))
    found = template(dataclasses.replace(dev(), api=api))
    found.has_resource_properties("AWS::ApiGateway::Authorizer", {"Type": "COGNITO_USER_POOLS", "ProviderARNs": [POOL]})
    found.has_resource_properties(
        "AWS::ApiGateway::Method",
        {
            "HttpMethod": "POST",
            "AuthorizationType": "COGNITO_USER_POOLS",
            "AuthorizationScopes": ["skysort/classify"],
            "ApiKeyRequired": True,
        },
    )


def test_an_account_with_little_concurrency_reserves_none_and_may_go_without_the_page() -> None:
    app = cdk.App(context={**CONTEXT, "stage": "dev", "reserve": "no", "page": "no"})
    found = Template.from_stack(build(app))
    assert [child.node.id for child in app.node.children if isinstance(child, cdk.Stack)] == ["skysort-service-dev"]
    reserved = {"ReservedConcurrentExecutions": Match.any_value()}
    found.resource_properties_count_is("AWS::Lambda::Function", reserved, 0)
    # The queues still take no more than they may
    found.all_resources_properties("AWS::Lambda::EventSourceMapping", {"ScalingConfig": {"MaximumConcurrency": 5}})


def test_an_unknown_stage_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(StageError, match="unknown stage 'staging'; choose from dev, prod"):
        build(cdk.App(context={"stage": "staging"}))


def test_what_runs_on_a_laptop_is_not_deployed() -> None:
    with pytest.raises(StageError, match="unknown stage 'local'; choose from dev, prod"):
        build(cdk.App(context={"stage": "local"}))
