"""`make bootstrap`, `make deploy`, the deployed service in use, `make destroy`: against an emulated AWS."""

from __future__ import annotations

import base64
import io
import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import ClientError
from pyarrow import parquet as pq

from infra import ROOT
from infra.containers import docker
from infra.stages.deployments import dev
from tests.deploy.conftest import ACCOUNT, STACKS
from tests.deploy.emulator.registry import tag_again
from tests.deploy.emulator.sandboxes import LABEL
from tests.deploy.formation import REGION
from tests.deploy.templates import renamed, version_of, with_properties
from tests.factories_custom import LABELS, picture
from tests.sample_events import request

if TYPE_CHECKING:
    from tests.deploy.conftest import Account

pytestmark = [pytest.mark.needs_engine, pytest.mark.needs_registry, pytest.mark.timeout(900)]

EVENTS = ROOT / "events"
# A training of a dozen pictures takes some seconds, and so does a bulk job of two small tables.
EXECUTION_S = 120
# How a resource is read by the one name that CloudFormation knows it by: service, operation, parameter.
READ = {
    "AWS::ApiGateway::ApiKey": ("apigateway", "get_api_key", "apiKey"),
    "AWS::ApiGateway::RestApi": ("apigateway", "get_rest_api", "restApiId"),
    "AWS::ApiGateway::UsagePlan": ("apigateway", "get_usage_plan", "usagePlanId"),
    "AWS::CloudFront::Distribution": ("cloudfront", "get_distribution", "Id"),
    "AWS::CloudFront::OriginAccessControl": ("cloudfront", "get_origin_access_control", "Id"),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "get_dashboard", "DashboardName"),
    "AWS::Events::Rule": ("events", "describe_rule", "Name"),
    "AWS::Glue::Database": ("glue", "get_database", "Name"),
    "AWS::IAM::Role": ("iam", "get_role", "RoleName"),
    "AWS::Lambda::Alias": ("lambda", "get_function", "FunctionName"),
    "AWS::Lambda::EventSourceMapping": ("lambda", "get_event_source_mapping", "UUID"),
    "AWS::Lambda::Function": ("lambda", "get_function", "FunctionName"),
    "AWS::Lambda::Version": ("lambda", "get_function", "FunctionName"),
    "AWS::S3::Bucket": ("s3", "head_bucket", "Bucket"),
    "AWS::S3::BucketPolicy": ("s3", "get_bucket_policy", "Bucket"),
    "AWS::SNS::Topic": ("sns", "get_topic_attributes", "TopicArn"),
    "AWS::StepFunctions::StateMachine": ("stepfunctions", "describe_state_machine", "stateMachineArn"),
    "AWS::SQS::Queue": ("sqs", "get_queue_attributes", "QueueUrl"),
}


def exists(account: Account, resource: dict[str, Any]) -> bool:
    """Whether a resource of a type that READ has can be read."""
    service, operation, parameter = READ[resource["ResourceType"]]
    try:
        getattr(account.client(service), operation)(**{parameter: resource["PhysicalResourceId"]})
    except ClientError as error:
        gone = re.search("NotFound|NonExistent|DoesNotExist", error.response["Error"]["Code"])
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404 or gone:
            return False
        raise
    return True


def invoke(account: Account, function: str, event: Any) -> Any:
    """Invoke a deployed function by its live alias; what it returned."""
    reply = account.client("lambda").invoke(FunctionName=f"skysort-{function}-dev:live", Payload=json.dumps(event))
    answer = json.loads(reply["Payload"].read())
    assert "FunctionError" not in reply, answer
    return answer


def mapping(account: Account, function: str) -> str:
    """The id of the event source mapping that feeds a function."""
    mappings = account.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    (found,) = (each["UUID"] for each in mappings if f":skysort-{function}-dev" in each["FunctionArn"])
    return str(found)


def results(account: Account) -> dict[str, Any]:
    """The records in the results bucket, by key; other files by their text; without those of bulk jobs."""
    s3, bucket = account.client("s3"), account.outputs()["ResultsBucket"]
    found = {}
    for item in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
        if item["Key"].startswith("bulk/"):
            continue
        text = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read().decode()
        found[item["Key"]] = json.loads(text) if item["Key"].endswith(".json") else text
    return found


