"""`python -m infra.local`: run skysort on this machine until Ctrl-C."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.children import NO_ACCOUNT, ServicesFailedError
from infra.local.process import StartFailedError
from infra.local.settings import Settings, SettingsError, parse
from infra.local.stack import PortBusyError, Stack, StateBusyError
from skysort.models import MODELS, ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

StartErrors = (PortBusyError, ServicesFailedError, SettingsError, StartFailedError, StateBusyError)


def banner(stack: Stack, seconds: float) -> str:
    """The addresses of the stack, and commands to try."""
    api, s3, stage = f"http://127.0.0.1:{stack.port}", stack.endpoint, stack.stage
    queue = next(queue for queue in stage.drop_queues if queue.model.input is ROWS)
    try_drop = f"""
  curl -T events/stars.csv {s3}/{stage.drop_bucket}/{queue.prefixes[0]}demo/stars.csv
  curl --fail --retry 9 --retry-all-errors -s {s3}/{stage.results_bucket}/{queue.model.name}/demo/stars.csv"""
    models = "|".join(MODELS)
    return f"""skysort is ready after {seconds:.1f} s (stage {stage.name})

  page       {api}/
  docs       {api}/docs  the HTTP API, to read and to try
  S3         {s3}  drop into {stage.drop_bucket}/incoming/{models}/BATCH/, fetch from {stage.results_bucket}
  queues     {queue.queue} and the like, failures in {queue.dead_letter_queue}
  logs       {_short(stack.settings.state / "logs")}, state in {_short(stack.settings.state / "state.json")}

Try it from another terminal, in {stack.settings.root}:
  curl {api}/v1/classify/star -H 'Content-Type: application/json' \\
    -d '{{"u": 23.87882, "g": 22.2753, "r": 20.39501, "i": 19.16573, "z": 18.79371, "redshift": 0.6347936}}'\
{try_drop if stack.settings.drop else ""}
  export PATH="{Path(sys.executable).parent}:$PATH" SKYSORT_ENDPOINT={api}
  skysort classify galaxy events/galaxy_*.jpg

Ctrl-C stops everything.
"""


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


async def run(settings: Settings) -> None:
    """Run the stack until SIGINT or SIGTERM."""
    began = time.perf_counter()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop_or_leave, stop)
    stack = Stack(settings, lambda line: print(line, flush=True))
    stopping = asyncio.create_task(stop.wait())
    try:
        starting = asyncio.create_task(stack.start())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            return
        await starting
        print(banner(stack, time.perf_counter() - began), flush=True)
        watching = asyncio.create_task(stack.watch())
        await asyncio.wait([watching, stopping], return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            await watching
        watching.cancel()
    finally:
        stopping.cancel()
        await stack.stop()


def _stop_or_leave(stop: asyncio.Event) -> None:
    if stop.is_set():  # a second Ctrl-C: exit now; all children end with the lifeline
        os._exit(130)
    stop.set()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop factory of uvloop, if installed; asyncio's own loop has about half the throughput."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    return factory


def main() -> int:
    """Run; errors that the user can fix are printed as one line."""
    try:
        settings = parse(sys.argv[1:], os.environ)
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(NO_ACCOUNT)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run(settings))
    except StartErrors as error:
        print(f"skysort: {error}", file=sys.stderr)
        return 1
    except BaseExceptionGroup as errors:
        expected, rest = errors.split(StartErrors)
        if rest is not None or expected is None:
            raise
        for message in sorted({str(leaf) for leaf in _leaves(expected)}):
            print(f"skysort: {message}", file=sys.stderr)
        return 1
    return 0


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves


if __name__ == "__main__":
    sys.exit(main())
