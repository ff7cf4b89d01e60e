"""The footer of a Parquet file: its row groups, and where each column's pages lie.

Read here as well as by Arrow, whose own view of a damaged footer ends the process.
Format: Apache Parquet (https://parquet.apache.org/docs/file-format/), parquet.thrift's FileMetaData.

Structs of Thrift's compact protocol, in which Parquet writes what it says of itself.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import MIB, PARQUET_FOOTER_BYTES, TABLE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from mmap import mmap
    from pathlib import Path


_MAGIC: Final = b"PAR1"
# The file ends in the footer, its length and the magic number.
_TAIL: Final = 8
_REPEATED: Final = 2
# Numbers of parquet.thrift's Type and CompressionCodec.
_BOOLEAN, _INT32, _INT64, _INT96, _FLOAT, _DOUBLE, _BYTE_ARRAY, _FIXED = range(8)
_WIDTHS: Final = {_BOOLEAN: 1, _INT32: 4, _INT64: 8, _INT96: 12, _FLOAT: 4, _DOUBLE: 8, _BYTE_ARRAY: 0}
_CODECS: Final = {0: "none", 1: "snappy", 2: "gzip", 4: "brotli", 5: "lz4", 6: "zstd", 7: "lz4"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column that holds values, perhaps within others.

    width: bytes of a value, 0 for texts. repeated: whether a row may hold several.
    """

    width: int
    repeated: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column's pages in one row group.

    start, stop: where they lie. values: how many, nulls included. codec: as pyarrow calls it.
    """

    leaf: Leaf
    start: int
    stop: int
    values: int
    codec: str


@dataclass(frozen=True, slots=True)
class Group:
    """A row group."""

    rows: int
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Footer:
    """A file's row groups."""

    groups: tuple[Group, ...]

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(group.rows for group in self.groups)


def read_footer(path: Path) -> Footer:
    """Read a file's footer; raises MalformedInputError where it is damaged, LimitExceededError where it is too long.

    More than TABLE_COLUMNS columns, those within others counted, are too many as well.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or length + _TAIL > size:
            raise MalformedInputError("the Parquet file cannot be read: it is cut short, its end is not a footer")
        if length > PARQUET_FOOTER_BYTES:
            raise LimitExceededError(
                f"the Parquet file's footer has {length // MIB:,} MiB; at most {PARQUET_FOOTER_BYTES // MIB:,} MiB are "
                "read: write it with larger row groups"
            )
        file.seek(size - _TAIL - length)
        footer = Thrift(file.read(length), 0, length).struct()
    leaves = tuple(_leaves(_list(footer, 2)))
    if len(leaves) > TABLE_COLUMNS:
        raise LimitExceededError(f"the table has {len(leaves):,} columns; at most {TABLE_COLUMNS:,} are read")
    return Footer(tuple(_group(group, leaves, size) for group in _list(footer, 4)))


def _leaves(elements: Sequence[Any]) -> Iterator[Leaf]:
    """The schema's leaves; it lists a tree's elements, each before its children."""
    # Of each open element: the children that are still to come, and whether it or one around it is repeated.
    around: list[tuple[int, bool]] = []
    for element in elements:
        if not isinstance(element, dict):
            raise MalformedInputError("the Parquet file cannot be read: its schema is damaged")
        repeated = element.get(3) == _REPEATED or bool(around and around[-1][1])
        if around:
            around[-1] = (around[-1][0] - 1, around[-1][1])
        children = element.get(5) or 0
        if children > 0:
            around.append((children, repeated))
        else:
            yield Leaf(_width(element), repeated)
        while around and around[-1][0] == 0:
            around.pop()


def _width(element: dict[int, Any]) -> int:
    kind = element.get(1)
    width = element.get(2) if kind == _FIXED else _WIDTHS.get(kind if isinstance(kind, int) else -1)
    if not isinstance(width, int) or width < 0:
        raise MalformedInputError("the Parquet file cannot be read: a column of its schema has no type")
    return width


def _group(group: Any, leaves: Sequence[Leaf], size: int) -> Group:
    columns = _list(group, 1) if isinstance(group, dict) else []
    if len(columns) != len(leaves):
        raise MalformedInputError("the Parquet file cannot be read: a row group has not the schema's columns")
    return Group(
        _number(group, 3), tuple(_chunk(column, leaf, size) for column, leaf in zip(columns, leaves, strict=True))
    )


def _chunk(column: Any, leaf: Leaf, size: int) -> Chunk:
    about = column.get(3) if isinstance(column, dict) else None
    if not isinstance(about, dict):
        raise MalformedInputError("the Parquet file cannot be read: a column's description is not in it")
    start, dictionary = _number(about, 9), about.get(11)
    if isinstance(dictionary, int) and 0 < dictionary < start:
        start = dictionary
    stop = start + _number(about, 7)
    if stop > size:
        raise MalformedInputError("the Parquet file cannot be read: a column lies outside of it")
    codec = _CODECS.get(_number(about, 4))
    if codec is None:
        raise MalformedInputError("the Parquet file is compressed in a way that is not read; use zstd or snappy")
    return Chunk(leaf, start, stop, _number(about, 5), codec)


def _list(fields: dict[int, Any], number: int) -> list[Any]:
    found = fields.get(number)
    if not isinstance(found, list):
        raise MalformedInputError("the Parquet file cannot be read: its footer is damaged")
    return found


def _number(fields: dict[int, Any], number: int) -> int:
    found = fields.get(number)
    if not isinstance(found, int) or found < 0:
        raise MalformedInputError("the Parquet file cannot be read: a number in its footer is missing or negative")
    return found


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
