"""Which objects a bulk job may read: its client's own of the drop bucket, and those that the stage opens to all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from skysort.drop.keys import INCOMING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.clients import Client

SCHEME: Final = "s3://"
_RELATIVE: Final = frozenset({".", ".."})


class Located(NamedTuple):
    """An object, or the beginning of some objects' keys, in a bucket."""

    bucket: str
    key: str


def located(source: str, drop_bucket: str) -> Located:
    """Where a source is: a key of the drop bucket, or ``s3://bucket/key``."""
    if not source.startswith(SCHEME):
        return Located(drop_bucket, source)
    bucket, _, key = source.removeprefix(SCHEME).partition("/")
    return Located(bucket, key)


class AccessCheck(Protocol):
    """What a job may read."""

    def fault(self, source: str) -> str | None:
        """Why an object may not be read, None if it may."""

    def prefix_fault(self, prefix: str) -> str | None:
        """Why the objects below a prefix may not be read, None if they may."""


class Access:
    """What a client's jobs may read. opened: ``bucket/prefix`` that the stage opens to bulk jobs, of all clients."""

    def __init__(self, client: Client, drop_bucket: str, opened: Sequence[str] = ()) -> None:
        self._client = client
        self._drop_bucket = drop_bucket
        self._opened = tuple(opened)

    def fault(self, source: str) -> str | None:
        """Why an object may not be read, None if it may."""
        bucket, key = located(source, self._drop_bucket)
        if bucket == self._drop_bucket:
            return None if self._client.may_read(key) else self._foreign(source)
        # A store or a proxy might resolve such keys to others.
        is_plain = _RELATIVE.isdisjoint(key.split("/"))
        if is_plain and any(f"{bucket}/{key}".startswith(opened) for opened in self._opened):
            return None
        named = ", ".join(SCHEME + opened for opened in self._opened)
        only = f"bulk jobs may also read {named}" if named else "this service opens no other bucket to bulk jobs"
        return f"{source!r:.200} is in a bucket that is not open to bulk jobs; {only}"

    def prefix_fault(self, prefix: str) -> str | None:
        """Why the objects below a prefix may not be read, None if they may."""
        # What may be read are files.
        return self.fault(prefix + "file") and self.fault(prefix)

    def _foreign(self, source: str) -> str:
        folder = f"{self._client.folder}/" if self._client.folder else ""
        return f"{source!r:.200} is not one of your files; they are below {INCOMING}<model or bulk>/{folder}"


class _Everything:
    def fault(self, _source: str) -> None:
        return None

    def prefix_fault(self, _prefix: str) -> None:
        return None


# On one's own machine.
EVERYTHING: Final[AccessCheck] = _Everything()
