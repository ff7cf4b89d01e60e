"""The commands on the full public sets, from small files in the same form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from model_export.__main__ import main
from model_export.galaxy import catalogue, evaluate, export, split
from model_export.galaxy.labels import CLASSES
from model_export.galaxy.public import galaxy10, gz2
from model_export.galaxy.workspace import EVALUATION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GALAXIES = 110


def blob(number: int, side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A bright or a dim middle, in turn."""
    picture = np.random.default_rng(number).integers(0, 30, (side, side, 3), dtype=np.uint8)
    middle = slice(3 * side // 8, 5 * side // 8)
    picture[middle, middle] += 200 if number % 2 else 80
    return picture


def gz2_files(folder: Path) -> None:
    """galaxy-datasets: two Parquet catalogues, and JPEGs of 424 pixels in subfolders."""
    for place, name in enumerate(gz2.CATALOGUES):
        numbers = range(place, GALAXIES, 2)
        subfolder = folder / "images" / f"58772{place}"
        subfolder.mkdir(parents=True)
        for number in numbers:
            Image.fromarray(blob(number, 424)).save(subfolder / f"{number}.jpg")
        columns = {
            "subfolder": [subfolder.name for _ in numbers],
            "filename": [f"{number}.jpg" for number in numbers],
            "summary": [CLASSES[number % len(CLASSES)] if number % 10 else None for number in numbers],
        }
        pq.write_table(pa.table(columns), folder / name)


def galaxy10_files(folder: Path) -> None:
    """One HDF5 file of pictures of 256 pixels and their answers, two of which are none of the eight classes."""
    folder.mkdir(parents=True)
    with h5py.File(folder / galaxy10.FILE, "w") as file:
        file["images"] = np.stack([blob(number, 256) for number in range(GALAXIES)])
        file["ans"] = np.arange(GALAXIES, dtype=np.uint8) % 10


FILES: dict[str, Callable[[Path], None]] = {"gz2": gz2_files, "galaxy10": galaxy10_files}


def options(survey: str, tmp_path: Path) -> list[str]:
    """A set where somebody else put it, and folders of one's own."""
    FILES[survey](tmp_path / "elsewhere")
    return ["--set", survey, "--from", str(tmp_path / "elsewhere"), "--build", str(tmp_path / "build")]


@pytest.mark.parametrize(("survey", "left_out"), [("gz2", 0), ("galaxy10", 22)])
def test_a_public_set_is_decoded_and_dealt_out_in_cosmoformers_proportions(
    survey: str, left_out: int, tmp_path: Path
) -> None:
    # When
    assert main(["galaxy", "data", *options(survey, tmp_path)]) == 0
    # Then
    parts = split.load(tmp_path / "build" / survey / "splits")
    usable = GALAXIES - left_out
    held = -(-usable // 5)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (usable - 2 * held, held, held)
    assert len(parts.left_out) == left_out


def test_a_network_learns_from_a_public_set_and_is_measured_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a decoded set; the latency is no matter here
    given = options("gz2", tmp_path)
    assert main(["galaxy", "data", *given]) == 0
    monkeypatch.setattr(evaluate, "timings", lambda *_: {"one_thread": {"p50": 0.0}})
    # When
    assert main(["galaxy", "train", *given, "--candidate", "crossformer", "--steps", "1"]) == 0
    assert main(["galaxy", "evaluate", *given, "--name", "crossformer"]) == 0
    # Then the results say which set they are of, and lie beside it
    found = json.loads((tmp_path / "build" / "gz2" / "results" / EVALUATION).read_text())
    assert found["metrics"]["rows"] == GALAXIES // 5
    assert found["data"]["tables"][catalogue.TABLES["gz2"]]["exact"] == GALAXIES
    steps = export.card(found, "1.0.0")["command"].split(" && ")
    assert any("galaxy train" in step for step in steps)
    assert all("--set gz2" in step for step in steps)
    # And they do not replace an artefact that was measured on other pictures
    assert main(["galaxy", "export", *given]) == 1


def test_without_the_files_the_set_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["galaxy", "data", "--set", "galaxy10", "--build", str(tmp_path)]) == 2
    assert "galaxy10" in capsys.readouterr().err
