"""Checks of `make doctor`: what each found, and the table of all.

A check reads only. One that its credentials may not read says so, and does not fail the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.commands import CommandError, described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}
)


class Result(Enum):
    """What a check found. Only FAILED keeps a deployment from succeeding."""

    OK = "ok"
    NOTE = "note"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table; sentence: what was found, and what to do unless all is well."""

    check: str
    result: Result
    sentence: str


Check = tuple[str, "Callable[[], tuple[Result, str]]"]


def ok(sentence: str) -> tuple[Result, str]:
    """All is well."""
    return Result.OK, sentence


def note(sentence: str) -> tuple[Result, str]:
    """Worth knowing before a deployment."""
    return Result.NOTE, sentence


def unknown(sentence: str) -> tuple[Result, str]:
    """Cannot be told."""
    return Result.UNKNOWN, sentence


def failed(sentence: str) -> tuple[Result, str]:
    """A deployment would fail."""
    return Result.FAILED, sentence


def findings(checks: Iterable[Check]) -> list[Finding]:
    """Run checks; what AWS does not let a check read makes its result unknown."""
    return [Finding(name, *_run(check)) for name, check in checks]


def _run(check: Callable[[], tuple[Result, str]]) -> tuple[Result, str]:
    try:
        return check()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _DENIED:
            return unknown(f"these credentials may not call {error.operation_name}")
        return unknown(f"AWS said: {described(error)}")
    except BotoCoreError as error:
        return unknown(f"AWS could not be asked: {described(error)}")
    except CommandError as error:
        return failed(" ".join(str(error).split()))


def table(found: Sequence[Finding]) -> str:
    """The findings, aligned."""
    width = max(len(finding.check) for finding in found)
    return "".join(f"{finding.result.value:<8}{finding.check:<{width}}  {finding.sentence}\n" for finding in found)