def test_every_stack_is_deployed_with_its_outputs(deployed: Account) -> None:
    stacks = deployed.client("cloudformation").describe_stacks()["Stacks"]
    assert {stack["StackName"]: stack["StackStatus"] for stack in stacks} == dict.fromkeys(
        ("CDKToolkit", *STACKS), "CREATE_COMPLETE"
    )
    outputs = deployed.outputs()
    assert outputs["DropBucket"] == f"{dev().drop_bucket}-{ACCOUNT}-{REGION}"
    assert outputs["ModelsBucket"] == f"{dev().models_bucket}-{ACCOUNT}-{REGION}"
    assert outputs["ResultsBucket"] == f"{dev().results_bucket}-{ACCOUNT}-{REGION}"
    assert outputs["ApiUrl"].endswith(f".execute-api.{REGION}.amazonaws.com/dev/")


def test_what_is_made_can_be_read_back(deployed: Account) -> None:
    made = [resource for stack in STACKS for resource in deployed.resources(stack) if resource["ResourceType"] in READ]
    missing = [resource["LogicalResourceId"] for resource in made if not exists(deployed, resource)]
    assert missing == []
    assert {resource["ResourceType"] for resource in made} >= {"AWS::Lambda::Alias", "AWS::S3::Bucket"}


@pytest.mark.parametrize("name", list(dev().functions))
def test_a_function_is_deployed_as_its_stage_says(name: str, deployed: Account) -> None:
    settings = dev().functions[name]
    found = deployed.client("lambda").get_function(FunctionName=f"skysort-{name}-dev", Qualifier="live")
    configuration = found["Configuration"]
    assert configuration["Version"] == "1"
    assert configuration["MemorySize"] == settings.memory_mb
    assert configuration["Timeout"] == settings.timeout_s
    assert configuration["EphemeralStorage"]["Size"] == settings.scratch_mb
    assert configuration["ImageConfigResponse"]["ImageConfig"]["Command"] == [settings.handler]


def test_the_release_hook_proved_every_version_by_running_it(deployed: Account) -> None:
    # When the stage was deployed, each alias waited for the hook; a version runs from the registry's image
    running = docker("ps", "--filter", f"label={LABEL}", "--format", '{{.Image}} {{.Label "' + LABEL + '"}}')
    lines = [line.split() for line in running.splitlines()]
    ours = {function for image, function in lines if image.startswith(f"{deployed.registry}/")}
    assert ours >= {f"skysort-{name}-dev:1" for name in dev().functions}


@pytest.mark.parametrize(
    ("function", "event", "says"),
    [
        ("star", "star_row", '"GALAXY"'),
        ("galaxy", "galaxy_jpeg", '"Unbarred Spiral"'),
        ("image", "image_jpeg", '"predictions"'),
        ("control", "models", '"galaxy"'),
    ],
)
def test_the_deployed_functions_answer_requests(function: str, event: str, says: str, deployed: Account) -> None:
    answer = invoke(deployed, function, json.loads((EVENTS / f"{event}.json").read_text(encoding="utf-8")))
    assert answer["statusCode"] == 200
    assert says in answer["body"]


@pytest.mark.parametrize("receives", [1, 3], ids=["first delivery", "third delivery, alone in a process of its own"])
def test_a_dropped_file_is_told_to_its_queue_and_the_image_works_it_off(deployed: Account, receives: int) -> None:
    # Given nothing reads the queue for now
    lambda_, sqs = deployed.client("lambda"), deployed.client("sqs")
    lambda_.update_event_source_mapping(UUID=mapping(deployed, "star-drop"), Enabled=False)

    # When a table is put into the drop bucket, under its real name
    key = f"incoming/star/first night/stars+more-{receives}.csv"
    table = (EVENTS / "stars.csv").read_bytes()
    deployed.client("s3").put_object(Bucket=deployed.outputs()["DropBucket"], Key=key, Body=table)

    # Then the queue has the notification, behind S3's test event of the deployment
    (queue,) = (queue for queue in dev().drop_queues if queue.model.name == "star")
    url = sqs.get_queue_url(QueueName=queue.queue)["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    told = [record for message in messages for record in json.loads(message["Body"]).get("Records", ())]
    assert [unquote_plus(record["s3"]["object"]["key"]) for record in told] == [key]

    # And the function, invoked with what the queue has, turns the table into a classified one
    assert invoke(deployed, "star-drop", queued(messages, url, receives)) == {"batchItemFailures": []}
    classified = results(deployed)[f"star/first night/stars+more-{receives}.csv"]
    # The last star was not measured in one band: it is among the rejects.
    assert len(classified.splitlines()) == len(table.splitlines()) - 1
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    lambda_.update_event_source_mapping(UUID=mapping(deployed, "star-drop"), Enabled=True)


def queued(messages: list[dict[str, Any]], url: str, receives: int) -> dict[str, Any]:
    """The event of received messages, as an event source mapping hands it to a function."""
    source = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": source,
                "awsRegion": REGION,
            }
            for message in messages
        ]
    }


