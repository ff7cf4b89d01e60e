"""Structs of Thrift's compact protocol, in which Parquet writes what it says of itself.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skysort.errors import MalformedInputError

if TYPE_CHECKING:
    from mmap import mmap

_DEPTH: Final = 8
_TRUE, _FALSE, _BYTE, _SHORT, _INT, _LONG, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
# A number's bytes carry seven bits each; the eighth says that there is another.
_VARINT_BITS, _VARINT_MASK, _NUMBER_BITS = 7, 127, 64
# A list's length stands beside its type up to 14.
_LONG_LIST: Final = 15


class Thrift:
    """Reads structs from bytes.

    at: where it reads next. Every element takes a byte at least, so that no more is made than the bytes are many.
    Raises MalformedInputError for what is none, and beyond stop.
    """

    def __init__(self, content: mmap | bytes, at: int, stop: int) -> None:
        self._content = content
        self._stop = stop
        self.at = at

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """A struct's fields by their number: numbers, structs and lists of them; None for texts, which are skipped."""
        if depth > _DEPTH:
            raise MalformedInputError("the Parquet file is damaged: what it says of itself is nested too deep")
        fields: dict[int, Any] = {}
        number = 0
        while (first := self._byte()) != 0:
            delta, kind = first >> 4, first & 15
            number = number + delta if delta else self._zigzag()
            fields[number] = kind == _TRUE if kind in {_TRUE, _FALSE} else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in {_SHORT, _INT, _LONG}:
            return self._zigzag()
        if kind == _BINARY:
            return self._skip(self._varint())
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in {_LIST, _SET}:
            return self._list(depth)
        fixed = {_TRUE: 1, _FALSE: 1, _BYTE: 1, _DOUBLE: 8}.get(kind)
        if fixed is None:
            raise MalformedInputError("the Parquet file is damaged: what it says of itself holds an unknown type")
        return self._skip(fixed)

    def _list(self, depth: int) -> list[Any]:
        first = self._byte()
        length, kind = first >> 4, first & 15
        if length == _LONG_LIST:
            length = self._varint()
        if length > self._stop - self.at:
            raise MalformedInputError("the Parquet file is damaged: a list has more elements than bytes")
        return [self._value(kind, depth) for _ in range(length)]

    def _byte(self) -> int:
        if self.at >= self._stop:
            raise MalformedInputError("the Parquet file is damaged: what it says of itself does not end")
        value = self._content[self.at]
        self.at += 1
        return value

    def _skip(self, size: int) -> None:
        if size > self._stop - self.at:
            raise MalformedInputError("the Parquet file is damaged: what it says of itself does not end")
        self.at += size

    def _varint(self) -> int:
        value = 0
        for shift in range(0, _NUMBER_BITS, _VARINT_BITS):
            byte = self._byte()
            value |= (byte & _VARINT_MASK) << shift
            if byte <= _VARINT_MASK:
                return value
        raise MalformedInputError("the Parquet file is damaged: a number in what it says of itself does not end")

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
