"""The records of an archive's classified members: one each, stamped like every record, and gone when the archive is.

A member that is refused has none: its line in the archive's table says why. Ten thousand members of a byte each
would otherwise cost ten thousand writes.
"""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from skysort.csv_cells import written_text
from skysort.drop import keys
from skysort.drop.files import RANGE_BYTES
from skysort.drop.ledger import JSON, stamp_of, to_json
from skysort.s3.objects import ConflictError, ObjectReplacedError, ObjectVersion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from skysort.drop.files import Draft
    from skysort.s3.objects import Target

_RACES: Final = 5
# Requests at a time where thousands of records have to go.
_REMOVERS: Final = 8


class MemberRecords:
    """Writes and removes them.

    A record may be there already: from an earlier delivery of the same upload, which was killed half-way, or
    from an older archive of the same name. The archive's own table (``<archive>.csv``) says which members an
    older one had; it is replaced only after those that are no longer members have gone.
    """

    def __init__(self, draft: Draft) -> None:
        self._store = draft.store
        self._table = draft.target(keys.TABLE, "text/csv")
        self._archive = draft.target("", "").key
        self._stamp = stamp_of(self._table.metadata)

    def key(self, member: str) -> str:
        """Where a member's record stands."""
        return keys.member_key(self._archive, member, keys.SUMMARY)

    def put(self, member: str, document: Mapping[str, Any]) -> None:
        """Write a member's record.

        Raises ObjectReplacedError when a newer upload of the archive has left a record there.
        """
        self._write(replace(self._table, key=self.key(member), content_type=JSON, replaces=None), to_json(document))

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
        """Remove the records of an older archive's members that this one has not, or has not classified."""
        self.remove(self.key(member) for member in sorted(set(self._older_members()) - set(kept)))

    def remove(self, records: Iterable[str]) -> None:
        """Remove records by their keys, those of a newer upload excepted."""
        with ThreadPoolExecutor(_REMOVERS, "remove") as pool:
            for _ in pool.map(self._remove, records):
                pass

    def _remove(self, key: str) -> None:
        found = self._store.head(self._table.bucket, [key])[0]
        if found is not None and not self._stamp.is_older_than(stamp_of(found.metadata)):
            self._store.delete(self._table.bucket, key, found.etag)

    def _older_members(self) -> list[str]:
        """The classified members that the table of an older archive names."""
        if self._table.replaces is None:
            return []
        version = ObjectVersion(self._table.bucket, self._table.key, None, self._table.replaces)
        content, total = self._store.read(version, 0, RANGE_BYTES)
        while len(content) < total:
            content += self._store.read(version, len(content), RANGE_BYTES)[0]
        rows = csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""))
        with suppress(csv.Error):
            return [written_text(row[0]) for row in rows if len(row) > 1 and row[1]][1:]
        return []
