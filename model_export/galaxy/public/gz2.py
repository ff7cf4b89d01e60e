"""All of Galaxy Zoo 2, as published by the galaxy-datasets project: two Parquet catalogues and an archive of JPEGs.

The class is the catalogue's `summary` column; a galaxy without one is `irregular`, as in CosmoFormer.
"""

from __future__ import annotations

import hashlib
import tarfile
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow.parquet as pq

from model_export.common.fetch import checksum, fetch
from model_export.galaxy.catalogue import Catalogue
from model_export.galaxy.labels import CLASSES, INDEX
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

HOME: Final = "https://dl.dropboxusercontent.com/s"
# Address and MD5 as in galaxy-datasets, which publishes no stronger hash.
CATALOGUES: Final = {
    "gz2_train_catalog.parquet": ("vu77e3sh2s5c250", "4601cf8f7bea8ab0d79b2aada1a4663d"),
    "gz2_test_catalog.parquet": ("t8eh6f3oupndpl3", "65bc4d26cb1dd1426fed4f3c357cb42c"),
}
IMAGES: Final = ("images_gz2.tar.gz", f"{HOME}/5so7yof2afe761p/images_gz2.tar.gz", "e3eab2fec57a6a60577236b9e0a6913d")
COLUMNS: Final = ("subfolder", "filename", "summary")


def download(folder: Path, *, url: str | None = None, digest: str | None = None) -> Catalogue:
    """Fetch both catalogues and the pictures into `folder`, unpack them, and read the catalogues."""
    # Files from another address are not checked against the public hashes; `digest` is the archive's SHA-256.
    for name, (key, md5) in CATALOGUES.items():
        fetch(f"{url or f'{HOME}/{key}'}/{name}", folder / name, digest=None if url else md5, algorithm="md5")
    name, public, md5 = IMAGES
    if url or digest:
        archive = fetch(f"{url}/{name}" if url else public, folder / name, digest=digest)
    else:
        archive = fetch(public, folder / name, digest=md5, algorithm="md5")
    unpack(archive, folder / "images")
    return load(folder)


def catalogue(folder: Path) -> Catalogue:
    """The downloaded set, or files of the same names in `folder`."""
    archive = folder / IMAGES[0]
    if archive.is_file():
        unpack(archive, folder / "images")
    return load(folder)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the archive once; a member outside `folder` is rejected."""
    done = folder / ".unpacked"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    except tarfile.TarError as problem:
        raise ConfigurationError(f"{archive} cannot be unpacked: {problem}") from problem
    done.touch()


def load(folder: Path) -> Catalogue:
    """Read the catalogues; raises ConfigurationError if one is missing or damaged."""
    subfolders: list[str] = []
    names: list[str] = []
    summaries: list[str | None] = []
    for name in CATALOGUES:
        table = _table(folder / name)
        subfolders += [str(value) for value in table["subfolder"]]
        names += [str(value) for value in table["filename"]]
        summaries += table["summary"]
    unknown = sorted({summary for summary in summaries if summary is not None} - set(CLASSES))
    if unknown:
        raise ConfigurationError(f"unknown summaries in {folder}: {', '.join(unknown)}")
    label = np.array([INDEX[summary or "irregular"] for summary in summaries], dtype=np.int64)
    root = folder / "images"
    digest = hashlib.sha256("".join(checksum(folder / name, "sha256") for name in CATALOGUES).encode()).hexdigest()
    files = [root / subfolder / name for subfolder, name in zip(subfolders, names, strict=True)]
    identifiers = [f"gz2:{name.rsplit('.', 1)[0]}" for name in names]
    allowed = np.eye(len(CLASSES), dtype=np.bool_)[label]
    return Catalogue.without_votes(identifiers, files, label, allowed, source="galaxy_datasets", sha256=digest)


def _table(path: Path) -> dict[str, list[Any]]:
    try:
        table = pq.read_table(path, columns=list(COLUMNS))
    except (OSError, KeyError, ValueError) as problem:
        raise ConfigurationError(
            f"{path} cannot be read as a galaxy-datasets catalogue with {', '.join(COLUMNS)}: {problem}"
        ) from problem
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise ConfigurationError(f"{path} lacks the column(s) {', '.join(missing)}")
    return dict(table.to_pydict())
