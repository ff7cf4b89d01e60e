"""The one guard around every reader of foreign bytes.

Decoders and parsers raise what they like on bytes that they were not made for: Pillow anything from OSError to
struct.error, pyarrow UnicodeDecodeError beside its own errors, a reader of ours what a length that lies leads to.
Whatever it is, it belongs to the one item whose bytes were read, and the other items are answered.
"""

from __future__ import annotations

import errno
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from skysort.errors import InfrastructureError, LimitExceededError, MalformedInputError, SkysortError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the machine lacks, not what the file holds: the same file may pass on another try.
_OF_THE_MACHINE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EROFS})
_MESSAGE_CHARACTERS: Final = 200
_log: Final = logging.getLogger(__name__)
# Where errors were raised whose traceback stands in the log; foreign bytes reach some dozens of places.
_reported: Final[set[tuple[str, str, int]]] = set()
_PLACES: Final = 200


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn every exception of a reader into the error of the item that was read.

    Parameters
    ----------
    what
        What is read, as a sentence begins with it: ``the PNG picture``.

    Raises
    ------
    SkysortError
        Those of skysort's own tree pass as they are.
    MalformedInputError
        For whatever a reader raises over the bytes.
    LimitExceededError
        When the bytes make the reader ask for more memory than there is.
    InfrastructureError
        When the machine, not the item, is at fault: a full disk, no more file descriptors, a module that is not there.

    Notes
    -----
    What is turned is logged, from each place with its traceback once,
    so that an error in skysort's own code, which looks the same from here, can be told from a damaged file.
    """
    try:
        yield
    except SkysortError:
        raise
    except MemoryError:
        raise LimitExceededError(f"{what} needs more memory than is available") from None
    except Exception as error:
        if isinstance(error, ImportError) or (isinstance(error, OSError) and error.errno in _OF_THE_MACHINE):
            raise InfrastructureError(f"{what} could not be read here: {error}") from error
        _log.info("a reader raised %s over %s", type(error).__name__, what, exc_info=_is_new(error))
        raise MalformedInputError(f"{what} cannot be read: {_message(error)}") from error


def _is_new(error: Exception) -> bool:
    """Whether no such error was logged from its place: an archive of ten thousand damaged pictures is one story."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (type(error).__name__, trace.tb_frame.f_code.co_filename if trace else "", trace.tb_lineno if trace else 0)
    if place in _reported or len(_reported) >= _PLACES:
        return False
    _reported.add(place)
    return True


def _message(error: Exception) -> str:
    """The reader's own words, in characters that every answer and log can hold."""
    text = str(error).encode("utf-8", "replace").decode() or type(error).__name__
    return text[:_MESSAGE_CHARACTERS]
