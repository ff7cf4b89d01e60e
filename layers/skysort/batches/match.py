"""Dropped files matched with the objects of the results bucket for each, by the key scheme of skysort.drop.keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from skysort.drop import keys
from skysort.limits import BATCH_FILES, BATCH_RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skysort.s3.client import Listed

# No key sorts between a text and this suffix of it.
_LAST: Final = "\U0010ffff"


class State(StrEnum):
    """What has become of a file."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Bucket(Protocol):
    """What is asked of S3; skysort.s3.client.S3Client is one."""

    def list(self, bucket: str, prefix: str, after: str = "") -> Iterator[list[Listed]]:
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

    dropped: the object in the drop bucket, None where it has been removed since.
    records: its objects in the results bucket, by suffix ("" is the result under the file's own name).
    members: of an archive that has some.
    """

    model: str
    name: str
    state: State
    dropped: Listed | None
    records: Mapping[str, Listed]
    members: Members | None = None

    @property
    def record(self) -> Listed | None:
        """The record of its outcome, None while it waits."""
        return self.records.get({State.DONE: keys.SUMMARY, State.FAILED: keys.ERROR}.get(self.state, "-"))


@dataclass(frozen=True, slots=True)
class Segment:
    """Files of one model in the order of their names. complete: whether these are all that come after its start."""

    files: list[BatchFile]
    complete: bool


@dataclass(slots=True)
class _Found:
    """What a listing of the results gave. through: every key up to here was seen, None for all."""

    records: dict[str, Listed] = field(default_factory=dict)
    members: dict[str, Members] = field(default_factory=dict)
    through: str | None = None


class Matcher:
    """Reads both listings of a model's part of a batch, within bounds.

    files, records: the most objects of the drop and of the results bucket that one segment takes in.
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
        """The files of a batch whose names come after one, at most as many as the bounds allow."""
        prefix = f"{model}/{batch}/"
        dropped, through = self._dropped(keys.INCOMING + prefix, after)
        found = self._found(prefix, after, dropped, through)
        files = {name: _file(model, prefix, name, item, found) for name, item in dropped.items()}
        for name in _orphans(prefix, found.records, files):
            if name > after and (through is None or name <= through):
                files[name] = _file(model, prefix, name, None, found)
        if found.through is not None:
            # A file's records sort after its name: only of files well before the end were all of them seen.
            seen = [name for name in files if f"{prefix}{name}.{_LAST}" < found.through]
            files = {name: files[name] for name in seen or sorted(files)[:1]}
        ordered = [files[name] for name in sorted(files)]
        return Segment(ordered, complete=through is None and found.through is None)

    def _dropped(self, prefix: str, after: str) -> tuple[dict[str, Listed], str | None]:
        """The dropped files by name, and the last one's name where there are more."""
        found: dict[str, Listed] = {}
        for page in self._bucket.list(self._drop, prefix, prefix + after if after else ""):
            for item in page:
                name = item.key.removeprefix(prefix)
                if name and not name.endswith("/"):  # a folder's marker is no file
                    if len(found) == self._files:
                        return found, max(found)
                    found[name] = item
        return found, None

    def _found(self, prefix: str, after: str, dropped: Mapping[str, Listed], through: str | None) -> _Found:
        found, seen = _Found(), 0
        # Records of the last file, and of files whose names it begins with, come after its name.
        ends = None
        if through is not None:
            ends = max(f"{prefix}{name}.{_LAST}" for name in dropped if through.startswith(name))
        start: str | None = prefix + after if after else ""
        while start is not None:
            position, start = start, None
            for page in self._bucket.list(self._results, prefix, position):
                for item in page:
                    if ends is not None and item.key > ends:
                        return found
                    _take(item, prefix, dropped, found)
                seen += len(page)
                if page and seen >= self._records:
                    found.through = page[-1].key
                    return found
                start = _beyond_members(page[-1].key, prefix, dropped, found) if page else None
                if start is not None:
                    break
        return found


def _take(item: Listed, prefix: str, dropped: Mapping[str, Listed], found: _Found) -> None:
    archive = _archive(item.key, prefix, dropped, found)
    if archive is None:
        found.records[item.key] = item
        return
    members = found.members.setdefault(archive, Members())
    if item.key.endswith(keys.ERROR):
        members.failed += 1
    elif item.key.endswith(keys.SUMMARY):
        members.done += 1


def _archive(key: str, prefix: str, dropped: Mapping[str, Listed], found: _Found) -> str | None:
    """The archive below whose name a key lies: a dropped file, or one that has gone and left its table."""
    name = key.removeprefix(prefix)
    end = name.find("/")
    while end >= 0:
        ancestor = name[:end]
        if ancestor in dropped or prefix + ancestor + keys.TABLE in found.records:
            return ancestor
        end = name.find("/", end + 1)
    return None


def _beyond_members(key: str, prefix: str, dropped: Mapping[str, Listed], found: _Found) -> str | None:
    """Where to go on listing when a page ends among the members of an archive whose own record tells of them all."""
    archive = _archive(key, prefix, dropped, found)
    if archive is None or prefix + archive + keys.SUMMARY not in found.records:
        return None
    return f"{prefix}{archive}/{_LAST}"


def _file(model: str, prefix: str, name: str, dropped: Listed | None, found: _Found) -> BatchFile:
    # A reserved name is refused, and what looks like its other records belongs to another file.
    suffixes = (keys.ERROR,) if keys.is_reserved(name) else ("", keys.TABLE, keys.REJECTED, keys.SUMMARY, keys.ERROR)
    stored = {suffix: found.records.get(keys.result_key(prefix + name, suffix)) for suffix in suffixes}
    # An older upload's records stand until the newer one's take their place.
    since = dropped.modified if dropped else ""
    records = {suffix: item for suffix, item in stored.items() if item is not None and item.modified >= since}
    summary, error = records.get(keys.SUMMARY), records.get(keys.ERROR)
    state = State.WAITING
    if summary and not (error and error.modified > summary.modified):
        state = State.DONE
    elif error:
        state = State.FAILED
    return BatchFile(model, name, state, dropped, records, found.members.get(name))


def _orphans(prefix: str, records: Mapping[str, Listed], files: Mapping[str, BatchFile]) -> set[str]:
    """Names of files that have an outcome and are not in the drop bucket any more."""
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
