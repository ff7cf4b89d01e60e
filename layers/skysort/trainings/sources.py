"""Where labelled pictures come from: dropped files with a folder a class, or an archive of such folders.

A source is listed once. Its manifest says which pictures are used, of which class, and where their bytes lie: in the
drop bucket, or in packs of the training, into which an archive is unpacked. What is left out is named with its reason.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from skysort.errors import EmptyInputError, InputError, LimitExceededError, NotFoundError, UnsupportedFormatError
from skysort.limits import (
    ARCHIVE_BYTES,
    DROP_WAITING_BYTES,
    IMAGE_BYTES,
    MIB,
    TRAINING_BYTES,
    TRAINING_FILES,
    TRAINING_PICTURES,
    TRAINING_SHARD,
    TRAINING_SHARD_BYTES,
)
from skysort.parallel import in_order
from skysort.pictures.bodies import archive
from skysort.registry.store import ConflictError
from skysort.trainings.classes import Refusal, Why, copies, labelled, refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from skysort.registry.keys import TrainingKeys
    from skysort.registry.store import ListedObject, ModelStore

# Shards are made smaller than TRAINING_SHARD until there are as many, so that a small training has parallel tasks too.
_SHARDS: Final = 8
_LEAST_SHARD: Final = 8
_HEAD: Final = 512
_BLOCK: Final = 8 * MIB
_PACK_DIGITS: Final = 24
_READERS: Final = 8


class Uploads(Protocol):
    """The drop bucket, or a folder in its place."""

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """The files whose keys begin with a prefix, by key."""

    def get_range(self, key: str, start: int, size: int) -> bytes:
        """Up to size bytes of a file from start; raises NotFoundError."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a source. file: its name there. key, start, size: its bytes; packed: in a pack of the training."""

    file: str
    label: str
    key: str
    start: int
    size: int
    packed: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """The pictures to train on, in shards, and what was left out."""

    shards: tuple[tuple[Picture, ...], ...]
    refused: tuple[Refusal, ...] = ()

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures, in the order of the shards."""
        return tuple(picture for shard in self.shards for picture in shard)

    @property
    def usable(self) -> dict[str, int]:
        """The number of pictures of each class."""
        return dict(Counter(picture.label for picture in self.pictures))

    def to_json(self) -> bytes:
        """Serialise."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, body: bytes) -> Manifest:
        """Parse the output of to_json."""
        document = json.loads(body)
        shards = tuple(tuple(Picture(**picture) for picture in shard) for shard in document["shards"])
        return cls(shards, refusals(document["refused"]))


@dataclass(slots=True)
class _Found:
    """A file of a source before it has a class. digest: of its bytes, if they were read."""

    name: str
    key: str
    start: int
    size: int
    packed: bool = False
    digest: str = ""


def from_prefix(uploads: Uploads, prefix: str, progress: Callable[[int, int], None]) -> Manifest:
    """The manifest of dropped files: ``<prefix><class>/<file>``.

    Parameters
    ----------
    uploads
        The drop bucket.
    prefix
        The key prefix of the files, ending in a slash.
    progress
        Called with the number of files read so far, and in all.

    Returns
    -------
    Manifest
        Files of different sizes differ, so only those that share theirs with others are read here.

    Raises
    ------
    EmptyInputError
        Nothing was dropped there.
    LimitExceededError
        There are too many files.
    """
    found = []
    for item in uploads.list(prefix):
        name = item.key.removeprefix(prefix)
        if name.endswith("/") or archive.is_junk(name):
            continue
        found.append(_Found(name, item.key, 0, item.size))
        _check_count(len(found))
    if not found:
        raise EmptyInputError(
            f"nothing was uploaded to {prefix}; upload pictures there as <class>/<file>, a folder for each class"
        )
    _check_bytes(found)
    by_size: dict[int, list[_Found]] = {}
    for each in found:
        by_size.setdefault(each.size, []).append(each)
    alike = [each for group in by_size.values() if len(group) > 1 for each in group if each.size <= IMAGE_BYTES]

    def digest(each: _Found) -> None:
        # One that was changed since it was listed is refused by name when its features are computed.
        with suppress(NotFoundError, LimitExceededError):
            each.digest = hashlib.sha256(_dropped(uploads, each.key)).hexdigest()

    read = in_order(digest, alike, workers=_READERS, weigh=lambda each: each.size, max_bytes=DROP_WAITING_BYTES)
    for done, _ in enumerate(read, start=1):
        progress(done, len(alike))
    return _manifest(found, [])


def from_archive(
    uploads: Uploads, key: str, store: ModelStore, keys: TrainingKeys, progress: Callable[[int, int], None]
) -> Manifest:
    """The manifest of an archive, whose pictures are packed into the training's own documents.

    Parameters
    ----------
    uploads, key
        The drop bucket, and the archive's key in it.
    store, keys
        Where the packs go.
    progress
        Called with the number of bytes unpacked so far, and of the archive.

    Returns
    -------
    Manifest
        Members that cannot be unpacked are refused by name.

    Raises
    ------
    UnsupportedFormatError
        The file is not an archive.
    EmptyInputError
        The archive has no files.
    LimitExceededError
        It has too many pictures.
    """
    with tempfile.TemporaryDirectory(prefix="skysort-training-") as folder:
        path = Path(folder) / "archive"
        size = _fetch(uploads, key, path)
        with path.open("rb") as file:
            kind = archive.detect(file.read(_HEAD))
        if kind is None:
            raise UnsupportedFormatError(
                f"{key} is neither a zip nor a tar archive; pack the folders of the classes into one, or upload them"
            )
        packs, refused = _Packs(store, keys), []
        for member in archive.members(path, kind):
            if isinstance(member.content, InputError):
                refused.append(Refusal(member.name, member.content.detail, Why.UNREADABLE))
            elif member.content is not None:
                packs.add(member.name, member.content)
                _check_count(len(packs.found))
                progress(min(size, packs.total), size)
        packs.flush()
    if not packs.found and not refused:
        raise EmptyInputError(f"{key} has no files; pack a folder for each class into it")
    return _manifest(packs.found, refused)


