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

from skysort_cli.checks import Check, State, machine
from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import Exit
from skysort_cli.terminal import is_terminal, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

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
        found = _shown(checks)
    missing = [check for check in found if check.state is State.MISSING]
    if any(check.group == "service" for check in missing):
        return Exit.SERVICE
    return Exit.MISSING if missing else Exit.OK


def _service(endpoint: Endpoint | None, timeout_s: float) -> Iterator[Check]:
    if endpoint is None:
        return
    try:
        from skysort_cli.client import Client  # noqa: PLC0415 - may be what is missing
        from skysort_cli.retry import RetryPolicy  # noqa: PLC0415
        from skysort_cli.service_checks import service  # noqa: PLC0415
    except ImportError as error:
        yield Check("service", "answers", State.MISSING, f"not asked: no {error.name}", "pip install rich httpx")
        return
    with Client(endpoint, timeout_s=timeout_s, policy=RetryPolicy(attempts=2)) as client:
        yield from service(client)


def _shows(signs: str) -> bool:
    """Whether stdout's encoding has these signs."""
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _shown(checks: Iterator[Check]) -> list[Check]:
    """Each check as a line, as soon as it is known; remedies below."""
    width = max(40, shutil.get_terminal_size((100, 24)).columns)
    colour = is_terminal(sys.stdout) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    plain = not _shows("✓✗·")
    found: list[Check] = []
    group = ""
    for check in checks:
        if check.group != group:
            sys.stdout.write(("\n" if group else "") + check.group + "\n")
            group = check.group
        sign, ascii_sign, code = _MARKS[check.state]
        mark = ascii_sign if plain else sign
        mark = f"\x1b[{code}m{mark}\x1b[0m" if colour else mark
        text = printable(check.found) + (f": {printable(check.remedy)}" if check.remedy else "")
        lines = textwrap.wrap(text, width - 7 - _NAME_WIDTH if width > 2 * _NAME_WIDTH + 20 else width - 6) or [""]
        indent = " " * (_NAME_WIDTH + 5)
        if width <= 2 * _NAME_WIDTH + 20:
            lines, indent = ["", *lines], " " * 6
        sys.stdout.write(f"  {mark} {check.name:<{_NAME_WIDTH}} {lines[0]}".rstrip() + "\n")
        sys.stdout.writelines(f"{indent}{line}\n" for line in lines[1:])
        sys.stdout.flush()
        found.append(check)
    absent = sum(check.state is State.MISSING for check in found)
    optional = sum(check.state is State.OPTIONAL for check in found)
    said = f"{absent} missing" if absent else "nothing missing"
    said += f", {optional} only for what their headings say" if optional else ""
    sys.stdout.write("\n" + "\n".join(textwrap.wrap(said, width)) + "\n")
    return found
