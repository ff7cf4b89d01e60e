"""Documents of a job as JSON, written once, or in place of an earlier run's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from skysort.errors import InfrastructureError, NotFoundError
from skysort.registry.store import JSON, ConflictError

if TYPE_CHECKING:
    from skysort.registry.store import ModelStore

_ATTEMPTS: Final = 10


def read_json(store: ModelStore, key: str) -> Any:
    """A document; raises NotFoundError, and InfrastructureError for a damaged one."""
    body = store.get(key).body
    try:
        return json.loads(body)
    except ValueError as error:
        raise InfrastructureError(f"{key} is damaged: {error!r:.200}") from error


def read_json_if_there(store: ModelStore, key: str) -> Any:
    """A document, None if there is none; raises InfrastructureError for a damaged one."""
    try:
        return read_json(store, key)
    except NotFoundError:
        return None


def write_once(store: ModelStore, key: str, body: bytes, content_type: str = JSON) -> bool:
    """Write a document unless there is one; returns whether it was written."""
    try:
        store.put(key, body, content_type=content_type)
    except ConflictError:
        return False
    return True


def write_over(store: ModelStore, key: str, body: bytes, content_type: str = JSON) -> None:
    """Write a document in place of any that is there; raises InfrastructureError if others write it too often."""
    for _ in range(_ATTEMPTS):
        try:
            store.put(key, body, content_type=content_type, replaces=_etag(store, key))
        except ConflictError:
            continue
        return
    raise InfrastructureError(f"{key} is being written by others at the same time")


def exists(store: ModelStore, key: str) -> bool:
    """Whether there is a document."""
    return _etag(store, key) is not None


def _etag(store: ModelStore, key: str) -> str | None:
    try:
        return store.get(key).etag
    except NotFoundError:
        return None


def etag_of(store: ModelStore, key: str) -> str | None:
    """A large object's ETag, None if there is none."""
    return next((item.etag for item in store.list(key) if item.key == key), None)


def to_json(document: object) -> bytes:
    """A document as bytes."""
    return json.dumps(document, allow_nan=False).encode()
