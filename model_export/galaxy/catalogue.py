"""Pictures and their labels as arrays: those of the data folder, or a full public set.

Galaxy Zoo 2: Willett et al. (2013), MNRAS 435, 2835. EFIGI: Baillard et al. (2011), A&A 532, A74. Galaxy Zoo 1:
Lintott et al. (2011), MNRAS 410, 166.
"""

from __future__ import annotations

import csv
import hashlib
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from model_export.galaxy.labels import ANSWERS, CLASSES, COARSE, INDEX, PARTIAL
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


LOCAL: Final = "here"  # galaxy/ and galaxy_efigi/ of the data folder, on which the shipped artefact is trained
GZ2: Final = "gz2"
GALAXY10: Final = "galaxy10"
PUBLIC: Final = (GZ2, GALAXY10)
# The name of each set's label table in results and cards.
TABLES: Final = {LOCAL: "galaxy_zoo_2", GZ2: "galaxy_zoo_2_in_full", GALAXY10: "galaxy10_decals"}
GZ2_TABLE: Final = ("galaxy", "labels.csv")
EFIGI_TABLE: Final = ("galaxy_efigi", "efigi_attributes_labels.csv")
GZ1_TABLE: Final = ("galaxy_gz1", "labels.csv")
UNLABELLED: Final = ("galaxy_unlabelled", "images")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Pictures and their labels.

    identifiers: unique names, prefixed with the survey (``gz2:100008``, ``efigi:PGC0000212``).
    files: path of each picture.
    label: (n,) class index, -1 where the class is unknown.
    allowed: (n, 8) classes compatible with the label; all True where nothing is known.
    votes: (n, 37) vote fractions in the order of ANSWERS, cumulative down the tree, NaN where unknown.
    source: where the label came from.
    """

    identifiers: tuple[str, ...]
    files: tuple[Path, ...]
    label: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    votes: NDArray[np.float64]
    source: tuple[str, ...]
    sha256: str

    def __len__(self) -> int:
        return len(self.identifiers)

    @classmethod
    def without_votes(
        cls,
        identifiers: Sequence[str],
        files: Sequence[Path],
        label: NDArray[np.int64],
        allowed: NDArray[np.bool_],
        *,
        source: str,
        sha256: str,
    ) -> Catalogue:
        """Pictures of a single source, without votes."""
        votes, sources = np.full((len(identifiers), len(ANSWERS)), np.nan), (source,) * len(identifiers)
        return cls(tuple(identifiers), tuple(files), label, allowed, votes, sources, sha256)

    @property
    def exact(self) -> NDArray[np.bool_]:
        """(n,) whether the label is a single class."""
        return self.label >= 0


def catalogues(survey: str, data: Path, public: Path | None) -> tuple[Catalogue, Catalogue]:
    """The labelled pictures, and EFIGI's (empty for a public set); raises ConfigurationError."""
    if survey == LOCAL:
        return load_gz2(data), load_efigi(data)
    # Imported late: the packages that read these sets are in the training environment only.
    loader = importlib.import_module(f"model_export.galaxy.public.{survey}")
    label, allowed = np.zeros(0, dtype=np.int64), np.zeros((0, len(CLASSES)), dtype=np.bool_)
    return loader.catalogue(public), Catalogue.without_votes((), (), label, allowed, source="", sha256="")


def load_gz2(data: Path) -> Catalogue:
    """Read galaxy/labels.csv; raises ConfigurationError."""
    path = data.joinpath(*GZ2_TABLE)
    rows, digest = _rows(path, ("GalaxyID", "file", "label8", "exact", "label_source", *ANSWERS))
    votes = np.array([[float(row[answer] or "nan") for answer in ANSWERS] for row in rows])
    sources = tuple(row["label_source"] for row in rows)
    return Catalogue(*_labelled(path, rows, "gz2", "GalaxyID", "label8"), votes, sources, digest)


