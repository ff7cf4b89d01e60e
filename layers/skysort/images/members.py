"""The records of an archive's members: one each, stamped like every record, and gone when the archive is."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from skysort.drop import keys
from skysort.drop.ledger import JSON, PROBLEM, stamp_of
from skysort.drop.outcome import to_json
from skysort.drop.source import RANGE_BYTES
from skysort.drop.store import ConflictError, ObjectReplacedError, ObjectVersion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from skysort.drop.draft import Draft
    from skysort.drop.store import Target

TABLE: Final = ".csv"
_RACES: Final = 5


class MemberRecords:
    """Writes and removes them.

    A record may be there already: from an earlier delivery of the same upload, which was killed half-way, or
    from an older archive of the same name. The archive's own table (``<archive>.csv``) says which members an
    older one had; it is replaced only after those that are no longer members have gone.
    """

    def __init__(self, draft: Draft) -> None:
        self._store = draft.store
        self._table = draft.target(TABLE, "text/csv")
        self._archive = draft.target("", "").key
        self._stamp = stamp_of(self._table.metadata)

    def put(self, member: str, document: Mapping[str, Any], *, refused: bool) -> str:
        """Write a member's record, and remove the one of the opposite outcome; returns its key.

        Raises ObjectReplacedError when a newer upload of the archive has left a record there.
        """
        suffix, other = (keys.ERROR, keys.SUMMARY) if refused else (keys.SUMMARY, keys.ERROR)
        key = keys.member_key(self._archive, member, suffix)
        self._write(self._target(key, PROBLEM if refused else JSON), to_json(document))
        if self._table.replaces:
            self._remove(keys.member_key(self._archive, member, other))
        return key

    def _target(self, key: str, content_type: str) -> Target:
        return replace(self._table, key=key, content_type=content_type, replaces=None)

    def _write(self, target: Target, body: bytes) -> None:
        for _ in range(_RACES):
            try:
                self._store.put(target, body)
            except ConflictError:
                found = self._store.head(target.bucket, [target.key])[0]
                if found is not None and self._stamp.is_older_than(stamp_of(found.metadata)):
                    raise ObjectReplacedError(f"{target.key} belongs to a newer upload") from None
                target = replace(target, replaces=found.etag if found else None)
            else:
                return
        raise ConflictError(f"{target.key} is being written by somebody else")

    def remove_except(self, kept: Iterable[str]) -> None:
        """Remove the records of an older archive's members that this one has not."""
        for member in sorted(set(self._older_members()) - set(kept)):
            for suffix in (keys.SUMMARY, keys.ERROR):
                self._remove(keys.member_key(self._archive, member, suffix))

    def remove(self, members: Iterable[str]) -> None:
        """Remove the records of members, those of a newer upload excepted."""
        for member in members:
            for suffix in (keys.SUMMARY, keys.ERROR):
                self._remove(keys.member_key(self._archive, member, suffix))

    def _remove(self, key: str) -> None:
        found = self._store.head(self._table.bucket, [key])[0]
        if found is not None and not self._stamp.is_older_than(stamp_of(found.metadata)):
            self._store.delete(self._table.bucket, key, found.etag)

    def _older_members(self) -> list[str]:
        """The members that the table of an older archive names."""
        if self._table.replaces is None:
            return []
        version = ObjectVersion(self._table.bucket, self._table.key, None, self._table.replaces)
        content, total = self._store.read(version, 0, RANGE_BYTES)
        while len(content) < total:
            content += self._store.read(version, len(content), RANGE_BYTES)[0]
        rows = csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""))
        with suppress(csv.Error):
            return [row[0] for row in rows if row][1:]
        return []
