"""One array of weights out of an ONNX file, without a library for them: serving has ONNX Runtime, which does not say.

Field numbers are those of onnx.proto3 (ModelProto.graph, GraphProto.initializer, TensorProto), and of Protocol Buffers'
wire format.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_GRAPH: Final = 7
_INITIALIZER: Final = 5
_DIMENSIONS, _TYPE, _NAME, _RAW = 1, 2, 8, 9
_FLOAT: Final = 1
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def weights(content: bytes, name: str) -> NDArray[np.float32]:
    """The float32 array of an initializer; raises ArtefactError if the file has none of that name."""
    try:
        for graph in _messages(memoryview(content), _GRAPH):
            for tensor in _messages(graph, _INITIALIZER):
                found = _tensor(tensor, name)
                if found is not None:
                    return found
    except (IndexError, ValueError, struct.error) as error:
        raise ArtefactError(f"the network's file is damaged: {error}") from error
    raise ArtefactError(f"the network has no weights {name!r} in single precision")


def _tensor(tensor: memoryview, name: str) -> NDArray[np.float32] | None:
    shape: list[int] = []
    kind, called, raw = 0, "", b""
    for number, value in _fields(tensor):
        if number == _DIMENSIONS:
            shape += _dimensions(value)
        elif number == _TYPE and isinstance(value, int):
            kind = value
        elif number == _NAME and isinstance(value, memoryview):
            called = value.tobytes().decode()
        elif number == _RAW and isinstance(value, memoryview):
            raw = value.tobytes() if called in {"", name} else b""
    if called != name or kind != _FLOAT or not raw:
        return None
    return np.frombuffer(raw, "<f4").reshape(shape)


def _dimensions(value: int | memoryview) -> list[int]:
    """Dimensions, one a field or packed into one."""
    if isinstance(value, int):
        return [value]
    found, position = [], 0
    while position < len(value):
        number, position = _varint(value, position)
        found.append(number)
    return found


def _messages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    return (value for number, value in _fields(message) if number == wanted and isinstance(value, memoryview))


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Every field's number and value: whole numbers as they are, everything else as its bytes."""
    return ((number, value) for number, value, _ in fields(message))


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview, memoryview]]:
    """Every field of a message.

    Parameters
    ----------
    message
        In Protocol Buffers' wire format.

    Yields
    ------
    Its number; its value, a whole number as it is and everything else as its bytes; and the field itself.

    Raises
    ------
    ValueError
        For a damaged message; IndexError for one that ends too early.
    """
    position = 0
    while position < len(message):
        start = position
        key, position = _varint(message, position)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, position = _varint(message, position)
            yield number, value, message[start:position]
            continue
        if wire == _BYTES:
            size, position = _varint(message, position)
        elif wire in {_FIXED_32, _FIXED_64}:
            size = 4 if wire == _FIXED_32 else 8
        else:
            raise ValueError(f"wire type {wire}")
        if position + size > len(message):
            raise ValueError("a field ends beyond its message")
        yield number, message[position : position + size], message[start : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last byte
            return value, position
        shift += 7
        if shift > 63:  # noqa: PLR2004 - bits
            raise ValueError("a number has more than 64 bits")
