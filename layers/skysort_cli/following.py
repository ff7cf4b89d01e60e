"""Waiting for a training: its phase on a line of the terminal, and its end."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any, Final

from skysort_cli.exits import StoppedError
from skysort_cli.terminal import bar

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from skysort_cli.registries import Registry
    from skysort_cli.terminal import Bar

DONE: Final = "done"
FAILED: Final = "failed"
ENDED: Final = frozenset({DONE, FAILED})
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 2.0


def followed(
    registry: Registry,
    identifier: str,
    *,
    max_s: float,
    stop: threading.Event,
    quiet: bool,
    longest_pause_s: float = _LONGEST_PAUSE_S,
) -> dict[str, Any]:
    """The state of a training when it has ended or time is up, its phases shown on the way; raises StoppedError."""
    deadline = time.monotonic() + max_s
    pause = _FIRST_PAUSE_S
    with bar("waiting", None, quiet=quiet, counted=False) as line:
        while True:
            training = registry.training(identifier)
            show_phase(line, training)
            remaining = deadline - time.monotonic()
            if training["phase"] in ENDED or remaining <= 0:
                return training
            if stop.wait(min(pause, remaining)):
                raise StoppedError
            pause = min(longest_pause_s, pause * 1.3)


def follow_command(identifier: str, endpoint: str | None) -> str:
    """The command that waits for a training. endpoint: of --endpoint."""
    return shlex.join(["skysort", "trainings", identifier, "--wait", *(["--endpoint", endpoint] if endpoint else [])])


def show_phase(line: Bar, training: Mapping[str, Any]) -> None:
    """Show the phase of a training, and how far it is where it is known."""
    progress = training.get("progress") or {}
    done, total = progress.get("done"), progress.get("total")
    if isinstance(done, int) and isinstance(total, int) and total > 0:
        line.say(f"{training['phase']}, {done:,} of {total:,} {progress.get('unit') or ''}".rstrip())
        line.set(done, total)
    else:
        line.say(str(training["phase"]))
        line.set(0, None)
