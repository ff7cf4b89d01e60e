"""Dropped files matched with the objects of the results bucket for each, by the key scheme of skysort.drop.keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from skysort.drop import keys
from skysort.limits import BATCH_FILES, BATCH_RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skysort.s3.client import ListedObject

# No key sorts between a text and this suffix of it.
_LAST: Final = "\U0010ffff"


class State(StrEnum):
    """The state of a dropped file."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Bucket(Protocol):
    """The operations of S3 that are needed, as of skysort.s3.client.S3Client."""

    def list(self, bucket: str, prefix: str, after: str = "") -> Iterator[list[ListedObject]]:
        """The objects below a prefix whose keys come after a key, a page at a time, in the order of their bytes."""

    def read(self, bucket: str, key: str, start: int = 0, size: int | None = None) -> bytes:
        """An object's bytes, or up to size of them from start; raises NotFoundError."""


@dataclass(slots=True)
class Members:
    """How many of an archive's members have a record, by outcome."""

    done: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class BatchFile:
    """One file of a batch.

    dropped: the object in the drop bucket, None if it has since been removed.
    records: its objects in the results bucket, by suffix ("" is the result under the file's own name).
    members: of an archive with processed members.
    """

    model: str
    name: str
    state: State
    dropped: ListedObject | None
    records: Mapping[str, ListedObject]
    members: Members | None = None

    @property
    def record(self) -> ListedObject | None:
        """The record of its outcome, None while it waits."""
        return self.records.get({State.DONE: keys.SUMMARY, State.FAILED: keys.ERROR}.get(self.state, "-"))


@dataclass(frozen=True, slots=True)
class Segment:
    """Files of one model, sorted by name. complete: whether these are all that come after its start."""

    files: list[BatchFile]
    complete: bool


@dataclass(slots=True)
class _Results:
    """A listing of a batch's results. through: the last key listed, None if all were."""

    records: dict[str, ListedObject] = field(default_factory=dict)
    members: dict[str, Members] = field(default_factory=dict)
    through: str | None = None


class Matcher:
    """Matches a batch's files with their results, a bounded number at a time.

    files, records: maximum numbers of objects of the drop and of the results bucket in one segment.
    """

    def __init__(
        self,
        bucket: Bucket,
        drop_bucket: str,
        results_bucket: str,
        *,
        files: int = BATCH_FILES,
        records: int = BATCH_RECORDS,
    ) -> None:
        self._bucket = bucket
        self._drop = drop_bucket
        self._results = results_bucket
        self._files = files
        self._records = records

    def segment(self, model: str, batch: str, after: str = "") -> Segment:
        """The files of a batch whose names come after a given one, as many as the bounds allow."""
        prefix = f"{model}/{batch}/"
        dropped, through = self._list_dropped(keys.INCOMING + prefix, after)
        results = self._list_results(prefix, after, dropped, through)
        files = {name: _file(model, prefix, name, item, results) for name, item in dropped.items()}
        for name in _orphans(prefix, results.records, files):
            if name > after and (through is None or name <= through):
                files[name] = _file(model, prefix, name, None, results)
        if results.through is not None:
            # A file's records sort after its name: only files well before the end have all of theirs listed.
            seen = [name for name in files if f"{prefix}{name}.{_LAST}" < results.through]
            files = {name: files[name] for name in seen or sorted(files)[:1]}
        ordered = [files[name] for name in sorted(files)]
        return Segment(ordered, complete=through is None and results.through is None)

    def _list_dropped(self, prefix: str, after: str) -> tuple[dict[str, ListedObject], str | None]:
        """The dropped files by name, and the last name listed if there are more."""
        dropped: dict[str, ListedObject] = {}
        for page in self._bucket.list(self._drop, prefix, prefix + after if after else ""):
            for item in page:
                name = item.key.removeprefix(prefix)
                if name and not name.endswith("/"):  # a folder marker is not a file
                    if len(dropped) == self._files:
                        return dropped, max(dropped)
                    dropped[name] = item
        return dropped, None

    def _list_results(
        self, prefix: str, after: str, dropped: Mapping[str, ListedObject], through: str | None
    ) -> _Results:
        results, seen = _Results(), 0
        # Records of the last file, and of files whose names it begins with, come after its name.
        last_key = None
        if through is not None:
            last_key = max(f"{prefix}{name}.{_LAST}" for name in dropped if through.startswith(name))
        start: str | None = prefix + after if after else ""
        while start is not None:
            position, start = start, None
            for page in self._bucket.list(self._results, prefix, position):
                for item in page:
                    if last_key is not None and item.key > last_key:
                        return results
                    _add(item, prefix, dropped, results)
                seen += len(page)
                if page and seen >= self._records:
                    results.through = page[-1].key
                    return results
                start = _beyond_members(page[-1].key, prefix, dropped, results) if page else None
                if start is not None:
                    break
        return results


def _add(item: ListedObject, prefix: str, dropped: Mapping[str, ListedObject], results: _Results) -> None:
    archive = _archive(item.key, prefix, dropped, results)
    if archive is None:
        results.records[item.key] = item
        return
    members = results.members.setdefault(archive, Members())
    if item.key.endswith(keys.ERROR):
        members.failed += 1
    elif item.key.endswith(keys.SUMMARY):
        members.done += 1


def _archive(key: str, prefix: str, dropped: Mapping[str, ListedObject], results: _Results) -> str | None:
    """The archive that a key lies below: a dropped file, or a removed one whose table remains."""
    name = key.removeprefix(prefix)
    end = name.find("/")
    while end >= 0:
        ancestor = name[:end]
        if ancestor in dropped or prefix + ancestor + keys.TABLE in results.records:
            return ancestor
        end = name.find("/", end + 1)
    return None


def _beyond_members(key: str, prefix: str, dropped: Mapping[str, ListedObject], results: _Results) -> str | None:
    """Where to resume a listing whose page ends within an archive whose own record counts all its members."""
    archive = _archive(key, prefix, dropped, results)
    if archive is None or prefix + archive + keys.SUMMARY not in results.records:
        return None
    return f"{prefix}{archive}/{_LAST}"


def _file(model: str, prefix: str, name: str, dropped: ListedObject | None, results: _Results) -> BatchFile:
    # A reserved name is refused, and what looks like its other records belongs to another file.
    suffixes = (keys.ERROR,) if keys.is_reserved(name) else ("", keys.TABLE, keys.REJECTED, keys.SUMMARY, keys.ERROR)
    stored = {suffix: results.records.get(keys.result_key(prefix + name, suffix)) for suffix in suffixes}
    # An older upload's records remain until the newer one's replace them.
    since = dropped.modified if dropped else ""
    records = {suffix: item for suffix, item in stored.items() if item is not None and item.modified >= since}
    summary, error = records.get(keys.SUMMARY), records.get(keys.ERROR)
    state = State.WAITING
    if summary and not (error and error.modified > summary.modified):
        state = State.DONE
    elif error:
        state = State.FAILED
    return BatchFile(model, name, state, dropped, records, results.members.get(name))


def _orphans(prefix: str, records: Mapping[str, ListedObject], files: Mapping[str, BatchFile]) -> set[str]:
    """Names of files that have an outcome and are no longer in the drop bucket."""
    known = {item.key for file in files.values() for item in file.records.values()}
    names = set()
    for key in records:
        if key in known:
            continue
        for suffix in (keys.ERROR, keys.SUMMARY):
            if key.endswith(suffix):
                names.add(key.removeprefix(prefix).removesuffix(suffix))
                break
    return names - files.keys()
