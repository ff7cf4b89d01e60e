"""Manifests of callers: a key a line, JSON, or the manifest.json of an S3 inventory with its files of CSV.

Formats of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html. All are read as
streams: an inventory of ten million objects has a gigabyte.
"""

from __future__ import annotations

import csv
import json
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote_plus

from skysort.bulk.access import SCHEME
from skysort.bulk.store import SourceObject, blocks
from skysort.errors import FieldError, InvalidFieldsError, LimitExceededError, MalformedInputError
from skysort.gzip_stream import GZIP, gunzip
from skysort.limits import BULK_MANIFEST_BYTES, BULK_SOURCE_CHARACTERS, MIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from skysort.bulk.access import AccessCheck
    from skysort.bulk.store import SourceStore

# A JSON document is read at once; larger lists have a key, or an object, a line.
_DOCUMENT: Final = 16 * MIB
_ARN: Final = "arn:aws:s3:::"
_INVENTORY: Final = frozenset({"fileFormat", "fileSchema", "files", "destinationBucket"})


class Entry(NamedTuple):
    """A file of a manifest: its key or URI, and what the manifest says about it."""

    source: str
    size: int | None = None
    etag: str = ""
    version: str | None = None


def entries(manifest: str, sources: SourceStore, access: AccessCheck) -> Iterator[Entry]:
    """The files that a manifest lists.

    Parameters
    ----------
    manifest
        Its key or URI.
    sources
        Where it is.
    access
        What may be read: the files of an inventory have to be.

    Yields
    ------
    Entries, in order; whether the caller may read them is not checked.

    Raises
    ------
    NotFoundError
        If it does not exist.
    MalformedInputError
        If it is none.
    LimitExceededError
        If it is too large.
    InvalidFieldsError
        If it is an inventory whose own files may not be read.
    """
    lines = _lines(_content(sources, sources.stat(manifest)))
    first = next(lines, "")
    if first.lstrip().startswith("["):
        yield from _entries_of(_document(first, lines))
        return
    document = _inventory(first, lines) if first.strip() == "{" or '"fileSchema"' in first else None
    if document is not None:
        yield from _of_inventory(document, sources, access)
        return
    for number, line in enumerate(chain([first], lines), start=1):
        if line.strip():
            yield _of_line(line.strip(), number)


def _content(sources: SourceStore, obj: SourceObject) -> Iterator[bytes]:
    """The bytes of a manifest or of an inventory's file, unpacked."""
    stream = blocks(sources, obj, 0, obj.size)
    first = next(stream, b"")
    stream = chain([first], stream)
    size = 0
    for block in gunzip(stream) if first.startswith(GZIP) else stream:
        size += len(block)
        if size > BULK_MANIFEST_BYTES:
            raise LimitExceededError(f"a manifest may have up to {BULK_MANIFEST_BYTES // MIB:,} MiB unpacked")
        yield block


def _lines(content: Iterable[bytes]) -> Iterator[str]:
    """Lines without their breaks; raises MalformedInputError for what is no text."""
    rest = b""
    for block in content:
        *complete, rest = (rest + block).split(b"\n")
        yield from map(_text, complete)
        if len(rest) > _DOCUMENT:
            raise LimitExceededError(f"a line of the manifest has more than {_DOCUMENT // MIB} MiB; write a key a line")
    if rest:
        yield _text(rest)


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig").removesuffix("\r")
    except UnicodeDecodeError:
        raise MalformedInputError("the manifest is not UTF-8 text") from None


def _document(first: str, lines: Iterable[str]) -> Any:
    """A JSON document that begins in a line."""
    size, parts = 0, []
    for line in chain([first], lines):
        size += len(line)
        if size > _DOCUMENT:
            raise LimitExceededError(
                f"a JSON document may have up to {_DOCUMENT // MIB} MiB; write a key, or an object, a line"
            )
        parts.append(line)
    try:
        return json.loads("\n".join(parts))
    except (ValueError, RecursionError) as error:
        raise MalformedInputError(f"the manifest is not JSON: {error!s:.200}") from None


def _entries_of(document: Any) -> Iterator[Entry]:
    for number, item in enumerate(document, start=1):
        yield _entry(item, f"item {number:,}")


def _of_line(line: str, number: int) -> Entry:
    if not line.startswith(("{", '"')):
        return _entry(line, f"line {number:,}")
    try:
        return _entry(json.loads(line), f"line {number:,}")
    except (ValueError, RecursionError):
        raise MalformedInputError(f"line {number:,} of the manifest is neither a key nor JSON") from None


def _entry(item: object, where: str) -> Entry:
    """The entry of a key, or of an object with key and maybe size, etag and version."""
    about: Mapping[str, Any] = item if isinstance(item, dict) else {"key": item}
    key, size, etag, version = (about.get(name) for name in ("key", "size", "etag", "version"))
    if not isinstance(key, str) or not 0 < len(key) <= BULK_SOURCE_CHARACTERS:
        raise MalformedInputError(f"{where} of the manifest has no key, which is text of a file's key or s3:// URI")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        size = None
    return Entry(
        key, size, etag.strip('"') if isinstance(etag, str) else "", version if isinstance(version, str) else None
    )


def _inventory(first: str, lines: Iterable[str]) -> Mapping[str, Any] | None:
    """The manifest.json of an inventory; raises MalformedInputError for another object."""
    document = _document(first, lines)
    if not isinstance(document, dict) or not document.keys() >= _INVENTORY:
        raise MalformedInputError(
            "the manifest is a JSON object, but not the manifest.json of an S3 inventory; list keys, a line each"
        )
    return document


def _of_inventory(document: Mapping[str, Any], sources: SourceStore, access: AccessCheck) -> Iterator[Entry]:
    if document["fileFormat"] != "CSV":
        raise MalformedInputError(
            f"the S3 inventory has the format {document['fileFormat']!r:.40}; inventories of CSV are read"
        )
    bucket = str(document["destinationBucket"]).removeprefix(_ARN)
    columns = [name.strip() for name in str(document["fileSchema"]).split(",")]
    if not {"Bucket", "Key"} <= set(columns):
        raise MalformedInputError("the S3 inventory has no columns Bucket and Key")
    for file in document["files"] if isinstance(document["files"], list) else []:
        key = file.get("key") if isinstance(file, dict) else None
        source = f"{SCHEME}{bucket}/{key}"
        fault = access.fault(source)
        if fault:
            raise InvalidFieldsError([FieldError("source.manifest", "no_access", fault)])
        rows = csv.reader(f"{line}\n" for line in _lines(_content(sources, sources.stat(source))))
        try:
            for row in rows:
                if row:
                    yield from _of_row(dict(zip(columns, row, strict=True)))
        except (csv.Error, ValueError) as error:
            raise MalformedInputError(f"{source:.200} is no file of an S3 inventory: {error!s:.200}") from None


def _of_row(row: Mapping[str, str]) -> Iterator[Entry]:
    """The entry of a row, unless it is of an older version, or says that the object was deleted."""
    if row.get("IsLatest", "true") != "true" or row.get("IsDeleteMarker", "false") == "true":
        return
    key = unquote_plus(row["Key"])
    if key.endswith("/"):
        return
    size = None
    with suppress(ValueError):
        size = int(row.get("Size", ""))
    yield Entry(f"{SCHEME}{row['Bucket']}/{key}", size, row.get("ETag", "").strip('"'))
