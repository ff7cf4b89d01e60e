"""The drop folder as deployed: closed buckets, wired queues, and nothing lost on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.stages.functions import StageError
from infra.stages.queues import DEAD_LETTER_DAYS, QUEUE_DAYS
from infra.stages.retention import DropRetention
from skysort.settings import DROP_BUCKET, RESULTS_BUCKET
from tests.infra.synth import flat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.stages.queues import DropQueue
    from tests.infra.synth import Resource, Synthesised

BUCKET, QUEUE = "AWS::S3::Bucket", "AWS::SQS::Queue"
MODELS = ["star", "galaxy", "image", "custom"]
DAY_S = 86_400


def bucket(stage: Synthesised, name: str) -> Resource:
    return stage.named(BUCKET, "BucketName", f"skysort-{name}-{stage.stage.name}")


def settings(stage: Synthesised, model: str) -> DropQueue:
    (found,) = [queue for queue in stage.stage.drop_queues if queue.model.name == model]
    return found


def queue(stage: Synthesised, name: str) -> Resource:
    (found,) = [one for one in stage.resources(QUEUE) if one.properties["QueueName"] == name]
    return found


def rules(found: Resource) -> dict[str, Mapping[str, Any]]:
    return {rule["Id"]: rule for rule in found.properties["LifecycleConfiguration"]["Rules"]}


def variables(stage: Synthesised, function: str) -> Mapping[str, Any]:
    found = stage.named("AWS::Lambda::Function", "FunctionName", stage.stage.function_name(function))
    known: Mapping[str, Any] = found.properties["Environment"]["Variables"]
    return known


@pytest.mark.parametrize("name", ["drop", "results", "models", "access-logs"])
def test_buckets_are_closed_encrypted_and_owned_by_the_account(stage: Synthesised, name: str) -> None:
    found = bucket(stage, name).properties
    public = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    assert found["PublicAccessBlockConfiguration"] == dict.fromkeys(public, True)
    assert found["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (encryption,) = found["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_every_bucket_and_queue_refuses_what_does_not_come_by_tls(stage: Synthesised) -> None:
    refusing = [
        flat(target)
        for policy in stage.resources("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy")
        for target in ([policy.properties["Bucket"]] if "Bucket" in policy.properties else policy.properties["Queues"])
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    assert set(refusing) == {f"<{found.logical_id}>" for found in stage.resources(BUCKET, QUEUE)}


@pytest.mark.parametrize("name", ["drop", "results"])
def test_files_and_results_keep_their_versions_for_a_while(stage: Synthesised, name: str) -> None:
    found = bucket(stage, name)
    assert found.properties["VersioningConfiguration"] == {"Status": "Enabled"}
    old = rules(found)["old-versions"]["NoncurrentVersionExpiration"]["NoncurrentDays"]
    days = stage.stage.drop_retention
    assert old == (days.incoming if name == "drop" else days.old_results)


def test_nothing_stays_for_ever_that_nobody_asked_for(stage: Synthesised) -> None:
    days = stage.stage.drop_retention
    for name, unfinished in (("drop", days.unfinished), ("results", 1), ("access-logs", 1)):
        rule = rules(bucket(stage, name))["unfinished"]
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": unfinished}
    assert rules(bucket(stage, "drop"))["expire"]["ExpirationInDays"] == days.incoming
    assert rules(bucket(stage, "access-logs"))["expire"]["ExpirationInDays"] == days.access_logs
    results = rules(bucket(stage, "results"))
    if days.results is None:
        assert "expire" not in results
        assert results["old-versions"]["ExpiredObjectDeleteMarker"] is True
    else:
        assert results["expire"]["ExpirationInDays"] == days.results


def test_a_dropped_file_outlives_every_message_that_tells_of_it(stage: Synthesised) -> None:
    assert stage.stage.drop_retention.incoming > DEAD_LETTER_DAYS > QUEUE_DAYS
    with pytest.raises(StageError, match="14 days of their dead letters"):
        DropRetention(incoming=14)
    with pytest.raises(StageError, match="unfinished must be at least 1 day"):
        DropRetention(unfinished=0)


def test_data_outlives_the_stack_where_the_stage_keeps_it(stage: Synthesised) -> None:
    policy = "RetainExceptOnCreate" if stage.stage.keep_data else "Delete"
    assert {bucket(stage, name).whole["DeletionPolicy"] for name in ("drop", "results", "models", "access-logs")} == {
        policy
    }


@pytest.mark.parametrize("model", MODELS)
def test_uploads_are_told_to_their_models_queue(stage: Synthesised, model: str) -> None:
    # Given the drop bucket's notifications
    found = bucket(stage, "drop")
    told = found.properties["NotificationConfiguration"]["QueueConfigurations"]
    wanted = settings(stage, model)
    # Then those about this model's folders, and only those, go to its queue
    ours = [notification for notification in told if flat(notification["Queue"]).endswith(f":{wanted.queue}")]
    assert {one["Event"] for one in ours} == {"s3:ObjectCreated:*"}
    assert [one["Filter"]["S3Key"]["Rules"] for one in ours] == [
        [{"Name": "prefix", "Value": prefix}] for prefix in wanted.prefixes
    ]
    # which allows that before the bucket is made, since S3 asks it at once
    (policy,) = [
        policy
        for policy in stage.resources("AWS::SQS::QueuePolicy")
        if policy.properties["Queues"] == [{"Ref": queue(stage, wanted.queue).logical_id}]
    ]
    assert policy.logical_id in found.whole["DependsOn"]
    # and the results bucket tells no queue, and EventBridge, whose rule starts runs of bulk jobs: no loop can form
    (told,) = bucket(stage, "results").properties["NotificationConfiguration"]
    assert told == "EventBridgeConfiguration"


@pytest.mark.parametrize("model", MODELS)
def test_what_keeps_failing_goes_to_the_dead_letters_of_its_own_queue(stage: Synthesised, model: str) -> None:
    wanted = settings(stage, model)
    main, dead = queue(stage, wanted.queue), queue(stage, wanted.dead_letter_queue)
    assert main.properties["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead.logical_id, "Arn"]},
        "maxReceiveCount": wanted.max_receive_count,
    }
    allowed = dead.properties["RedriveAllowPolicy"]
    assert allowed["redrivePermission"] == "byQueue"
    assert [flat(arn).rpartition(":")[2] for arn in allowed["sourceQueueArns"]] == [wanted.queue]
    days = [found.properties["MessageRetentionPeriod"] / DAY_S for found in (main, dead)]
    assert days == [QUEUE_DAYS, DEAD_LETTER_DAYS]
    assert main.properties["SqsManagedSseEnabled"] is dead.properties["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize("model", MODELS)
def test_the_live_alias_works_through_the_queue_message_by_message(stage: Synthesised, model: str) -> None:
    wanted = settings(stage, model)
    source = {"Fn::GetAtt": [queue(stage, wanted.queue).logical_id, "Arn"]}
    (mapping,) = [
        one for one in stage.resources("AWS::Lambda::EventSourceMapping") if one.properties["EventSourceArn"] == source
    ]
    found = mapping.properties
    # The mapping calls the function by its name and the alias' own, which CloudFormation cuts out of the alias' ARN
    (alias,) = [one for one in stage.resources("AWS::Lambda::Alias") if one.logical_id in flat(found["FunctionName"])]
    assert flat(found["FunctionName"]).endswith(":live")
    function = stage.one(alias.properties["FunctionName"]["Ref"])
    assert function.properties["FunctionName"] == stage.stage.function_name(f"{model}-drop")
    # One bad file does not bring the others of its batch back
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["BatchSize"] == wanted.batch_size
    assert found["MaximumBatchingWindowInSeconds"] == wanted.batching_window_s
    assert found["ScalingConfig"] == {"MaximumConcurrency": wanted.maximum_concurrency}
    # and Lambda asks whether it may read the queue at the moment the mapping is made
    policies = [name for name in mapping.whole["DependsOn"] if stage.one(name).type == "AWS::IAM::Policy"]
    allowed = [json.dumps(stage.one(name).properties["PolicyDocument"]) for name in policies]
    assert any("sqs:ReceiveMessage" in document for document in allowed)


@pytest.mark.parametrize("model", MODELS)
def test_a_message_stays_away_for_six_timeouts_of_its_function(stage: Synthesised, model: str) -> None:
    wanted = settings(stage, model)
    timeout = stage.stage.functions[wanted.function].timeout_s
    assert queue(stage, wanted.queue).properties["VisibilityTimeout"] >= 6 * timeout


@pytest.mark.parametrize("model", MODELS)
def test_a_function_may_show_the_messages_of_its_own_queue_again(stage: Synthesised, model: str) -> None:
    # Given who may change when messages are visible
    own = {"Fn::GetAtt": [queue(stage, settings(stage, model).queue).logical_id, "Arn"]}
    role = stage.named("AWS::Lambda::Function", "FunctionName", stage.stage.function_name(f"{model}-drop"))
    allowed = [
        (policy.properties["Roles"], statement["Resource"])
        for policy in stage.resources("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if "sqs:ChangeMessageVisibility" in statement["Action"] and statement["Resource"] == own
    ]
    # Then of this queue it is the role of its drop function
    assert allowed == [([{"Ref": role.properties["Role"]["Fn::GetAtt"][0]}], own)]


def test_functions_know_the_buckets_by_their_deployed_names(stage: Synthesised) -> None:
    drop, results = (flat(bucket(stage, name).properties["BucketName"]) for name in ("drop", "results"))
    assert drop == f"skysort-drop-{stage.stage.name}-<AWS::AccountId>-<AWS::Region>"
    for model in MODELS:
        assert flat(variables(stage, f"{model}-drop")[RESULTS_BUCKET]) == results
    for function in ("galaxy", "image", "control"):
        assert flat(variables(stage, function)[DROP_BUCKET]) == drop
    assert DROP_BUCKET not in variables(stage, "star")
    assert flat(variables(stage, "control")[RESULTS_BUCKET]) == results


def test_no_web_page_may_upload_before_the_stages_own_is_known(stage: Synthesised) -> None:
    """The page's address is drawn by CloudFront; make deploy lets that one in."""
    for name in ("drop", "results", "access-logs"):
        assert "CorsConfiguration" not in bucket(stage, name).properties


def test_who_read_and_wrote_is_logged(stage: Synthesised) -> None:
    logs = {"Ref": bucket(stage, "access-logs").logical_id}
    for name in ("drop", "results"):
        found = bucket(stage, name).properties["LoggingConfiguration"]
        assert found == {"DestinationBucketName": logs, "LogFilePrefix": f"{name}/"}
