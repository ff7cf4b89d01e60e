"""The manifest of a job: its parts, each a list of slices of source objects.

Slices are lines of chunks of some megabytes; the manifest says for each part which lines of which chunk are its own, so
that a part reads its slices by one request. A chunk's key has the hash of its content: whoever repeats the planning, or
plans at the same time, never changes what a manifest refers to.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from skysort.errors import LimitExceededError, MalformedInputError
from skysort.limits import BULK_PARTS, BULK_SLICES_BYTES, MIB
from skysort.registry.store import JSON, ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from skysort.registry.store import ModelStore

# A slice and a part have a number of bytes under this name.
Bytes = bytes
CHUNK_BYTES: Final = 8 * MIB
_LINES: Final = "application/jsonl"
_DIGITS: Final = 16
# No count or offset of a job is larger: 8 EiB.
_LARGEST: Final = 2**63 - 1
_TEXT_CHARACTERS: Final = 4_096
_ITEM: Final = "an item of the manifest"


@dataclass(frozen=True, slots=True)
class Slice:
    """A piece of one source object, which is read on its own.

    Attributes
    ----------
    source
        A key of the drop bucket or an s3:// URI; in a folder, the file's path in it.
    etag, version
        The state of the object that was planned; reading is bound to it.
    size
        The object's bytes.
    format
        csv, parquet, fits, votable, ecsv or ipac, with the suffix .gz where gzipped; picture, zip, tar, or
        parquet-pictures.
    start, end
        Bytes (csv, csv.gz, tar), or row groups, rows, members; the end is not included.
    rows
        The number of rows or pictures, where the format says it.
    bytes
        What is read of the object.
    head
        Bytes of the object's beginning that are read first, 0 for none.
    slice
        The number of the slice in its object, from 0.
    dialect
        What the planner found out about the whole object, in the format's own terms.
    """

    source: str
    etag: str
    size: int
    format: str
    start: int
    end: int
    bytes: int
    slice: int = 0
    rows: int | None = None
    head: int = 0
    version: str | None = None
    dialect: str = ""

    def to_line(self) -> Bytes:
        """A line of JSON, without what has its default."""
        # Ten million pictures have ten million: a general encoder takes ten times as long.
        text = json.dumps
        line = (
            f'{{"source":{text(self.source)},"etag":{text(self.etag)},"size":{self.size},"format":{text(self.format)},'
            f'"start":{self.start},"end":{self.end},"bytes":{self.bytes}'
        )
        if self.slice:
            line += f',"slice":{self.slice}'
        if self.rows is not None:
            line += f',"rows":{self.rows}'
        if self.head:
            line += f',"head":{self.head}'
        if self.version is not None:
            line += f',"version":{text(self.version)}'
        if self.dialect:
            line += f',"dialect":{text(self.dialect)}'
        return f"{line}}}\n".encode("ascii")

    @classmethod
    def from_line(cls, line: Bytes) -> Slice:
        """Parse the output of to_line; raises MalformedInputError for anything else."""
        document = _object(line, "a slice")
        start, end = _number(document, "start"), _number(document, "end")
        if end < start:
            raise MalformedInputError("a slice ends before it starts")
        return cls(
            source=_text(document, "source"),
            etag=_text(document, "etag"),
            size=_number(document, "size"),
            format=_text(document, "format"),
            start=start,
            end=end,
            bytes=_number(document, "bytes"),
            slice=_number(document, "slice", 0),
            head=_number(document, "head", 0),
            rows=_number(document, "rows") if document.get("rows") is not None else None,
            version=_text(document, "version") if document.get("version") is not None else None,
            dialect=_text(document, "dialect", ""),
        )


@dataclass(frozen=True, slots=True)
class PartItem:
    """A part in the manifest.

    key, start, end: the bytes of a chunk that hold its slices. rows: None where a format does not say them. slices:
    their number.
    """

    part: int
    key: str
    start: int
    end: int
    rows: int | None
    bytes: int
    slices: int = 1

    def to_document(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "part": self.part,
            "slices": {"key": self.key, "start": self.start, "end": self.end, "count": self.slices},
            "rows": self.rows,
            "bytes": self.bytes,
        }

    @classmethod
    def from_document(cls, document: object) -> PartItem:
        """Parse the output of to_document, as an event brings it; raises MalformedInputError for anything else."""
        about = _mapping(document, _ITEM)
        place = _mapping(about.get("slices"), _ITEM)
        rows = _number(about, "rows") if about.get("rows") is not None else None
        part, start, end = _number(about, "part"), _number(place, "start"), _number(place, "end")
        if part >= BULK_PARTS or not start < end <= start + BULK_SLICES_BYTES:
            raise MalformedInputError(f"{_ITEM} is out of range")
        return cls(part, _text(place, "key"), start, end, rows, _number(about, "bytes"), _number(place, "count", 1))


def to_json(items: Iterable[PartItem]) -> bytes:
    """The items as a JSON array, one a line, the form that a Distributed Map reads."""
    lines = (json.dumps(item.to_document(), separators=(",", ":")) for item in items)
    return ("[" + ",\n".join(lines) + "]").encode()


def from_json(body: bytes) -> tuple[PartItem, ...]:
    """Parse the output of to_json; raises MalformedInputError for anything else."""
    try:
        documents = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedInputError("the manifest is not JSON") from None
    if not isinstance(documents, list) or len(documents) > BULK_PARTS:
        raise MalformedInputError(f"the manifest is not a list of at most {BULK_PARTS:,} parts")
    return tuple(map(PartItem.from_document, documents))


def read_slices(store: ModelStore, item: PartItem) -> tuple[Slice, ...]:
    """The slices of a part; raises NotFoundError, or MalformedInputError for a chunk that no planner wrote."""
    lines = store.get_range(item.key, item.start, item.end - item.start)
    if len(lines) != item.end - item.start or not lines.endswith(b"\n"):
        raise MalformedInputError(f"the slices of part {item.part} are not where the manifest says")
    return tuple(Slice.from_line(line) for line in lines.splitlines())


@dataclass(slots=True)
class SliceWriter:
    """Writes the slices of a job, a part at a time, and remembers the manifest's items.

    store: of the job's documents. prefix: of the keys of the chunks, ending in a slash.
    """

    store: ModelStore
    prefix: str
    items: list[PartItem] = field(default_factory=list)
    _pending: list[Callable[[str], PartItem]] = field(default_factory=list)
    _chunk: bytearray = field(default_factory=bytearray)
    _chunks: int = 0

    def add(self, slices: Sequence[Slice]) -> None:
        """Make these slices the next part; raises LimitExceededError if there are too many parts or slices."""
        part = len(self.items) + len(self._pending)
        if part >= BULK_PARTS:
            raise LimitExceededError(f"a job may have up to {BULK_PARTS:,} parts")
        lines = b"".join(each.to_line() for each in slices)
        if len(lines) > BULK_SLICES_BYTES:
            raise LimitExceededError(f"the slices of a part may have up to {BULK_SLICES_BYTES:,} bytes")
        if self._chunk and len(self._chunk) + len(lines) > CHUNK_BYTES:
            self.flush()
        start, end = len(self._chunk), len(self._chunk) + len(lines)
        self._chunk += lines
        counts = [each.rows for each in slices]
        rows = None if None in counts else sum(count or 0 for count in counts)
        # Text is a range of bytes, and the head that is read beside it has no rows.
        size = sum(each.end - each.start if each.rows is None else each.bytes for each in slices)
        self._pending.append(lambda key: PartItem(part, key, start, end, rows, size, len(slices)))

    def flush(self) -> None:
        """Write the current chunk, unless it is empty."""
        if not self._chunk:
            return
        body = bytes(self._chunk)
        key = f"{self.prefix}{self._chunks:05d}-{hashlib.sha256(body).hexdigest()[:_DIGITS]}.jsonl"
        with suppress(ConflictError):  # written by an earlier attempt
            self.store.put(key, body, content_type=_LINES)
        self.items += [item(key) for item in self._pending]
        self._pending.clear()
        self._chunk.clear()
        self._chunks += 1

    def close(self, manifest_key: str) -> tuple[PartItem, ...]:
        """Write the rest and the manifest; returns its items, those of whoever wrote it first."""
        self.flush()
        try:
            self.store.put(manifest_key, to_json(self.items), content_type=JSON)
        except ConflictError:
            return from_json(self.store.get(manifest_key).body)
        return tuple(self.items)


def _object(line: bytes, subject: str) -> Mapping[str, object]:
    try:
        return _mapping(json.loads(line), subject)
    except (ValueError, RecursionError):
        raise MalformedInputError(f"{subject} is not JSON") from None


def _mapping(document: object, subject: str) -> Mapping[str, object]:
    if not isinstance(document, dict):
        raise MalformedInputError(f"{subject} is not an object")
    return document


def _number(document: Mapping[str, object], name: str, default: int | None = None) -> int:
    value = document.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise MalformedInputError(f"the manifest has no whole number as {name}")
    return value


def _text(document: Mapping[str, object], name: str, default: str | None = None) -> str:
    value = document.get(name, default)
    if not isinstance(value, str) or len(value) > _TEXT_CHARACTERS:
        raise MalformedInputError(f"the manifest has no text as {name}")
    return value
