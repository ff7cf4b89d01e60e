"""The guard around every reader of untrusted bytes.

Decoders and parsers raise all kinds of errors on malformed bytes: Pillow anything from OSError to struct.error, pyarrow
UnicodeDecodeError beside its own errors, skysort's readers whatever a wrong length leads to. Each becomes an error of
the item whose bytes were read; the other items are not affected.
"""

from __future__ import annotations

import errno
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from skysort.errors import InfrastructureError, LimitExceededError, MalformedInputError, SkysortError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Faults of the machine, not of the file: the same file may pass on another attempt.
_OF_THE_MACHINE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EROFS})
_MESSAGE_CHARACTERS: Final = 200
_log: Final = logging.getLogger(__name__)
# Where errors were raised that were logged with a traceback; there are some dozens of such places.
_reported: Final[set[tuple[str, str, int]]] = set()
_MAX_REPORTED: Final = 200


@contextmanager
def reading(subject: str) -> Iterator[None]:
    """Turn every exception of a reader into an error of the item that was read.

    Parameters
    ----------
    subject
        The subject of error messages: ``the PNG picture``.

    Raises
    ------
    SkysortError
        Skysort's own errors pass unchanged.
    MalformedInputError
        If the bytes are malformed.
    LimitExceededError
        If reading needs more memory than is available.
    InfrastructureError
        If the machine is at fault: a full disk, no more file descriptors, a missing module.

    Notes
    -----
    Each is logged, with a traceback once per place, since a bug in skysort looks the same as a damaged file here.
    """
    try:
        yield
    except SkysortError:
        raise
    except MemoryError:
        raise LimitExceededError(f"{subject} needs more memory than is available") from None
    except Exception as error:
        if isinstance(error, ImportError) or (isinstance(error, OSError) and error.errno in _OF_THE_MACHINE):
            raise InfrastructureError(f"{subject} could not be read here: {error}") from error
        _log.info("a reader raised %s over %s", type(error).__name__, subject, exc_info=_is_new(error))
        raise MalformedInputError(f"{subject} cannot be read: {_message(error)}") from error


def _is_new(error: Exception) -> bool:
    """Whether no such error was logged from its place: ten thousand damaged pictures need one traceback."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (type(error).__name__, trace.tb_frame.f_code.co_filename if trace else "", trace.tb_lineno if trace else 0)
    if place in _reported or len(_reported) >= _MAX_REPORTED:
        return False
    _reported.add(place)
    return True


def _message(error: Exception) -> str:
    """The reader's message, cut, and without lone surrogates."""
    text = str(error).encode("utf-8", "replace").decode() or type(error).__name__
    return text[:_MESSAGE_CHARACTERS]
