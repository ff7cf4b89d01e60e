"""A message that failed comes again when its function said, not when its queue's timeout of 90 minutes ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from infra.local.event_source import SqsQueue, event
from infra.stages.queues import VISIBILITY_TIMEOUTS
from tests.factories import FakeContext
from tests.integration.drop.conftest import REGION

if TYPE_CHECKING:
    from tests.integration.drop.conftest import Folder

TIMEOUT_S = VISIBILITY_TIMEOUTS * 900


def test_what_failed_is_not_kept_waiting_for_the_queues_timeout(folder: Folder, endpoint: str) -> None:
    # Given a queue as deployed, and a message that no delivery can succeed with
    sqs = boto3.client("sqs", endpoint_url=endpoint)
    url = sqs.create_queue(QueueName="slow", Attributes={"VisibilityTimeout": str(TIMEOUT_S)})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.send_message(QueueUrl=url, MessageBody="rubbish")
    queue = SqsQueue(sqs, "slow", redelivery_s=None)
    # When it is delivered
    (message,) = queue.receive(10, 0)
    answer = folder.handler(event([message], arn, REGION), FakeContext())
    # Then it fails, and comes again soon
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == [message["MessageId"]]
    (again,) = queue.receive(10, 10)
    assert again["MessageId"] == message["MessageId"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
