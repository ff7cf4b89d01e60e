"""The footer of a Parquet file: its row groups, and the location of each column's pages.

Read here before Arrow, which aborts the process on a damaged footer.

Formats: Apache Parquet (https://parquet.apache.org/docs/file-format/), parquet.thrift's FileMetaData; Thrift's compact
protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import MIB, PARQUET_FOOTER_BYTES, TABLE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from mmap import mmap
    from pathlib import Path

_MAGIC: Final = b"PAR1"
# A file ends with the footer, its length and the magic number.
_TAIL: Final = 8
_REPEATED: Final = 2
# Bytes of a value by parquet.thrift's Type (boolean, 32, 64 and 96 bits, float, double, text), and the codecs.
_WIDTHS: Final = (1, 4, 8, 12, 4, 8, 0)
_FIXED: Final = 7
_CODECS: Final = {0: "none", 1: "snappy", 2: "gzip", 4: "brotli", 5: "lz4", 6: "zstd", 7: "lz4"}
_DEPTH: Final = 8
_TRUE, _FALSE, _BYTE, _SHORT, _INT, _LONG, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
# Varints: seven bits per byte; the eighth marks continuation.
_VARINT_BITS, _VARINT_MASK, _NUMBER_BITS = 7, 127, 64
# A list's length up to 14 shares a byte with its type.
_LONG_LIST: Final = 15
_ENDLESS: Final = "the Parquet file is damaged: its metadata does not end"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf column of the schema.

    width: bytes of a value, 0 for texts. repeated: whether a row may have several values.
    """

    width: int
    repeated: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column's pages in one row group.

    start, stop: their offsets. values: their number, including nulls. codec: pyarrow's name of it.
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
    """A file's row groups, or some consecutive ones. first: the number of the first of them."""

    groups: tuple[Group, ...]
    first: int = 0

    @property
    def rows(self) -> int:
        """The total number of rows."""
        return sum(group.rows for group in self.groups)

    def between(self, start: int, end: int) -> Footer:
        """The row groups from a number to before another."""
        return Footer(self.groups[start:end], start)


def read_footer(path: Path) -> Footer:
    """Read a file's footer.

    Returns
    -------
    Its row groups.

    Raises
    ------
    MalformedInputError
        Where it is damaged.
    LimitExceededError
        Where it is too long, or has more than TABLE_COLUMNS leaf columns.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or length + _TAIL > size:
            raise MalformedInputError("the Parquet file cannot be read: it is truncated: it does not end with a footer")
        if length > PARQUET_FOOTER_BYTES:
            raise LimitExceededError(
                f"the Parquet file's footer has {length // MIB:,} MiB; at most {PARQUET_FOOTER_BYTES // MIB:,} MiB are "
                "read: write it with larger row groups"
            )
        file.seek(size - _TAIL - length)
        footer = Thrift(file.read(length), 0, length).struct()
    leaves = tuple(_leaves(footer.structs(2)))
    if len(leaves) > TABLE_COLUMNS:
        raise LimitExceededError(f"the table has {len(leaves):,} columns; at most {TABLE_COLUMNS:,} are read")
    return Footer(tuple(_group(group, leaves, size) for group in footer.structs(4)))


def _leaves(elements: Sequence[Struct]) -> Iterator[Leaf]:
    """The leaves of the schema, which lists a tree in depth-first order."""
    # For each open element: the remaining children, and whether it or an ancestor is repeated.
    around: list[tuple[int, bool]] = []
    for element in elements:
        repeated = element.number(3, 0) == _REPEATED or bool(around and around[-1][1])
        if around:
            around[-1] = (around[-1][0] - 1, around[-1][1])
        if children := element.number(5, 0):
            around.append((children, repeated))
        else:
            kind = element.number(1)
            if kind > _FIXED:
                raise MalformedInputError("the Parquet file is damaged: a column of its schema has no type")
            yield Leaf(element.number(2) if kind == _FIXED else _WIDTHS[kind], repeated)
        while around and around[-1][0] == 0:
            around.pop()


def _group(group: Struct, leaves: Sequence[Leaf], size: int) -> Group:
    columns = group.structs(1)
    if len(columns) != len(leaves):
        raise MalformedInputError("the Parquet file is damaged: a row group does not have the schema's columns")
    chunks = tuple(_chunk(column.struct(3), leaf, size) for column, leaf in zip(columns, leaves, strict=True))
    return Group(group.number(3), chunks)


def _chunk(about: Struct | None, leaf: Leaf, size: int) -> Chunk:
    if about is None:
        raise MalformedInputError("the Parquet file cannot be read: the metadata of a column are missing")
    start = about.number(9)
    dictionary = about.number(11, start)
    start = min(start, dictionary or start)
    stop = start + about.number(7)
    if stop > size:
        raise MalformedInputError("the Parquet file is damaged: a column is outside the file")
    codec = _CODECS.get(about.number(4))
    if codec is None:
        raise MalformedInputError("the Parquet file has an unsupported compression; use zstd or snappy")
    return Chunk(leaf, start, stop, about.number(5), codec)


class Struct(dict[int, object]):
    """A struct's fields by number: numbers, structs and lists of them; None for texts, which are skipped."""

    def number(self, field: int, default: int | None = None) -> int:
        """A number; raises MalformedInputError if it is negative, or missing without a default."""
        value = self.get(field, default)
        if not isinstance(value, int) or value < 0:
            raise MalformedInputError("the Parquet file is damaged: a number is missing or negative")
        return value

    def struct(self, field: int) -> Struct | None:
        """A struct, None if missing."""
        value = self.get(field)
        return value if isinstance(value, Struct) else None

    def structs(self, field: int) -> list[Struct]:
        """A list of structs; raises MalformedInputError if it is missing."""
        value = self.get(field)
        structs = [item for item in value if isinstance(item, Struct)] if isinstance(value, list) else []
        if not isinstance(value, list) or len(structs) < len(value):
            raise MalformedInputError("the Parquet file is damaged: a list is missing")
        return structs


