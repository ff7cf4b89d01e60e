"""The web page: a closed bucket behind CloudFront, at the API's origin, with the local gateway's headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.api.routes import ROUTES
from infra.api.site_headers import content_security_policy, security_headers
from infra.commands.publish import files
from tests.infra.synth import flat

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.synth import Synthesised


def distribution(stage: Synthesised) -> dict[str, Any]:
    (found,) = stage.resources("AWS::CloudFront::Distribution")
    config: dict[str, Any] = found.properties["DistributionConfig"]
    return config


def test_only_cloudfront_reads_the_files(stage: Synthesised) -> None:
    (control,) = stage.resources("AWS::CloudFront::OriginAccessControl")
    assert control.properties["OriginAccessControlConfig"]["SigningBehavior"] == "always"
    default = distribution(stage)["DefaultCacheBehavior"]
    origins = {one["Id"]: one for one in distribution(stage)["Origins"]}
    assert "OriginAccessControlId" in origins[default["TargetOriginId"]]


def test_every_path_of_the_api_goes_to_the_api_uncached_and_with_every_header(stage: Synthesised) -> None:
    behaviours = {one["PathPattern"]: one for one in distribution(stage)["CacheBehaviors"]}
    for route in ROUTES:
        assert any(route.path == pattern or route.path.startswith(pattern.rstrip("*")) for pattern in behaviours)
    caching_disabled, all_but_the_host = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    for behaviour in behaviours.values():
        assert behaviour["CachePolicyId"] == caching_disabled
        assert behaviour["OriginRequestPolicyId"] == all_but_the_host
        assert "POST" in behaviour["AllowedMethods"]


def test_the_firewall_stands_before_prods_page_in_the_only_region_for_it(dev: Synthesised, prod: Synthesised) -> None:
    assert "WebACLId" not in distribution(dev)
    (acl,) = [one for one in prod.resources("AWS::WAFv2::WebACL") if one.properties["Scope"] == "CLOUDFRONT"]
    assert flat(distribution(prod)["WebACLId"]) == f"<{acl.logical_id}.Arn>"
    # Visitors are told apart by the address that connects, which nobody can make up
    rate, reputation = acl.properties["Rules"]
    statement = rate["Statement"]["RateBasedStatement"]
    assert prod.stage.api.firewall is not None
    assert (statement["AggregateKeyType"], statement["Limit"]) == ("IP", prod.stage.api.firewall.requests_in_5_minutes)
    assert rate["Action"]["Block"]["CustomResponse"]["ResponseCode"] == 429
    assert reputation["Statement"]["ManagedRuleGroupStatement"]["Name"] == "AWSManagedRulesAmazonIpReputationList"
    # A template for any region says at deployment where it can go
    rules = prod.templates["skysort-page-prod"]["Rules"]
    (rule,) = [one for name, one in rules.items() if name != "CheckBootstrapVersion"]
    (assertion,) = rule["Assertions"]
    assert assertion["Assert"] == {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}
    assert "Firewall(page_web_acl=...)" in assertion["AssertDescription"]


def test_prods_page_is_near_observers_everywhere_and_devs_where_it_costs_least(
    dev: Synthesised, prod: Synthesised
) -> None:
    assert (distribution(dev)["PriceClass"], distribution(prod)["PriceClass"]) == ("PriceClass_100", "PriceClass_All")


def test_the_api_keeps_its_own_error_documents(stage: Synthesised) -> None:
    assert "CustomErrorResponses" not in distribution(stage)


def test_the_headers_are_those_of_the_local_gateway(stage: Synthesised) -> None:
    (policy,) = stage.resources("AWS::CloudFront::ResponseHeadersPolicy")
    config = policy.properties["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    uploads = [
        f"https://skysort-{kind}-{stage.stage.name}-<AWS::AccountId>-<AWS::Region>.s3.<AWS::Region>.<AWS::URLSuffix>"
        for kind in ("drop", "results")
    ]
    transport = security["StrictTransportSecurity"]
    sent = {
        "content-security-policy": flat(security["ContentSecurityPolicy"]["ContentSecurityPolicy"]),
        "strict-transport-security": f"max-age={transport['AccessControlMaxAgeSec']}; includeSubDomains",
        "x-content-type-options": "nosniff" if security["ContentTypeOptions"]["Override"] else "",
        "x-frame-options": security["FrameOptions"]["FrameOption"],
        "referrer-policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        **{item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]},
    }
    assert sent == {**security_headers(uploads), "content-security-policy": content_security_policy(uploads)}


def test_the_page_imports_the_apis_id_and_nothing_else(stage: Synthesised) -> None:
    """What it imports, the service can neither replace nor remove while the page stands."""
    name = stage.stage.name
    outputs = stage.templates[f"skysort-service-{name}"]["Outputs"].values()
    (exported,) = [output["Value"] for output in outputs if "Export" in output]
    (api,) = stage.resources("AWS::ApiGateway::RestApi")
    assert exported == {"Ref": api.logical_id}


def test_what_is_uploaded_is_the_page(tmp_path: Path) -> None:
    for name in ("index.html", "js/main.js", "README.md", "docs/phone.png", "notes.txt~"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("content")
    assert [key for key, _ in files(tmp_path)] == ["index.html", "js/main.js"]


@pytest.mark.parametrize("name", ["index.html"])
def test_the_page_that_ships_has_its_start(name: str) -> None:
    assert name in dict(files())
