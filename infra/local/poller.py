"""The process that feeds dropped files to the drop functions, beside the gateway so that neither disturbs the other."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

from infra.local.children import tell
from infra.local.event_source import RECEIVE_MAXIMUM, EventSource, Message
from infra.local.launch import ACCOUNT, Lifeline
from infra.local.pool import Pool
from infra.local.process import StartFailedError
from infra.local.sandbox import watch
from infra.local.services import sqs_client
from infra.local.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_sqs import SQSClient

    from infra.stages.stage import DropQueue, LocalStage


class SqsQueue:
    """A real queue. retry_delay_s: when a failed message is visible again, None for the visibility timeout."""

    def __init__(self, client: SQSClient, url: str, retry_delay_s: int | None) -> None:
        self._client = client
        self._url = url
        self._retry_delay_s = retry_delay_s

    def receive(self, count: int, wait_s: int) -> list[Message]:
        """Take up to count messages, waiting for the first."""
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [dict(message) for message in answer.get("Messages", [])]

    def delete(self, messages: Sequence[Message]) -> None:
        """Remove messages for good."""
        for chunk in _chunks(messages):
            entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(chunk)]
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]

    def retry(self, messages: Sequence[Message]) -> None:
        """Make failed messages visible again after the delay, where there is one."""
        if self._retry_delay_s is None:
            return
        for message in messages:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=self._retry_delay_s
            )


def _chunks(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for start in range(0, len(messages), RECEIVE_MAXIMUM):
        yield messages[start : start + RECEIVE_MAXIMUM]


async def run(settings: Settings, endpoint: str) -> int:
    """Start the drop functions, tell `ready`, and poll from the parent's go until SIGTERM; returns an exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stage, lifeline = settings.stage(), Lifeline()
    pools: dict[str, Pool] = {}
    show = (lambda line: tell(show=line)) if settings.verbose else None
    for queue in stage.drop_queues:
        launcher = settings.launcher(queue.function, stage, lifeline, endpoint, show)
        pools[queue.function] = Pool(
            launcher,
            lambda: tell(sandboxes={name: pool.pids for name, pool in pools.items()}),
        )
    try:
        await asyncio.gather(*(pool.prestart() for pool in pools.values()))
    except StartFailedError as error:
        tell(error=str(error))
        return 1
    tell(ready=True)
    await asyncio.to_thread(sys.stdin.readline)
    sources = [_source(queue, stage, endpoint, pools[queue.function]) for queue in stage.drop_queues]
    work = [asyncio.create_task(source.run()) for source in sources]
    work += [asyncio.create_task(pool.housekeeping()) for pool in pools.values()]
    stopped = asyncio.create_task(_until(stop))
    finished, _ = await asyncio.wait([stopped, *work], return_when=asyncio.FIRST_COMPLETED)
    for task in work:
        task.cancel()
    await asyncio.gather(*(pool.close() for pool in pools.values()))
    for task in finished - {stopped}:
        traceback.print_exception(task.exception())
    return 0 if stop.is_set() else 1


async def _until(event: asyncio.Event) -> None:
    await event.wait()


def _source(queue: DropQueue, stage: LocalStage, endpoint: str, pool: Pool) -> EventSource:
    client = sqs_client(endpoint, stage.region)
    url = client.get_queue_url(QueueName=queue.queue)["QueueUrl"]
    arn = f"arn:aws:sqs:{stage.region}:{ACCOUNT}:{queue.queue}"
    return EventSource(SqsQueue(client, url, stage.limits.retry_delay_s), pool, queue, arn, stage.region)


async def main(settings: Settings, endpoint: str) -> None:
    """Run, and end at once: a long poll may still wait in a thread, and nothing is left to save."""
    os._exit(await run(settings, endpoint))


if __name__ == "__main__":
    watch(int(sys.argv[1]))
    asyncio.run(main(Settings.from_json(sys.argv[2]), sys.argv[3]))
