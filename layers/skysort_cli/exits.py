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
    """The command ends here: a sentence for the user, and the exit status."""

    exit = Exit.SOME_FAILED

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class UsageError(CommandError):
    """The command line cannot be carried out as it stands."""

    exit = Exit.USAGE


class ServiceError(CommandError):
    """The service cannot be reached, refuses the key, or keeps failing: more requests would end the same way."""

    exit = Exit.SERVICE


class MissingError(CommandError):
    """A package, a model or a program that this needs is not on this machine."""

    exit = Exit.MISSING


class ProblemError(Exception):
    """One input's failure, as a problem document (RFC 9457); the other inputs go on.

    again: whether the same request may pass later (429, 5xx).
    """

    def __init__(self, problem: Mapping[str, Any], *, again: bool = False) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or "unknown problem"))
        self.problem = dict(problem)
        self.again = again

    @property
    def detail(self) -> str:
        """The sentence of the problem."""
        return str(self)
