"""What Lambda and S3 refuse, inside deployments and beside them; each with the template that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from infra.stages.deployments import dev
from tests.deploy.emulator.account import Profile
from tests.deploy.templates import alias_of, of_type, part, released, version_of, with_properties

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.deploy.formation import Aws

    Templates = Callable[[str], Mapping[str, Any]]

STACK = "skysort-service-dev"
UNRESERVED = (
    "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
    "minimum value of [100]."
)


def star(service: Templates) -> dict[str, Any]:
    """Of dev's service: the function for stars with its version."""
    whole = service("dev")
    return part(whole, version_of(whole, "StarFunction"))


def drop(service: Templates) -> dict[str, Any]:
    """Of dev's service: the function for dropped tables, its alias, and the proof that comes before it moves."""
    whole = service("dev")
    return part(whole, alias_of(whole, "StarDropFunction"))


def test_a_version_of_an_image_that_is_the_same_under_another_tag_is_refused(aws: Aws, service: Templates) -> None:
    # Given that builds are reproducible
    aws.account.digest = lambda _: "the same"
    template = star(service)
    assert aws.deploy(STACK, template).status == "CREATE_COMPLETE"
    # When an image gets another tag, and is the same
    outcome = aws.deploy(STACK, released(template, "StarFunction", "another"))
    # Then Lambda publishes nothing, and everything goes back
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert outcome.reasons == {
        "StarFunctionVersionanother": (
            "A version for this Lambda function exists ( 1 ). Modify the function to create a new version."
        )
    }


def test_another_description_makes_another_version_of_the_same_image(aws: Aws, service: Templates) -> None:
    aws.account.digest = lambda _: "the same"
    template = star(service)
    assert aws.deploy(STACK, template).status == "CREATE_COMPLETE"
    outcome = aws.deploy(STACK, released(template, "StarFunction", "another", Description="another revision"))
    assert outcome.status == "UPDATE_COMPLETE"


def test_a_version_number_is_used_once(aws: Aws, service: Templates) -> None:
    template = star(service)
    aws.deploy(STACK, template)
    for tag in ("second", "third"):
        aws.deploy(STACK, released(template, "StarFunction", tag, Description=tag))
    versions = aws.client("lambda").list_versions_by_function(FunctionName="skysort-star-dev")["Versions"]
    assert [found["Version"] for found in versions][-1] == "3"


def test_a_function_larger_than_a_new_account_allows_is_refused(aws: Aws, service: Templates) -> None:
    aws.account.profile = Profile(memory_mb=3_008)
    whole = service("dev")
    template = part(whole, "StarDropFunction")
    outcome = aws.deploy(STACK, with_properties(template, "StarDropFunction", MemorySize=3_538))
    assert "Member must have value less than or equal to 3008" in outcome.reasons["StarDropFunction"]
    assert (
        aws.deploy(STACK, with_properties(template, "StarDropFunction", MemorySize=3_008)).status == "CREATE_COMPLETE"
    )


def test_a_reservation_that_leaves_less_than_100_is_refused(aws: Aws, service: Templates) -> None:
    aws.account.profile = Profile(concurrency=110)
    template = part(service("dev"), "StarFunction")
    outcome = aws.deploy(STACK, with_properties(template, "StarFunction", ReservedConcurrentExecutions=11))
    assert UNRESERVED in outcome.reasons["StarFunction"]
    assert aws.account.names == {}
    outcome = aws.deploy(STACK, with_properties(template, "StarFunction", ReservedConcurrentExecutions=10))
    assert outcome.status == "CREATE_COMPLETE"


@pytest.mark.parametrize("qualifier", ["7", "live"])
def test_a_version_or_alias_that_is_not_there_cannot_be_invoked(qualifier: str, aws: Aws, service: Templates) -> None:
    aws.deploy(STACK, star(service))
    with pytest.raises(ClientError, match=rf"Function not found: \S+:function:skysort-star-dev:{qualifier}") as refused:
        aws.client("lambda").invoke(FunctionName="skysort-star-dev", Qualifier=qualifier, Payload=b"{}")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_an_invocation_above_what_is_reserved_is_throttled(aws: Aws, service: Templates) -> None:
    aws.deploy(STACK, star(service))
    reserved = dev().functions["star"].reserved_concurrency
    assert reserved is not None
    with (
        aws.account.working("skysort-star-dev", reserved),
        pytest.raises(ClientError, match="TooManyRequestsException") as refused,
    ):
        aws.client("lambda").invoke(FunctionName="skysort-star-dev", Payload=b"{}")
    assert dict(refused.value.response)["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_a_release_cannot_be_proved_where_the_event_source_may_use_all_that_is_reserved(
    aws: Aws, service: Templates
) -> None:
    # Given as much reserved as the drop folder's event source may use, which is busy
    at_once = next(queue.maximum_concurrency for queue in dev().drop_queues if queue.model.name == "star")
    template = with_properties(drop(service), "StarDropFunction", ReservedConcurrentExecutions=at_once)
    assert aws.deploy(STACK, template).status == "CREATE_COMPLETE"
    with aws.account.working("skysort-star-drop-dev", at_once):
        outcome = aws.deploy(STACK, released(template, "StarDropFunction", "second", Description="second"))
    # Then the proof is throttled
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    (why,) = outcome.reasons.values()
    assert "all sandboxes reserved for its function" in why


def test_a_release_is_proved_while_every_sandbox_that_the_event_source_may_use_is_busy(
    aws: Aws, service: Templates
) -> None:
    at_once = next(queue.maximum_concurrency for queue in dev().drop_queues if queue.model.name == "star")
    template = drop(service)
    assert aws.deploy(STACK, template).status == "CREATE_COMPLETE"
    with aws.account.working("skysort-star-drop-dev", at_once):
        outcome = aws.deploy(STACK, released(template, "StarDropFunction", "second", Description="second"))
    assert outcome.status == "UPDATE_COMPLETE", outcome


def test_a_bucket_with_objects_stays(aws: Aws, service: Templates) -> None:
    whole = service("dev")
    (logs,) = [name for name in of_type(whole, "AWS::S3::Bucket") if name.startswith("DropFolderBucketsAccessLogs")]
    aws.deploy(STACK, part(whole, logs))
    s3 = aws.client("s3")
    (bucket,) = (found["Name"] for found in s3.list_buckets()["Buckets"])

    # Given a bucket with an object
    s3.put_object(Bucket=bucket, Key="drop/log", Body=b"an access log")
    outcome = aws.destroy(STACK)
    assert outcome.status == "DELETE_FAILED"
    assert "The bucket you tried to delete is not empty" in outcome.reasons[logs]

    # When it is emptied, and S3 delivers a log meanwhile
    s3.delete_object(Bucket=bucket, Key="drop/log")
    aws.account.late_logs[bucket] = 1
    assert aws.destroy(STACK).status == "DELETE_FAILED"

    # Then it goes once it is emptied again
    for found in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=found["Key"])
    assert aws.destroy(STACK).status == "DELETE_COMPLETE"
    assert s3.list_buckets()["Buckets"] == []


def test_a_name_that_another_stack_has_is_refused(aws: Aws, service: Templates) -> None:
    whole = service("dev")
    (group,) = [name for name in of_type(whole, "AWS::Logs::LogGroup") if name.startswith("StarFunctionLogs")]
    assert aws.deploy("another", part(whole, group)).status == "CREATE_COMPLETE"
    outcome = aws.deploy(STACK, part(whole, group))
    taken = "Resource of type 'AWS::Logs::LogGroup' with identifier '/aws/lambda/skysort-star-dev' already exists."
    assert taken in outcome.reasons[group]
