"""Exit statuses that scripts can rely on, and the errors that cause them."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Exit(IntEnum):
    """The command's exit status."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    SERVICE = 3
    MISSING = 4
    OUTPUT = 5
    INTERRUPTED = 130
    BROKEN_PIPE = 141  # as shells report a program ended by SIGPIPE


EXPLAINED: Final = """\
exit status:
  0    all inputs were classified
  1    some inputs failed; the reasons are in the output and on stderr
  2    the command line is wrong, or the model does not support an option
  3    the service cannot be reached, rejects the key, or keeps failing
  4    a package, model or program is missing here; see skysort doctor
  5    the results cannot be written (disk full)
  130  interrupted with Ctrl-C
  141  the reader of the output closed it (| head)"""


class ClientError(Exception):
    """What goes wrong between this program and a service, or with its input."""


class CommandError(ClientError):
    """The command ends here: a message for the user, and the exit status."""

    exit = Exit.SOME_FAILED


class UsageError(CommandError):
    """The command line is invalid."""

    exit = Exit.USAGE


class ServiceError(CommandError):
    """The service cannot be reached, rejects the key, or keeps failing: further requests would fail too."""

    exit = Exit.SERVICE


class MissingError(CommandError):
    """A required package, model or program is missing on this machine."""

    exit = Exit.MISSING


class OutputError(CommandError):
    """What the command makes cannot be written."""

    exit = Exit.OUTPUT


class StoppedError(ClientError):
    """The command is interrupted, or the client closed: no further attempts."""

    def __str__(self) -> str:
        return "the client was closed"


class ProblemError(ClientError):
    """One input's failure, as a problem document (RFC 9457); the other inputs are not affected.

    retryable: whether the same request may succeed later (429, 5xx).
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
        """The names of the invalid fields."""
        return {str(field.get("field")) for field in self.problem.get("errors", []) if isinstance(field, dict)}
