"""Outcomes of an earlier upload of a file, where times cannot tell.

The Last-Modified of an object that was uploaded in parts is the date of its initiation ("Working with object metadata",
Amazon S3 User Guide): the outcome of the upload before may be newer. There the record tells, by its source's ETag.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from skysort.batches.match import Segment, State
from skysort.cache import AnswerCache
from skysort.limits import BATCH_LOOKUPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from skysort.batches.match import BatchFile

# ETags of objects that were uploaded in parts end in a hyphen and the number of parts.
_PARTS: Final = "-"


class Reuploads:
    """Finds outcomes of earlier uploads.

    read: the records of files, None for those that no longer exist. lookups: at most, in one answer.
    """

    def __init__(
        self,
        read: Callable[[Sequence[BatchFile]], Iterable[Mapping[str, Any] | None]],
        *,
        lookups: int = BATCH_LOOKUPS,
    ) -> None:
        self._read = read
        self._lookups = lookups
        # By the record's key and ETag: a batch is asked for again and again.
        self._sources: AnswerCache[str] = AnswerCache(2 * lookups)

    def left_out(self, segments: Mapping[str, Segment]) -> dict[str, Segment]:
        """The segments without these outcomes, so that their files wait; cut where records to look up are too many."""
        left = self._lookups
        current: dict[str, Segment] = {}
        for model, segment in segments.items():
            files, complete = segment.files, segment.complete
            doubtful = [number for number, file in enumerate(files) if _is_doubtful(file)]
            if len(doubtful) > left:
                files, complete = files[: doubtful[left]], False
                doubtful = doubtful[:left]
            left -= len(doubtful)
            sources = self._sources_of([files[number] for number in doubtful])
            waiting = {number for number, etag in zip(doubtful, sources, strict=True) if _differs(files[number], etag)}
            files = [_without_outcome(file) if number in waiting else file for number, file in enumerate(files)]
            current[model] = Segment(files, complete)
            if not complete:
                break
        return current

    def _sources_of(self, files: Sequence[BatchFile]) -> list[str]:
        """The ETag of what each file's outcome was made from, empty where the record does not say."""
        found = [self._sources.get(_version(file)) for file in files]
        unknown = [file for file, etag in zip(files, found, strict=True) if etag is None]
        for file, record in zip(unknown, self._read(unknown), strict=True):
            self._sources.put(_version(file), _source_etag(record))
        return [self._sources.get(_version(file)) or "" for file in files]


def _is_doubtful(file: BatchFile) -> bool:
    return file.record is not None and file.dropped is not None and _PARTS in file.dropped.etag


def _differs(file: BatchFile, etag: str) -> bool:
    return file.dropped is not None and etag not in {"", file.dropped.etag}


def _without_outcome(file: BatchFile) -> BatchFile:
    return replace(file, state=State.WAITING, records={}, members=None)


def _version(file: BatchFile) -> tuple[str, str]:
    record = file.record
    return (record.key, record.etag) if record is not None else ("", "")


def _source_etag(record: Mapping[str, Any] | None) -> str:
    source = (record or {}).get("source")
    etag = source.get("etag") if isinstance(source, dict) else None
    return etag if isinstance(etag, str) else ""
