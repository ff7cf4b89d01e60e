"""Versions of trained models: immutable, named by the hash of their card, which has the hashes of their files."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from skysort.errors import (
    ArtefactError,
    FieldError,
    InfrastructureError,
    InvalidFieldsError,
    LimitExceededError,
    NotFoundError,
)
from skysort.limits import MODEL_VERSIONS, VERSION_PREFIX_DIGITS
from skysort.registry import keys
from skysort.registry.names import SHOWN_DIGITS, VERSION_DIGITS, is_version
from skysort.registry.store import BYTES, JSON, ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from skysort.registry.store import ModelStore

_ATTEMPTS: Final = 3
_FILE: Final = re.compile(r"[a-z][a-z0-9_]*\.[a-z]{1,5}")


class VersionInfo(NamedTuple):
    """A version, and when its card was written."""

    version: str
    written: str


class VersionFiles:
    """The versions of every model in a store."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    def publish(self, owner: str, name: str, card: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
        """Write a version, its card last: until then there is no such version.

        Parameters
        ----------
        owner, name
            Whose model, and which.
        card
            The card; its ``files`` are filled in.
        files
            Contents by name, beside the card.

        Returns
        -------
        The version. The same card and files make the same version, so that a repeated call changes nothing.

        Raises
        ------
        LimitExceededError
            If the model has MODEL_VERSIONS already.
        InfrastructureError
            If a file of the version is there with other bytes, or the model is being deleted.
        """
        described = {
            file: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for file, content in sorted(files.items())
        }
        body = json.dumps({**card, "files": described}, ensure_ascii=False, allow_nan=False).encode()
        version = hashlib.sha256(body).hexdigest()
        written = {keys.version_key(owner, name, version, _checked(file)): files[file] for file in files}
        if self._has(owner, name, version, written):
            return version
        self.check_room(owner, name, version)
        for _ in range(_ATTEMPTS):
            for key, content in written.items():
                self._write(key, content, BYTES)
            self._write(keys.version_key(owner, name, version, keys.CARD), body, JSON)
            # Who deletes the model at the same time may have deleted the files, and not the card that came after them.
            if self._has(owner, name, version, written):
                return version
        raise InfrastructureError(f"the model {name!r} is being deleted while a version of it is published")

    def check_room(self, owner: str, name: str, version: str = "") -> None:
        """Check that a model may have another version, or this one; raises LimitExceededError."""
        present = {info.version for info in self.versions(owner, name)} - {version}
        if len(present) >= MODEL_VERSIONS:
            raise LimitExceededError(
                f"the model {name!r} has {len(present)} versions; at most {MODEL_VERSIONS} are kept. Delete some first."
            )

    def _has(self, owner: str, name: str, version: str, files: Iterable[str]) -> bool:
        """Whether a version has its card and these files, by their keys."""
        card = keys.version_key(owner, name, version, keys.CARD)
        there = {item.key for item in self._store.list(card.removesuffix(keys.CARD))}
        return {card, *files} <= there

    def _write(self, key: str, body: bytes, content_type: str) -> None:
        try:
            self._store.put(key, body, content_type=content_type)
        except ConflictError:
            # An earlier attempt at the same step has written it.
            if self._store.get(key).body != body:
                raise InfrastructureError(f"{key} is there with other bytes") from None

    def card(self, owner: str, name: str, version: str) -> dict[str, Any]:
        """The card of a version; raises NotFoundError, and ArtefactError if it is damaged."""
        try:
            body = self._store.get(keys.version_key(owner, name, version, keys.CARD)).body
        except NotFoundError:
            raise NotFoundError(f"the model {name!r} has no version {version[:SHOWN_DIGITS]}") from None
        if hashlib.sha256(body).hexdigest() != version:
            raise ArtefactError(f"the card of {name} {version[:SHOWN_DIGITS]} is damaged")
        document: dict[str, Any] = json.loads(body)
        return document

    def file(self, owner: str, name: str, version: str, card: Mapping[str, Any], file: str) -> bytes:
        """A file of a version, as its card describes it; raises NotFoundError and ArtefactError."""
        described = card.get("files", {}).get(file)
        if described is None:
            raise NotFoundError(f"version {version[:SHOWN_DIGITS]} of {name!r} has no {file}")
        content = self._store.get(keys.version_key(owner, name, version, file)).body
        if hashlib.sha256(content).hexdigest() != described["sha256"]:
            raise ArtefactError(f"{file} of {name} {version[:SHOWN_DIGITS]} is not the one that its card describes")
        return content

    def versions(self, owner: str, name: str) -> list[VersionInfo]:
        """The versions of a model that have a card, the newest first."""
        prefix = keys.versions_prefix(owner, name)
        found = []
        for item in self._store.list(prefix):
            version, _, file = item.key.removeprefix(prefix).partition("/")
            if file == keys.CARD and len(version) == VERSION_DIGITS and is_version(version):
                found.append(VersionInfo(version, item.modified))
        return sorted(found, key=lambda info: (info.written, info.version), reverse=True)

    def find(self, owner: str, name: str, given: str) -> str:
        """The version that a text names: whole, or by a prefix that no other version has.

        Parameters
        ----------
        owner, name
            Whose model, and which.
        given
            From VERSION_PREFIX_DIGITS hexadecimal digits on.

        Returns
        -------
        The whole version.

        Raises
        ------
        InvalidFieldsError
            If the text is no version, or begins several.
        NotFoundError
            If there is none.
        """
        if not is_version(given):
            fault = (
                f"must be a version's hexadecimal digits, {VERSION_PREFIX_DIGITS} or more of them (got {given!r:.80})"
            )
            raise InvalidFieldsError([FieldError("version", "bad_version", fault)])
        found = [info.version for info in self.versions(owner, name) if info.version.startswith(given)]
        if not found:
            raise NotFoundError(f"the model {name!r} has no version {given[:SHOWN_DIGITS]}")
        if len(found) > 1:
            fault = f"begins {len(found)} versions; give more digits"
            raise InvalidFieldsError([FieldError("version", "ambiguous", fault)])
        return found[0]

    def delete(self, owner: str, name: str, version: str) -> None:
        """Delete a version, its card first: from then on there is no such version."""
        self._store.delete(keys.version_key(owner, name, version, keys.CARD))
        for item in list(self._store.list(f"{keys.versions_prefix(owner, name)}{version}/")):
            self._store.delete(item.key)

    def delete_all(self, owner: str, name: str) -> None:
        """Delete every version of a model, and what unfinished trainings left of others."""
        for info in self.versions(owner, name):
            self.delete(owner, name, info.version)
        for item in list(self._store.list(keys.versions_prefix(owner, name))):
            self._store.delete(item.key)


def _checked(file: str) -> str:
    if not _FILE.fullmatch(file) or file == keys.CARD:
        raise ValueError(f"{file!r} is no name of a version's file")
    return file
