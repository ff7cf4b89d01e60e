"""When the messages of a batch are visible again, instead of when their queue's visibility timeout ends.

That timeout is six of the function's, so that Lambda may hold a throttled batch ("Creating and configuring an Amazon
SQS event source mapping"), and whatever fails waits for its end ("Handling errors for an SQS event source in Lambda"):
an hour and a half. So a running batch is hidden for as long as its invocation can last, which is when a killed one is
delivered again, and what the invocation itself reports comes back after a delay of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from skysort.limits import DROP_RETRY_S
from skysort.observability import logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs import SQSClient

# Entries of one ChangeMessageVisibilityBatch.
_BATCH: Final = 10
# Between the end of an invocation and its batch's return: Lambda deletes what succeeded.
MARGIN_S: Final = 60
# Without an answer the queue's own timeout applies: nothing is lost, so a batch waits for it no longer than this.
_CONFIG: Final = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})

Record = dict[str, Any]


def retry_s(receives: int) -> int:
    """Seconds until a message that failed is visible again: about as long as the fault has lasted."""
    doublings = min(receives - 1, DROP_RETRY_S.bit_length())  # however often a message may have come
    return min(1 << doublings, DROP_RETRY_S)


def invocation_s(context: LambdaContext) -> int:
    """Seconds for which the messages of an invocation that begins stay invisible."""
    return math.ceil(context.get_remaining_time_in_millis() / 1000) + MARGIN_S


class Messages(Protocol):
    """The queue that a batch is from."""

    def show_in(self, seconds: Mapping[str, int], records: list[Record]) -> None:
        """Make messages, by their ids, visible again in so many seconds; logs what cannot be changed."""


class SqsMessages:
    """Messages of Amazon SQS. client: by default one with short timeouts, from the environment, on first use."""

    def __init__(self, client: SQSClient | None = None) -> None:
        self._client = client

    def show_in(self, seconds: Mapping[str, int], records: list[Record]) -> None:
        """Make messages, by their ids, visible again in so many seconds; logs what cannot be changed."""
        selected = [record for record in records if record["messageId"] in seconds]
        for start in range(0, len(selected), _BATCH):
            self._change(selected[start : start + _BATCH], seconds)

    def _change(self, records: list[Record], seconds: Mapping[str, int]) -> None:
        entries: Any = [
            {
                "Id": str(number),
                "ReceiptHandle": record["receiptHandle"],
                "VisibilityTimeout": seconds[record["messageId"]],
            }
            for number, record in enumerate(records)
        ]
        # arn:aws:sqs:region:account:name; asking for the URL would need a permission of its own.
        account, name = records[0]["eventSourceARN"].split(":")[-2:]
        try:
            if self._client is None:
                self._client = boto3.client("sqs", config=_CONFIG)
            url = f"{self._client.meta.endpoint_url}/{account}/{name}"
            answer = self._client.change_message_visibility_batch(QueueUrl=url, Entries=entries)
            faults = [f"{failed['Code']}: {failed.get('Message', '')}" for failed in answer.get("Failed", ())]
        except (BotoCoreError, ClientError) as error:
            faults = [str(error)]
        if faults:
            logger.warning(
                "visibility of messages not changed; they are delivered again when the queue's timeout ends",
                extra={"queue": name, "faults": faults},
            )
