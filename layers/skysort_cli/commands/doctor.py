"""`skysort doctor`: what is missing on this machine, and how to get it; and whether a service is well."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import textwrap
from itertools import chain
from typing import TYPE_CHECKING, Final

from skysort_cli.checks import SERVICE, Check, State, machine, service
from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import Exit
from skysort_cli.terminal import is_terminal, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from skysort_cli.endpoint import Endpoint

_MARKS: Final = {State.OK: ("✓", "+", "32"), State.MISSING: ("✗", "x", "31"), State.OPTIONAL: ("·", "-", "33")}
_NAME_WIDTH: Final = 24


def run(options: argparse.Namespace) -> int:
    """Look at everything; returns the exit status."""
    endpoint = find_endpoint(options.endpoint, os.environ)
    checks = chain(machine(os.environ, in_process=endpoint is None), _service(endpoint, options.timeout))
    if options.format == "json":
        found = list(checks)
        sys.stdout.write(json.dumps([dataclasses.asdict(check) for check in found], indent=2) + "\n")
    else:
        found = _show(checks)
    missing = {check.group for check in found if check.state is State.MISSING}
    return Exit.SERVICE if SERVICE in missing else Exit.MISSING if missing else Exit.OK


def _service(endpoint: Endpoint | None, timeout_s: float) -> Iterator[Check]:
    if endpoint is None:
        return
    try:
        from skysort_cli.client import Client, RetryPolicy  # noqa: PLC0415 - may be what is missing
    except ImportError as error:
        yield Check(SERVICE, "answers", State.MISSING, f"not asked: no {error.name}", "pip install rich httpx")
        return
    with Client(endpoint, timeout_s=timeout_s, policy=RetryPolicy(attempts=2)) as client:
        yield from service(client)


def _can_show(signs: str) -> bool:
    """Whether stdout's encoding has these signs."""
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _show(checks: Iterable[Check]) -> list[Check]:
    """Each check as a line, as soon as it is known; remedies below."""
    width = max(40, shutil.get_terminal_size((100, 24)).columns)
    narrow = width <= 2 * _NAME_WIDTH + 20
    indent = 6 if narrow else _NAME_WIDTH + 5
    colour = is_terminal(sys.stdout) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    ascii_only = not _can_show("✓✗·")
    found: list[Check] = []
    for check in checks:
        if not found or check.group != found[-1].group:
            sys.stdout.write(("\n" if found else "") + check.group + "\n")
        *marks, code = _MARKS[check.state]
        mark = f"\x1b[{code}m{marks[ascii_only]}\x1b[0m" if colour else marks[ascii_only]
        text = printable(check.found) + (f": {printable(check.remedy)}" if check.remedy else "")
        lines = textwrap.wrap(text, width - indent - (0 if narrow else 2)) or [""]
        lines = ["", *lines] if narrow else lines
        sys.stdout.write(f"  {mark} {check.name:<{_NAME_WIDTH}} {lines[0]}".rstrip() + "\n")
        sys.stdout.writelines(f"{' ' * indent}{line}\n" for line in lines[1:])
        sys.stdout.flush()
        found.append(check)
    absent = sum(check.state is State.MISSING for check in found)
    optional = sum(check.state is State.OPTIONAL for check in found)
    parts = f"{absent} required part{'s' * (absent != 1)} missing" if absent else "All required parts found"
    parts += f"; {optional} optional part{'s' * (optional != 1)} missing." if optional else "."
    sys.stdout.write("\n" + "\n".join(textwrap.wrap(parts, width)) + "\n")
    return found