class Thrift:
    """Reads structs of Thrift's compact protocol.

    offset: the read position. Every element takes at least one byte, so that memory is bounded by the input's size.
    Raises MalformedInputError for invalid data, and beyond stop.
    """

    def __init__(self, content: mmap | bytes, offset: int, stop: int) -> None:
        self._content = content
        self._stop = stop
        self.offset = offset

    def struct(self, depth: int = 0) -> Struct:
        """Read a struct at a nesting depth."""
        if depth > _DEPTH:
            raise MalformedInputError("the Parquet file is damaged: its metadata is nested too deeply")
        fields = Struct()
        number = 0
        while (first := self._byte()) != 0:
            delta, kind = first >> 4, first & 15
            number = number + delta if delta else self._zigzag()
            fields[number] = kind == _TRUE if kind in {_TRUE, _FALSE} else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> object:
        if kind in {_SHORT, _INT, _LONG}:
            return self._zigzag()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in {_LIST, _SET}:
            return self._list(depth)
        size = self._varint() if kind == _BINARY else {_TRUE: 1, _FALSE: 1, _BYTE: 1, _DOUBLE: 8}.get(kind)
        if size is None:
            raise MalformedInputError("the Parquet file is damaged: its metadata has an unknown type")
        if size > self._stop - self.offset:
            raise MalformedInputError(_ENDLESS)
        self.offset += size
        return None

    def _list(self, depth: int) -> list[object]:
        first = self._byte()
        length, kind = first >> 4, first & 15
        if length == _LONG_LIST:
            length = self._varint()
        if length > self._stop - self.offset:
            raise MalformedInputError("the Parquet file is damaged: a list has more elements than bytes")
        return [self._value(kind, depth) for _ in range(length)]

    def _byte(self) -> int:
        if self.offset >= self._stop:
            raise MalformedInputError(_ENDLESS)
        value = self._content[self.offset]
        self.offset += 1
        return value

    def _varint(self) -> int:
        value = 0
        for shift in range(0, _NUMBER_BITS, _VARINT_BITS):
            byte = self._byte()
            value |= (byte & _VARINT_MASK) << shift
            if byte <= _VARINT_MASK:
                return value
        raise MalformedInputError("the Parquet file is damaged: a number in its metadata does not end")

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
