"""Exit codes that scripts can rely on, and the errors that lead to them."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Exit(IntEnum):
    """What the command's exit status says."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    SERVICE = 3
    MISSING = 4
    OUTPUT = 5
    INTERRUPTED = 130
    BROKEN_PIPE = 141  # as the shell reports a program that SIGPIPE ended


EXPLAINED: Final = """\
exit status:
  0    all inputs were classified
  1    some inputs failed; each one's reason is in the output and on stderr
  2    the command line is wrong, or an option that the model does not take
  3    the service cannot be reached, refuses the key, or keeps failing
  4    something that this needs is missing on this machine; see skysort doctor
  5    the results cannot be written (disk full)
  130  interrupted with Ctrl-C
  141  the reader of the output went away (| head)"""


class CommandError(Exception):
    """The command ends here: a message for the user, and the exit status."""

    exit = Exit.SOME_FAILED


class UsageError(CommandError):
    """The command line cannot be carried out as it stands."""

    exit = Exit.USAGE


class ServiceError(CommandError):
    """The service cannot be reached, refuses the key, or keeps failing: more requests would end the same way."""

    exit = Exit.SERVICE


class MissingError(CommandError):
    """A package, a model or a program that this needs is not on this machine."""

    exit = Exit.MISSING


class StoppedError(Exception):
    """The command is being interrupted: no further attempt."""


class ProblemError(Exception):
    """One input's failure, as a problem document (RFC 9457); the other inputs go on.

    retryable: whether the same request may pass later (429, 5xx).
    """

    def __init__(self, problem: Mapping[str, Any], *, retryable: bool = False) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or "unknown problem"))
        self.problem = dict(problem)
        self.retryable = retryable

    @property
    def detail(self) -> str:
        """The problem's message."""
        return str(self)

    @property
    def fields(self) -> set[str]:
        """The names of the fields that the problem is about."""
        return {str(field.get("field")) for field in self.problem.get("errors", []) if isinstance(field, dict)}
