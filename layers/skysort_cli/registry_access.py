"""Access to the registry that a command works with: a service's, or this machine's."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from skysort_cli.exits import ProblemError, UsageError
from skysort_cli.terminal import interruptible

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from skysort_cli.endpoint import Endpoint
    from skysort_cli.registries import Registry


@contextlib.contextmanager
def opened_registry(endpoint: Endpoint | None, timeout_s: float) -> Iterator[tuple[Registry, threading.Event]]:
    """The registry of a service, or without one of this machine; and the event that an interrupt sets."""
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(interruptible())
        if endpoint is None:
            from skysort_cli.local_registry import LocalRegistry  # noqa: PLC0415 - needs the models' packages

            yield LocalRegistry(os.environ), stop
            return
        from skysort_cli.client import Client  # noqa: PLC0415 - not needed in process
        from skysort_cli.remote_registry import RemoteRegistry  # noqa: PLC0415 - not needed in process

        yield RemoteRegistry(stack.enter_context(Client(endpoint, timeout_s=timeout_s, stop=stop))), stop


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Turn a refused request into an error of the command line, with its sentence."""
    try:
        yield
    except ProblemError as error:
        raise UsageError(error.detail) from error
