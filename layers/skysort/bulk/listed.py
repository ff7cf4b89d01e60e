"""The objects that a job names: below a prefix, by their keys, or in a manifest; each is one that it may read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from skysort.bulk import caller_manifest
from skysort.bulk.store import SourceObject
from skysort.errors import EmptyInputError, FieldError, InvalidFieldsError, LimitExceededError, NotFoundError
from skysort.limits import BULK_LOOKUPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from skysort.bulk.access import AccessCheck
    from skysort.bulk.caller_manifest import Entry
    from skysort.bulk.request import Job
    from skysort.bulk.store import SourceStore

_READERS: Final = 32
_AT_ONCE: Final = 1_000
# Names of what writers of tables leave beside them: _SUCCESS, _metadata, .part-00000.crc.
_BESIDE: Final = ("_", ".")


class Refused(NamedTuple):
    """A source that is not classified, and why."""

    source: str
    reason: str


def objects(job: Job, sources: SourceStore, access: AccessCheck) -> Iterator[SourceObject | Refused]:
    """The objects of a job's source, in order.

    Parameters
    ----------
    job
        The job.
    sources
        Where they are.
    access
        What the job may read.

    Yields
    ------
    Objects, and what is refused of them.

    Raises
    ------
    InvalidFieldsError
        If the job names what it may not read: nothing of it is classified then.
    EmptyInputError
        If it names nothing.
    NotFoundError
        If there is no such bucket or manifest.
    MalformedInputError
        If the manifest is none; LimitExceededError if it is too large.
    """
    match job.source:
        case {"prefix": str(prefix)}:
            yield from _below(prefix, sources, access)
        case {"keys": list(keys)}:
            for key in keys:
                _require(access.fault(key), "source.keys")
            yield from _looked_up((caller_manifest.Entry(key) for key in keys), sources)
        case {"manifest": str(manifest)}:
            _require(access.fault(manifest), "source.manifest")
            yield from _looked_up(_permitted(caller_manifest.entries(manifest, sources, access), access), sources)
        case _:
            detail = "must have exactly one of prefix, keys and manifest"
            raise InvalidFieldsError([FieldError("source", "one_source", detail)])


def _below(prefix: str, sources: SourceStore, access: AccessCheck) -> Iterator[SourceObject | Refused]:
    _require(access.prefix_fault(prefix), "source.prefix")
    found = False
    for item in sources.list(prefix):
        if item.source.rpartition("/")[2].startswith(_BESIDE) or item.source.endswith("/"):
            continue
        found = True
        fault = access.fault(item.source)
        yield Refused(item.source, fault) if fault else item
    if not found:
        raise EmptyInputError(f"there is no file below {prefix!r:.200}; upload files there, or correct the prefix")


def _permitted(entries: Iterable[Entry], access: AccessCheck) -> Iterator[Entry]:
    """The entries of a manifest; raises InvalidFieldsError at the first that may not be read."""
    found = False
    for entry in entries:
        _require(access.fault(entry.source), "source.manifest")
        found = True
        yield entry
    if not found:
        raise EmptyInputError("the manifest lists no file")


def _require(fault: str | None, field: str) -> None:
    if fault:
        raise InvalidFieldsError([FieldError(field, "no_access", fault)])


def _looked_up(entries: Iterable[Entry], sources: SourceStore) -> Iterator[SourceObject | Refused]:
    """The objects of entries, looked up where a manifest does not say their size and ETag."""
    lookups = 0

    def look_up(entry: Entry) -> SourceObject | Refused:
        if entry.size is not None and entry.etag:
            return SourceObject(entry.source, entry.size, entry.etag, entry.version)
        try:
            return sources.stat(entry.source)
        except NotFoundError:
            return Refused(entry.source, "the file does not exist")

    with ThreadPoolExecutor(_READERS, "look-up") as pool:
        stream = iter(entries)
        while several := list(islice(stream, _AT_ONCE)):
            lookups += sum(entry.size is None or not entry.etag for entry in several)
            if lookups > BULK_LOOKUPS:
                raise LimitExceededError(
                    f"a manifest without sizes and ETags may list up to {BULK_LOOKUPS:,} files: use an S3 inventory "
                    "with the fields Size and ETag"
                )
            yield from pool.map(look_up, several) if lookups else map(look_up, several)
