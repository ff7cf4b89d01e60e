"""What may be given as a picture, as its name and its bytes."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from skysort.limits import IMAGE_BYTES, MIB
from skysort_cli.exits import UsageError
from skysort_cli.inputs import Input, url_fault
from skysort_client.arrays import array_file


@runtime_checkable
class Saves(Protocol):
    """A picture of Pillow."""

    def save(self, fp: Any, format: str) -> None:  # noqa: A002 - as Pillow names it
        """Write it in a format."""


@runtime_checkable
class Reads(Protocol):
    """An open binary file."""

    def read(self) -> bytes:
        """All of it."""


@runtime_checkable
class Pixels(Protocol):
    """An array of NumPy."""

    @property
    def dtype(self) -> Any:
        """Its type."""

    @property
    def shape(self) -> Any:
        """Its lengths."""

    def tobytes(self) -> bytes:
        """Its bytes."""


Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | Saves | Reads | Pixels


def name_of(source: Source, index: int) -> str:
    """What a picture is called in its result: its path, or its number."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else str(index)


def picture_bytes(source: Source) -> bytes:
    """The bytes of a picture: of a file as they are, of one in memory as PNG or FITS, without loss.

    Parameters
    ----------
    source
        A path, bytes, an open binary file, a picture of Pillow, or an array of NumPy (``array_file``).

    Returns
    -------
    The file.

    Raises
    ------
    ProblemError
        The file cannot be read, or is too large.
    UsageError
        It is none of these.
    """
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        if fault := url_fault(path):
            raise UsageError(fault)
        limit = IMAGE_BYTES // MIB
        return Input(path, Path(path), path).read(IMAGE_BYTES, f"the picture has more than {limit} MiB")
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, Pixels):
        return array_file(source)
    if isinstance(source, Saves):
        file = io.BytesIO()
        source.save(file, format="PNG")
        return file.getvalue()
    if isinstance(source, Reads):
        return source.read()
    raise UsageError(
        f"a {type(source).__name__} is no picture: give a path, bytes, an open binary file, a picture of Pillow or an "
        "array of NumPy"
    )


def size_of(source: Source) -> int:
    """About how many bytes a picture has, before it is read."""
    if isinstance(source, str | os.PathLike):
        return Input("", Path(source), "").size()
    if isinstance(source, bytes | bytearray | memoryview):
        return len(source)
    return int(getattr(source, "nbytes", MIB))
