"""A Lambda event source mapping for an SQS queue: polls, batches, invokes, and deletes successful messages.

Semantics: AWS, "Using Lambda with Amazon SQS" and "Handling errors for an SQS event source in Lambda": what failed is
visible again when its visibility timeout ends, or when its function said, and a throttled batch is held and tried again
until then. Only for tests a stage may say sooner (LocalLimits.redelivery_s).
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import math
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from infra.local.events import encode
from infra.local.pool import InvocationError, ThrottledError
from infra.local.process import ACCOUNT, StartFailedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient

    from infra.local.pool import Pool, Reply
    from infra.stages.queues import DropQueue

Message = dict[str, Any]
LOGGER: Final = logging.getLogger(__name__)

RECEIVE_MAXIMUM: Final = 10  # messages per ReceiveMessage and per batch call
LONG_POLL_S: Final = 10
READ_TIMEOUT_S: Final = 60
POLL_AGAIN_S: Final = 1.0
THROTTLED_AGAIN_S: Final = 1.0


class SqsQueue:
    """The queue operations that the mapping needs.

    redelivery_s: after which a failed message is visible again; None for when its function or its timeout says.
    """

    def __init__(self, client: SQSClient, name: str, redelivery_s: int | None) -> None:
        self._client = client
        self._url = client.get_queue_url(QueueName=name)["QueueUrl"]
        self._redelivery_s = redelivery_s

    def receive(self, count: int, wait_s: int) -> list[Message]:
        """Receive up to count messages, waiting up to wait_s seconds for the first."""
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [dict(message) for message in answer.get("Messages", [])]

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages."""
        for start in range(0, len(messages), RECEIVE_MAXIMUM):
            chunk = messages[start : start + RECEIVE_MAXIMUM]
            entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(chunk)]
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]

    def retry(self, messages: Sequence[Message]) -> None:
        """Make failed messages visible again after redelivery_s, if that is set."""
        if self._redelivery_s is None:
            return
        for message in messages:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=self._redelivery_s
            )


class InvalidBatchResponseError(Exception):
    """A handler's result is not a partial batch response, so the whole batch counts as failed."""


def sqs_client(endpoint: str, region: str) -> SQSClient:
    """A client of the local SQS."""
    import boto3  # noqa: PLC0415 - a slow import, during which the rest of the stack starts
    from botocore.config import Config  # noqa: PLC0415

    config = Config(read_timeout=READ_TIMEOUT_S, retries={"max_attempts": 0}, proxies={})
    return boto3.client("sqs", endpoint_url=endpoint, region_name=region, config=config)


def failed_ids(payload: bytes, batch: Sequence[str]) -> set[str]:
    """Parse the failed messages that a handler reports.

    As in AWS, an empty report (null, an empty object, a null or empty list) is success.

    Parameters
    ----------
    payload
        The handler's result as JSON.
    batch
        The message ids of the batch.

    Returns
    -------
    set of str
        The failed ids.

    Raises
    ------
    InvalidBatchResponseError
        For an invalid report (an unknown, empty or missing id): the batch is retried rather than lost.
    """
    response = json.loads(payload)
    if response is None:
        return set()
    if not isinstance(response, dict):
        raise InvalidBatchResponseError(f"the function must return an object or null (got {response!r:.80})")
    failures = response.get("batchItemFailures")
    if failures is None:
        return set()
    if not isinstance(failures, list):
        raise InvalidBatchResponseError(f"batchItemFailures must be a list (got {failures!r:.80})")
    known, failed = set(batch), set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if identifier not in known:
            raise InvalidBatchResponseError(f"batchItemFailures names {identifier!r:.80}, which is not in the batch")
        failed.add(str(identifier))
    return failed


def event(messages: Sequence[Message], arn: str, region: str) -> dict[str, Any]:
    """Build Lambda's SQS event from messages of ReceiveMessage."""
    return {"Records": [_record(message, arn, region) for message in messages]}


def _record(message: Message, arn: str, region: str) -> dict[str, Any]:
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {n: _attribute(a) for n, a in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(attribute: Mapping[str, Any]) -> dict[str, Any]:
    spelled: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": attribute["DataType"]}
    if "StringValue" in attribute:
        spelled["stringValue"] = attribute["StringValue"]
    if "BinaryValue" in attribute:
        spelled["binaryValue"] = base64.b64encode(attribute["BinaryValue"]).decode("ascii")
    return spelled


def collect(
    queue: SqsQueue, batch_size: int, window_s: float, clock: Callable[[], float] = time.monotonic
) -> list[Message]:
    """Collect a batch: available messages, and those arriving within the window, up to the batch size."""
    messages = queue.receive(min(RECEIVE_MAXIMUM, batch_size), LONG_POLL_S)
    end = clock() + window_s
    while messages and len(messages) < batch_size and (left := end - clock()) > 0:
        messages += queue.receive(min(RECEIVE_MAXIMUM, batch_size - len(messages)), max(1, math.floor(left)))
    return messages


class EventSource:
    """Feeds a queue to a function; it polls in its own threads."""

    def __init__(
        self,
        queue: SqsQueue,
        function: Pool,
        settings: DropQueue,
        region: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._pause = pause
        self._queue = queue
        self._function = function
        self._settings = settings
        self._arn = f"arn:aws:sqs:{region}:{ACCOUNT}:{settings.queue}"
        self._region = region
        self._threads = ThreadPoolExecutor(settings.maximum_concurrency, thread_name_prefix=settings.queue)

    async def run(self) -> None:
        """Poll until cancelled, with up to maximum_concurrency batches at once."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.maximum_concurrency):
                    group.create_task(self._poll())
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _poll(self) -> None:
        settings = self._settings
        while True:
            try:
                messages = await self._call(collect, self._queue, settings.batch_size, settings.batching_window_s)
                if messages:
                    await self.process(messages)
            except Exception as error:
                LOGGER.warning(
                    "%s cannot be polled (%s: %s); trying again", settings.queue, type(error).__name__, error
                )
                await asyncio.sleep(POLL_AGAIN_S)

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def process(self, messages: Sequence[Message]) -> None:
        """Invoke the function with a batch; delete successful messages, retry failed ones."""
        failed = await self._invoke(messages)
        done = [message for message in messages if message["MessageId"] not in failed]
        failures = [message for message in messages if message["MessageId"] in failed]
        if done:
            await self._call(self._queue.delete, done)
        if failures:
            await self._call(self._queue.retry, failures)

    async def _submit(self, payload: bytes) -> Reply:
        """The reply to a batch, which is held while its function is throttled, until its visibility timeout ends."""
        end = self._clock() + self._settings.visibility_timeout_s
        while True:
            try:
                return await self._function.submit(str(uuid.uuid4()), payload)
            except ThrottledError:
                if self._clock() + THROTTLED_AGAIN_S >= end:
                    raise
                await self._pause(THROTTLED_AGAIN_S)

    async def _invoke(self, messages: Sequence[Message]) -> set[str]:
        identifiers = [message["MessageId"] for message in messages]
        payload = encode(event(messages, self._arn, self._region)).encode()
        try:
            reply = await self._submit(payload)
            if not reply.failed:
                return failed_ids(reply.payload, identifiers)
            LOGGER.warning("the function failed on a batch of %d: %s", len(messages), reply.payload[:200].decode())
        except (InvocationError, StartFailedError, InvalidBatchResponseError) as error:
            LOGGER.warning("a batch of %d failed: %s", len(messages), error)
        return set(identifiers)
