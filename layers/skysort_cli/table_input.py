"""A table's bytes: opened, gunzipped, told apart, and what is wrong with them; and one result as a record has it."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import sys
import zlib
from typing import IO, TYPE_CHECKING, Any, Final, cast

from skysort import problems
from skysort.gzip_stream import GZIP
from skysort.star.tables.detect import HEAD_BYTES, Format, detect
from skysort_cli.exits import ProblemError
from skysort_cli.inputs import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysort_cli.inputs import Input
    from skysort_cli.pictures import Record

# Failures of the output, which may arise in the midst of reading.
_OF_WRITING: Final = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def record_of(answer: dict[str, Any], result: dict[str, Any]) -> Record:
    """One result of an answer as a record has it: the model first, without what tells of this run alone."""
    if "error" in result:
        return {"error": result["error"]}
    kept = {key: value for key, value in result.items() if key not in {"id", "cached"}}
    return {"model": answer.get("model"), **kept}


@contextlib.contextmanager
def opened(one: Input) -> Iterator[io.BufferedReader]:
    """The input's bytes; raises ProblemError where the file cannot be opened."""
    if one.path is None:
        yield cast("io.BufferedReader", sys.stdin.buffer)
        return
    try:
        file = one.path.open("rb")
    except OSError as error:
        raise unreadable(error) from error
    with file:
        yield file


def recognised(file: io.BufferedReader) -> tuple[io.BufferedReader, Format]:
    """The table's bytes, gunzipped where they were gzipped, and its format; raises UnsupportedFormatError."""
    with damage():
        if file.peek(2).startswith(GZIP):
            file = io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=cast("IO[bytes]", file))))
        return file, detect(file.peek(HEAD_BYTES)[:HEAD_BYTES])


@contextlib.contextmanager
def damage() -> Iterator[None]:
    """Bytes that are not what they claim to be, as a problem."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise _malformed(f"the file is not UTF-8 text: {error.reason}; save it as UTF-8") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _malformed(f"the gzip data is damaged or cut short: {error}") from error
    except OSError as error:
        if error.errno in _OF_WRITING:
            raise
        raise unreadable(error) from error


def _malformed(detail: str) -> ProblemError:
    return ProblemError(problems.document(400, "malformed-input", "The input cannot be read", detail))