@pytest.mark.parametrize("model", ["galaxy", "image"])
def test_a_dropped_picture_comes_out_classified(model: str, deployed: Account) -> None:
    # When a picture is put into the drop bucket, and nothing else is done
    body = (EVENTS / "galaxy_spiral.jpg").read_bytes()
    bucket = deployed.outputs()["DropBucket"]
    deployed.client("s3").put_object(Bucket=bucket, Key=f"incoming/{model}/first night/m31.jpg", Body=body)
    # Then its record is in the results bucket
    record = results(deployed)[f"{model}/first night/m31.jpg.json"]
    assert record["model"]["name"] == model


def ask(account: Account, function: str, method: str, path: str, body: Any = None, route: str | None = None) -> Any:
    """A request to a deployed function, as the API hands it over; the answer's document."""
    answer = invoke(account, function, request(method, path, body, route))
    assert answer["statusCode"] < 300, answer
    return json.loads(answer["body"])


def ended(account: Account, path: str, name: str) -> Any:
    """A training or a bulk job, once it has ended."""
    for _ in range(EXECUTION_S):
        found = ask(account, "control", "GET", f"{path}/{name}", route=f"{path}/{{id}}")
        if found["phase"] in {"done", "failed"}:
            break
        time.sleep(1)
    return found


def executions(account: Account, machine: str) -> list[str]:
    """How the executions of a state machine have ended, once none runs."""
    for _ in range(EXECUTION_S):
        found = account.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        if all(execution["status"] != "RUNNING" for execution in found):
            break
        time.sleep(0.2)
    return [execution["status"] for execution in found]


def test_a_bulk_job_classifies_a_dropped_table_into_a_table_of_glue(deployed: Account) -> None:
    # Given tables, uploaded for a bulk job
    s3, outputs = deployed.client("s3"), deployed.outputs()
    table = (EVENTS / "stars.csv").read_bytes()
    for number in range(2):
        s3.put_object(Bucket=outputs["DropBucket"], Key=f"incoming/bulk/survey/stars-{number}.csv", Body=table)

    # When they are to be classified, and nothing else is done
    wanted = {"model": "star", "source": {"prefix": "incoming/bulk/survey/"}, "tolerated_share": 0.2}
    job = ask(deployed, "control", "POST", "/v1/bulk", wanted)

    # Then the run started an execution, whose functions classified every row that can be
    job = ended(deployed, "/v1/bulk", job["id"])
    assert job["phase"] == "done", job
    assert executions(deployed, outputs["BulkMachine"]) == ["SUCCEEDED"]
    rows = len(table.splitlines()) - 1
    # Of each table one star was not measured in one band
    assert job["progress"]["rows"]["out"] == 2 * (rows - 1)
    assert job["progress"]["rows"]["rejected"] == 2

    # into objects that a table of the stage's database names
    database, name = job["links"]["table"].split(".")
    made = deployed.client("glue").get_table(DatabaseName=database, Name=name)["Table"]
    assert database == dev().glue_database
    assert made["StorageDescriptor"]["Location"] == job["links"]["data"]
    prefix = job["links"]["data"].removeprefix(f"s3://{outputs['ResultsBucket']}/")
    (data,) = s3.list_objects_v2(Bucket=outputs["ResultsBucket"], Prefix=prefix)["Contents"]
    body = s3.get_object(Bucket=outputs["ResultsBucket"], Key=data["Key"])["Body"].read()
    found = pq.read_table(io.BytesIO(body))
    assert found.num_rows == 2 * (rows - 1)
    assert set(found["skysort_class"].to_pylist()) <= {"GALAXY", "QSO", "STAR"}


