"""`skysort open`: the page of a service in the browser."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import Exit, UsageError
from skysort_cli.local import checkout
from skysort_cli.terminal import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

# Where `make run` and `skysort serve` write their addresses, if not below the checkout.
STATE: Final = "SKYSORT_STATE"
_PATHS: Final = {"page": "/", "docs": "/docs"}


def run(options: argparse.Namespace) -> int:
    """Open it, and print its address; returns the exit status."""
    endpoint = find_endpoint(options.endpoint, os.environ)
    address = endpoint.url if endpoint else running_here(os.environ)
    if address is None:
        raise UsageError("no service runs here: start one with `skysort serve`, or give --endpoint URL")
    address += _PATHS[options.page]
    sys.stdout.write(f"{address}\n")
    if not (options.print_only or _opened(address)):
        say("no browser can be started here; open the address in one")
    return Exit.OK


def running_here(environment: Mapping[str, str]) -> str | None:
    """The address of the local stack, from the state that it keeps while it runs; None if none runs."""
    root = checkout()
    folder = environment.get(STATE) or (root / ".skysort" if root else None)
    if folder is None:
        return None
    try:
        state = json.loads((Path(folder) / "state.json").read_text(encoding="utf-8"))
        os.kill(int(state["pids"]["stack"]), 0)  # raises if a killed stack has left the file
        return str(state["http"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _opened(address: str) -> bool:
    """Whether a browser could be started."""
    import webbrowser  # noqa: PLC0415 - for this alone

    # A browser of a text terminal would take the terminal, and over ssh there is no other.
    has_screen = sys.platform in {"darwin", "win32"} or any(
        map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    )
    return has_screen and webbrowser.open(address)