def load_efigi(data: Path) -> Catalogue:
    """Read galaxy_efigi's table, which has attributes instead of votes; raises ConfigurationError."""
    path = data.joinpath(*EFIGI_TABLE)
    rows, digest = _rows(path, ("PGC", "file", "label8_suggested"))
    labelled = _labelled(path, rows, "efigi", "PGC", "label8_suggested")
    return Catalogue.without_votes(*labelled, source="efigi", sha256=digest)


def load_gz1(data: Path) -> Catalogue:
    """Read galaxy_gz1's table, whose classes are sets of ours; raises ConfigurationError."""
    # No label is exact, an edge-on one included, since other volunteers answered another question. The source is the
    # Galaxy Zoo 1 class.
    path = data.joinpath(*GZ1_TABLE)
    rows, digest = _rows(path, ("file", "dr7objid", "gz1_class"))
    sources = tuple(row["gz1_class"] for row in rows)
    if unknown := sorted(set(sources) - set(COARSE)):
        raise ConfigurationError(f"unknown classes in {path}: {', '.join(unknown)}")
    identifiers = tuple(f"gz1:{row['dr7objid']}" for row in rows)
    if len(set(identifiers)) != len(identifiers):
        raise ConfigurationError(f"{path} lists a galaxy more than once")
    files = tuple(path.parent / "images" / row["file"] for row in rows)
    allowed = np.array([[name in COARSE[source] for name in CLASSES] for source in sources], dtype=np.bool_)
    allowed = allowed.reshape(-1, len(CLASSES))
    votes = np.full((len(rows), len(ANSWERS)), np.nan)
    return Catalogue(identifiers, files, np.full(len(rows), -1), allowed, votes, sources, digest)


def load_unlabelled(data: Path) -> Catalogue:
    """The pictures of galaxy_unlabelled, of which nothing is known; raises ConfigurationError."""
    folder = data.joinpath(*UNLABELLED)
    files = sorted(folder.glob("*.webp"))
    if not files:
        raise ConfigurationError(
            f"{folder} holds no pictures; set SKYSORT_DATA to the folder that holds {UNLABELLED[0]}/"
        )
    names = [file.stem for file in files]
    allowed = np.ones((len(files), len(CLASSES)), dtype=np.bool_)
    label = np.full(len(files), -1, dtype=np.int64)
    digest = hashlib.sha256("".join(f"{name}\n" for name in names).encode()).hexdigest()
    identifiers = [f"unlabelled:{name}" for name in names]
    return Catalogue.without_votes(identifiers, files, label, allowed, source="unlabelled", sha256=digest)


def _rows(path: Path, columns: tuple[str, ...]) -> tuple[list[dict[str, str]], str]:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise ConfigurationError(
            f"{path} cannot be read ({problem.strerror}); "
            f"set SKYSORT_DATA to the folder that holds {GZ2_TABLE[0]}/ and {EFIGI_TABLE[0]}/"
        ) from problem
    reader = csv.DictReader(content.decode().splitlines())
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise ConfigurationError(f"{path} lacks the column(s) {', '.join(missing)}")
    return list(reader), hashlib.sha256(content).hexdigest()


def _labelled(
    path: Path, rows: list[dict[str, str]], survey: str, name_column: str, label_column: str
) -> tuple[tuple[str, ...], tuple[Path, ...], NDArray[np.int64], NDArray[np.bool_]]:
    """Identifiers, files, class indices and allowed classes of the rows."""
    identifiers = tuple(f"{survey}:{row[name_column]}" for row in rows)
    labels = [row[label_column] for row in rows]
    if unknown := sorted(set(labels) - set(CLASSES) - set(PARTIAL) - {""}):
        raise ConfigurationError(f"unknown labels in {path}: {', '.join(unknown)}")
    if len(set(identifiers)) != len(identifiers):
        raise ConfigurationError(f"{path} lists a galaxy more than once")
    allowed = np.ones((len(rows), len(CLASSES)), dtype=np.bool_)
    for index, label in enumerate(labels):
        if label:
            permitted = PARTIAL.get(label, (label,))
            allowed[index] = [name in permitted for name in CLASSES]
    indices = np.array([INDEX.get(label, -1) for label in labels], dtype=np.int64)
    return identifiers, tuple(path.parent / row["file"] for row in rows), indices, allowed