def test_a_classifier_is_trained_in_the_deployed_stage_and_asked(deployed: Account) -> None:
    # Given labelled pictures, uploaded for training
    s3, outputs = deployed.client("s3"), deployed.outputs()
    for label in LABELS:
        for number in range(6):
            key = f"incoming/training/colours/{label}/{number}.jpg"
            s3.put_object(Bucket=outputs["DropBucket"], Key=key, Body=picture(label, number))

    # When a training is asked for, and nothing else is done
    wanted = {"kind": "pictures", "name": "colours", "source": {"batch": "colours"}}
    training = ask(deployed, "control", "POST", "/v1/trainings", wanted)

    # Then the request started an execution of the state machine, which trained a model
    training = ended(deployed, "/v1/trainings", training["id"])
    assert training["phase"] == "done", training
    assert executions(deployed, outputs["TrainingMachine"]) == ["SUCCEEDED"]

    # which classifies pictures that it has not seen, by request and dropped
    body = {"image": base64.b64encode(picture("red", 99)).decode()}
    path = "/v1/classify/custom/colours"
    answer = ask(deployed, "custom", "POST", path, body, route="/v1/classify/custom/{name}")
    assert answer["results"][0]["predictions"][0]["label"] == "red"
    assert training["version"].startswith(answer["model"]["version"])
    key = "custom/colours/first night/sky.jpg"
    s3.put_object(Bucket=outputs["DropBucket"], Key=f"incoming/{key}", Body=picture("blue", 99))
    record = results(deployed)[f"{key}.json"]
    assert record["model"]["name"] == "custom/colours"
    assert record["predictions"][0]["label"] == "blue"


def test_what_can_never_be_classified_gets_an_error_record(deployed: Account) -> None:
    bucket = deployed.outputs()["DropBucket"]
    deployed.client("s3").put_object(Bucket=bucket, Key="incoming/galaxy/first night/notes.jpg", Body=b"not a picture")
    record = results(deployed)["galaxy/first night/notes.jpg.error.json"]
    assert "send a JPEG" in json.dumps(record)


def test_deploying_the_same_again_changes_nothing(deployed: Account) -> None:
    assert "(no changes)" in deployed.cdk("deploy", "--require-approval", "never")


def running() -> dict[str, str]:
    """The sandboxes of the emulated account, function and version by container."""
    lines = docker("ps", "--filter", f"label={LABEL}", "--format", '{{.ID}} {{.Label "' + LABEL + '"}}').splitlines()
    return dict(line.split() for line in lines)


def test_one_model_changes_and_goes_back_while_the_other_sandboxes_stay_warm(deployed: Account) -> None:
    # Given an image under a new tag, as a change of star's code makes one
    formation, lambda_ = deployed.client("cloudformation"), deployed.client("lambda")
    template = formation.get_template(StackName=STACKS[0])["TemplateBody"]
    code = template["Resources"]["StarFunction"]["Properties"]["Code"]["ImageUri"]["Fn::Sub"]
    tag_again(code.replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION), "second", deployed.registry)
    uri = f"{code.rpartition(':')[0]}:second"
    changed = with_properties(template, "StarFunction", Code={"ImageUri": {"Fn::Sub": uri}}, Description="second")
    warm = running()

    # When it is deployed
    formation.create_change_set(
        StackName=STACKS[0],
        ChangeSetName="second",
        ChangeSetType="UPDATE",
        TemplateBody=json.dumps(renamed(changed, version_of(template, "StarFunction"), "StarFunctionVersionSecond")),
    )
    formation.execute_change_set(StackName=STACKS[0], ChangeSetName="second")

    # Then one function has moved, whose new version was started to be proved
    live = {
        name: lambda_.get_alias(FunctionName=f"skysort-{name}-dev", Name="live")["FunctionVersion"]
        for name in dev().functions
    }
    assert live == {name: "2" if name == "star" else "1" for name in dev().functions}
    assert running().items() >= warm.items()
    assert {*running().values()} - {*warm.values()} == {"skysort-star-dev:2"}

    # And goes back by one command
    assert "star: 2 -> 1" in deployed.command("rollback")
    assert lambda_.get_alias(FunctionName="skysort-star-dev", Name="live")["FunctionVersion"] == "1"


def test_destroy_leaves_nothing_but_what_the_templates_retain(deployed: Account) -> None:
    # Given what is there, and what the templates say of it
    formation = deployed.client("cloudformation")
    made, kept = [], set()
    for stack in STACKS:
        made += [resource for resource in deployed.resources(stack) if resource["ResourceType"] in READ]
        template = formation.get_template(StackName=stack)["TemplateBody"]
        kept |= {name for name, one in template["Resources"].items() if one.get("DeletionPolicy") == "Retain"}

    # When it is destroyed, and S3 delivers an access log meanwhile
    deployed.cdk("destroy", "--yes", "dev")

    # Then
    left = [stack["StackName"] for stack in formation.describe_stacks()["Stacks"]]
    assert left == ["CDKToolkit"]
    assert {one["LogicalResourceId"] for one in made if exists(deployed, one)} == kept & {
        one["LogicalResourceId"] for one in made
    }