@dataclass(slots=True)
class _Packs:
    """Packs of an archive's pictures: documents with the bytes of some, one behind the other."""

    store: ModelStore
    keys: TrainingKeys
    found: list[_Found] = field(default_factory=list)
    total: int = 0
    _pack: bytearray = field(default_factory=bytearray)
    _count: int = 0

    def add(self, name: str, content: bytes) -> None:
        """Put a picture into the current pack, or into a new one if it is full."""
        if self._count == TRAINING_SHARD or (self._count and len(self._pack) + len(content) > TRAINING_SHARD_BYTES):
            self.flush()
        digest = hashlib.sha256(content).hexdigest()
        self.found.append(_Found(name, "", len(self._pack), len(content), packed=True, digest=digest))
        self._pack += content
        self._count += 1
        self.total += len(content)

    def flush(self) -> None:
        """Write the current pack, unless it is empty, under the hash of its bytes."""
        if not self._count:
            return
        body = bytes(self._pack)
        key = self.keys.intermediate(f"pack-{hashlib.sha256(body).hexdigest()[:_PACK_DIGITS]}.bin")
        with suppress(ConflictError):  # written by an earlier attempt
            self.store.put(key, body)
        for each in self.found[-self._count :]:
            each.key = key
        self._pack.clear()
        self._count = 0


def content(picture: Picture, uploads: Uploads, store: ModelStore) -> bytes:
    """A picture's bytes; raises NotFoundError, or LimitExceededError for one that is too large to be fetched."""
    if picture.size > IMAGE_BYTES:
        raise LimitExceededError(f"a picture may have up to {IMAGE_BYTES // MIB} MiB; this one has {picture.size:,} B")
    if picture.packed:
        return store.get_range(picture.key, picture.start, picture.size)
    return _dropped(uploads, picture.key)


def _dropped(uploads: Uploads, key: str) -> bytes:
    """A dropped picture's bytes, of which no more are read than one may have: it may be another since it was listed."""
    body = uploads.get_range(key, 0, IMAGE_BYTES + 1)
    if len(body) > IMAGE_BYTES:
        raise LimitExceededError(f"a picture may have up to {IMAGE_BYTES // MIB} MiB; this one has more by now")
    return body


def _fetch(uploads: Uploads, key: str, path: Path) -> int:
    """Copy an archive into a file; returns its size."""
    written = 0
    with path.open("wb") as file:
        while block := uploads.get_range(key, written, _BLOCK):
            file.write(block)
            written += len(block)
            if written > ARCHIVE_BYTES:
                raise LimitExceededError(f"an archive may have up to {ARCHIVE_BYTES // MIB:,} MiB; {key} has more")
            if len(block) < _BLOCK:
                break
    return written


def _check_count(count: int) -> None:
    if count > TRAINING_FILES:
        raise LimitExceededError(
            f"there are more than {TRAINING_FILES:,} files; a model is trained on up to {TRAINING_PICTURES:,} pictures"
        )


def _check_bytes(found: Sequence[_Found]) -> None:
    total = sum(each.size for each in found if each.size <= IMAGE_BYTES)
    if total > TRAINING_BYTES:
        raise LimitExceededError(
            f"a model is trained on pictures of at most {TRAINING_BYTES // MIB:,} MiB in all; there are "
            f"{total // MIB:,} MiB. Upload smaller pictures"
        )


def _manifest(found: Sequence[_Found], refused: Sequence[Refusal]) -> Manifest:
    """Give every file its class, leave out copies, and cut the rest into shards."""
    labels, outside = labelled([*(each.name for each in found), *(each.file for each in refused)])
    refused = [replace(each, label=labels.get(each.file, "")) for each in refused]
    broken = {each.file for each in refused}
    outside = [each for each in outside if each.file not in broken]
    kept = [each for each in found if each.name in labels]
    out = copies([(each.name, labels[each.name], each.digest) for each in kept])
    used = [each for each in kept if each.name not in out]
    if len(used) > TRAINING_PICTURES:
        raise LimitExceededError(
            f"a model is trained on at most {TRAINING_PICTURES:,} pictures; there are {len(used):,}. Upload fewer"
        )
    _check_bytes(used)
    pictures = [Picture(e.name, labels[e.name], e.key, e.start, e.size, e.packed) for e in used]
    return Manifest(tuple(_shards(pictures)), (*refused, *outside, *out.values()))


def _shards(pictures: Sequence[Picture]) -> Iterator[tuple[Picture, ...]]:
    most = min(TRAINING_SHARD, max(_LEAST_SHARD, -(-len(pictures) // _SHARDS)))
    shard: list[Picture] = []
    size = 0
    for picture in pictures:
        if shard and (len(shard) == most or size + picture.size > TRAINING_SHARD_BYTES):
            yield tuple(shard)
            shard, size = [], 0
        shard.append(picture)
        size += picture.size
    if shard:
        yield tuple(shard)
