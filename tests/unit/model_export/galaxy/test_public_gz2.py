"""The full Galaxy Zoo 2 in the form of galaxy-datasets, with a dozen galaxies."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from model_export.galaxy import split
from model_export.galaxy.labels import CLASSES
from model_export.galaxy.public import gz2
from skysort.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def catalogues(folder: Path, *summaries: str | None) -> Path:
    """Half of the galaxies in each of the two files."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, name in enumerate(gz2.CATALOGUES):
        part = summaries[place::2]
        columns = {
            "subfolder": [f"58772{place}"] * len(part),
            "filename": [f"58772{place}{row:03d}.jpg" for row in range(len(part))],
            "summary": list(part),
            "smooth-or-featured-gz2_smooth": [12] * len(part),
        }
        pq.write_table(pa.table(columns), folder / name)
    return folder


def test_a_summary_is_a_class_and_none_is_irregular(tmp_path: Path) -> None:
    found = gz2.load(catalogues(tmp_path, "smooth_round", None, "barred_spiral", "smooth_cigar"))
    assert [CLASSES[label] for label in found.label] == ["smooth_round", "barred_spiral", "irregular", "smooth_cigar"]
    assert found.files[0] == tmp_path / "images" / "587720" / "587720000.jpg"


def test_the_parts_have_cosmoformers_sizes(tmp_path: Path) -> None:
    found = gz2.load(catalogues(tmp_path, *["smooth_round"] * 1_000))
    parts = split.deal(found)
    assert (len(parts.train), len(parts.validation), len(parts.test), parts.left_out) == (600, 200, 200, ())
    assert sorted(parts.train + parts.validation + parts.test) == sorted(found.identifiers)


def test_cosmoformers_counts_follow_from_the_shares() -> None:
    held = int(np.ceil(split.HELD * 209_293))
    assert (209_293 - 2 * held, held, held) == (125_575, 41_859, 41_859)


def test_another_summary_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nebula"):
        gz2.load(catalogues(tmp_path, "nebula", "smooth_round"))


def test_a_catalogue_without_the_columns_is_refused(tmp_path: Path) -> None:
    for name in gz2.CATALOGUES:
        pq.write_table(pa.table({"filename": ["a.jpg"]}), tmp_path / name)
    with pytest.raises(ConfigurationError, match="summary"):
        gz2.load(tmp_path)


def archive(path: Path, *names: str) -> Path:
    file = io.BytesIO()
    Image.new("RGB", (424, 424)).save(file, "JPEG")
    with tarfile.open(path, "w:gz") as packed:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(file.getvalue())
            packed.addfile(member, io.BytesIO(file.getvalue()))
    return path


def test_pictures_are_unpacked_where_the_catalogue_says(tmp_path: Path) -> None:
    found = gz2.load(catalogues(tmp_path, "smooth_round", "irregular"))
    gz2.unpack(archive(tmp_path / "images.tar.gz", "587720/587720000.jpg", "587721/587721000.jpg"), tmp_path / "images")
    assert all(file.is_file() for file in found.files)


def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be unpacked"):
        gz2.unpack(archive(tmp_path / "images.tar.gz", "../escaped.jpg"), tmp_path / "images")
    assert not (tmp_path / "escaped.jpg").exists()
