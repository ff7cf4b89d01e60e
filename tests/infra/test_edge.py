"""The examples of infra/README.md: a domain, a key and other accounts, existing buckets and a private network."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from infra import ROOT, node

node.use()

import aws_cdk as cdk  # noqa: E402 - starts Node.js, which has to be chosen first
from aws_cdk.assertions import Match, Template  # noqa: E402

from infra.app import build  # noqa: E402
from infra.commands.key_policy import policy  # noqa: E402
from infra.stages.config import stage  # noqa: E402
from tests.infra.synth import CONTEXT, flat  # noqa: E402

if TYPE_CHECKING:
    from infra.stages.stage import AwsStage

WRITER = {"AWS": "arn:aws:iam::210987654321:root"}
EXAMPLES = re.findall(r"```toml\n(.*?)```", (ROOT / "infra" / "README.md").read_text("utf-8"), re.DOTALL)


class Example:
    """A stage of an example: its settings, and its templates by stack."""

    def __init__(self, name: str, folder: Any) -> None:
        (text,) = [example for example in EXAMPLES if name in tomllib.loads(example).get("stages", {})]
        path = folder / "stages.toml"
        path.write_text(text, "utf-8")
        context = {"config": str(path), "stage": name}
        self.stage: AwsStage = stage(name, context)
        app = cdk.App(context={**CONTEXT, **context})
        build(app)
        stacks = {each.stack_name: each.template for each in app.synth().stacks}
        self.service = Template.from_json(stacks[f"skysort-service-{name}"])
        page = stacks.get(f"skysort-page-{name}")
        self.page = Template.from_json(page) if page else None

    def of(self, type_: str) -> dict[str, Any]:
        """The properties of the service's resources of a type, by logical id."""
        found = self.service.find_resources(type_)
        return {name: resource.get("Properties", {}) for name, resource in found.items()}

    def allowed(self) -> list[dict[str, Any]]:
        """Every statement of the policies of the service's roles."""
        return [each for one in self.of("AWS::IAM::Policy").values() for each in one["PolicyDocument"]["Statement"]]


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return Example("sky", tmp_path_factory.mktemp("sky"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return Example("archive", tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def observatory(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return Example("observatory", tmp_path_factory.mktemp("observatory"))


def test_an_api_with_a_domain_has_no_other_address(sky: Example) -> None:
    sky.service.has_resource_properties("AWS::ApiGateway::RestApi", {"DisableExecuteApiEndpoint": True})
    sky.service.has_resource_properties(
        "AWS::ApiGateway::DomainName", {"DomainName": "api.sky.example.org", "SecurityPolicy": "TLS_1_2"}
    )
    sky.service.has_resource_properties("AWS::ApiGateway::BasePathMapping", {"BasePath": "classify"})
    sky.service.has_output("ApiUrl", {"Value": "https://api.sky.example.org/classify/"})
    # And functions know what API Gateway leaves in their paths
    told = {"FunctionName": "skysort-control-sky", "Environment": {"Variables": {"SKYSORT_BASE_PATH": "classify"}}}
    sky.service.has_resource_properties("AWS::Lambda::Function", told)


def test_the_page_is_at_its_domain_and_reaches_the_api_by_that_of_the_api(sky: Example) -> None:
    assert sky.page is not None
    (found,) = sky.page.find_resources("AWS::CloudFront::Distribution").values()
    config = found["Properties"]["DistributionConfig"]
    assert config["Aliases"] == ["sky.example.org"]
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    (origin,) = [each for each in config["Origins"] if "CustomOriginConfig" in each]
    assert (origin["DomainName"], origin["OriginPath"]) == ("api.sky.example.org", "/classify")
    sky.page.has_output("PageUrl", {"Value": "https://sky.example.org/"})
    # And may upload from the first deployment on
    cors = {"CorsConfiguration": {"CorsRules": [Match.object_like({"AllowedOrigins": ["https://sky.example.org"]})]}}
    sky.service.resource_properties_count_is("AWS::S3::Bucket", cors, 2)


def test_names_lead_to_where_they_are_served(sky: Example) -> None:
    assert sky.page is not None
    zone = {"HostedZoneId": "Z0123456789ABCDEFGHIJ"}
    sky.service.has_resource_properties("AWS::Route53::RecordSet", {**zone, "Name": "api.sky.example.org", "Type": "A"})
    for kind in ("A", "AAAA"):
        record = {**zone, "Name": "sky.example.org", "Type": kind, "AliasTarget": {"HostedZoneId": "Z2FDTNDATAQYW2"}}
        sky.page.has_resource_properties("AWS::Route53::RecordSet", record)


def test_a_key_encrypts_buckets_queues_and_logs(archive: Example) -> None:
    key = archive.stage.encryption_key
    plain = [
        flat(bucket["BucketName"])
        for bucket in archive.of("AWS::S3::Bucket").values()
        if bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]
        != {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    ]
    assert [name.partition("-<")[0] for name in plain] == ["skysort-access-logs-archive"]
    assert {queue["KmsMasterKeyId"] for queue in archive.of("AWS::SQS::Queue").values()} == {key}
    assert {group["KmsKeyId"] for group in archive.of("AWS::Logs::LogGroup").values()} == {key}


def test_roles_use_the_key_as_far_as_they_read_and_write_and_only_through_s3_and_sqs(archive: Example) -> None:
    uses = [statement for statement in archive.allowed() if "kms:Decrypt" in statement["Action"]]
    assert uses
    for statement in uses:
        assert statement["Resource"] == archive.stage.encryption_key
        services = map(flat, statement["Condition"]["StringEquals"]["kms:ViaService"])
        assert {service.partition(".")[0] for service in services} == {"s3", "sqs"}
    # What only reads makes no data keys, what writes does
    by_policy = {
        name: {
            action
            for statement in one["PolicyDocument"]["Statement"]
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        }
        for name, one in archive.of("AWS::IAM::Policy").items()
    }
    for actions in by_policy.values():
        assert ("kms:GenerateDataKey" in actions) == ("s3:PutObject" in actions)
        assert ("kms:Decrypt" in actions) == bool(
            actions & {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "sqs:ReceiveMessage"}
        )


def test_the_printed_policy_of_the_key_is_for_the_stages_logs_queues_and_writers(archive: Example) -> None:
    owner, logs, messages, writers = policy(archive.stage)["Statement"]
    assert owner["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    assert messages["Principal"] == {"Service": ["s3.amazonaws.com", "events.amazonaws.com"]}
    assert writers["Principal"] == {"AWS": ["arn:aws:iam::210987654321:root"]}
    # Every log group that the template has, and none of another service
    patterns = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    for group in archive.of("AWS::Logs::LogGroup").values():
        arn = f"arn:aws:logs:eu-west-1:123456789012:log-group:{group['LogGroupName']}"
        assert any(fnmatch.fnmatchcase(arn, pattern) for pattern in patterns), arn


def test_other_accounts_may_put_files_into_the_drop_folder_and_nothing_else(archive: Example) -> None:
    ((bucket, (allow, deny)),) = {
        name: theirs
        for name, one in archive.of("AWS::S3::BucketPolicy").items()
        if (theirs := [each for each in one["PolicyDocument"]["Statement"] if each["Principal"] == WRITER])
    }.items()
    assert "Drop" in bucket
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert set(allow["Action"]) == {"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}
    assert flat(allow["Resource"]).endswith(".Arn>/incoming/*")
    # Nor into the folder of a client, whose batch it would be
    assert deny["Action"] == "s3:PutObject"
    assert flat(deny["Resource"]).endswith(".Arn>/incoming/*/client-*")


def test_a_private_api_is_reached_through_its_endpoint_alone(observatory: Example) -> None:
    (endpoint,) = observatory.of("AWS::EC2::VPCEndpoint").keys() - {"NetworkS3"}
    observatory.service.has_resource_properties(
        "AWS::EC2::VPCEndpoint",
        {"VpcEndpointType": "Interface", "PrivateDnsEnabled": False, "VpcId": "vpc-0a1b2c3d4e5f60718"},
    )
    (api,) = observatory.of("AWS::ApiGateway::RestApi").values()
    assert api["EndpointConfiguration"] == {"Types": ["PRIVATE"], "VpcEndpointIds": [{"Ref": endpoint}]}
    allow, deny = api["Policy"]["Statement"]
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert deny["Condition"] == {"StringNotEquals": {"aws:SourceVpce": [{"Ref": endpoint}]}}
    outputs = observatory.service.find_outputs("ApiUrl")
    address = flat(outputs["ApiUrl"]["Value"])
    assert re.fullmatch(rf"https://<\w+>-<{endpoint}>\.execute-api\.<AWS::Region>\.<AWS::URLSuffix>/.*/", address)
    assert observatory.page is None


def test_functions_are_in_the_owners_subnets_where_asked_for(observatory: Example) -> None:
    given = {"SubnetIds": ["subnet-0a1b2c3d4e5f60718"], "SecurityGroupIds": ["sg-0a1b2c3d4e5f60718"]}
    inside = {
        function["FunctionName"]
        for function in observatory.of("AWS::Lambda::Function").values()
        if function.get("VpcConfig") == given
    }
    expected = {observatory.stage.function_name(name) for name in observatory.stage.functions}
    assert inside == expected


def test_existing_buckets_are_used_and_not_created(observatory: Example) -> None:
    names = {flat(bucket["BucketName"]).partition("-<")[0] for bucket in observatory.of("AWS::S3::Bucket").values()}
    assert names == {"skysort-access-logs-observatory", "skysort-models-observatory"}
    used = {"SKYSORT_DROP_BUCKET": "observatory-raw", "SKYSORT_RESULTS_BUCKET": "observatory-results"}
    control = {"FunctionName": "skysort-control-observatory", "Environment": {"Variables": used}}
    observatory.service.has_resource_properties("AWS::Lambda::Function", control)
    # And only this bucket may send to the queues
    sources = {
        flat(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
        for one in observatory.of("AWS::SQS::QueuePolicy").values()
        for statement in one["PolicyDocument"]["Statement"]
        if statement.get("Principal") == {"Service": "s3.amazonaws.com"}
    }
    assert sources == {"arn:<AWS::Partition>:s3:::observatory-raw"}
