"""Results as CSV, ECSV, VOTable and Parquet: what is written is what astropy and pandas read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skysort_cli.exits import Exit, MissingError, UsageError
from skysort_cli.output import Format, choose_format
from skysort_cli.record_rows import RecordRows
from tests.fakes.service import URL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.service import FakeService
    from tests.unit.skysort_cli.conftest import Cli

NAMES = st.text("aé,;\"' <&]>%#\t\n\x1b🌌", min_size=1, max_size=12).filter(lambda name: name.strip() == name)
READERS = {Format.ECSV: "ascii.ecsv", Format.VOTABLE: "votable"}


def record(row: int, name: str) -> dict[str, Any]:
    best = {"label": "QSO", "class_id": 1, "probability": 0.125}
    return {
        "file": name,
        "row": row,
        "id": f"SDSS {row}",
        "model": {"name": "star", "version": "9.9"},
        "predictions": [best, {"label": "STAR", "class_id": 2, "probability": 0.0625}],
        "prediction_set": ["QSO", "STAR"],
        "variant": "with_redshift",
        "typicality": 0.5,
        "in_domain": True,
    }


def written(output_format: Format, records: list[dict[str, Any]]) -> pd.DataFrame | Table:
    """The records in a file of a format, as the usual readers read it."""
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    rows = RecordRows(output_format, file, star=True, top_k=2, explain=False, trained=True)
    for one in records:
        rows.write(one)
    rows.close()
    file.flush()
    content = io.BytesIO(file.detach().getvalue())
    if output_format is Format.PARQUET:
        return pd.read_parquet(content)
    if output_format is Format.CSV:
        return pd.read_csv(content)
    return Table.read(content, format=READERS[output_format])


@pytest.mark.parametrize("output_format", [Format.CSV, Format.ECSV, Format.VOTABLE, Format.PARQUET])
def test_numbers_are_numbers_and_a_refusal_has_none(output_format: Format) -> None:
    # Given a classified row and one that is refused
    refused = {"file": "a.csv", "row": 2, "id": "", "error": {"detail": "u is missing"}}
    # When
    table = written(output_format, [record(1, "a.csv"), refused])
    # Then
    assert list(table["row"]) == [1, 2]
    assert table["probability"][0] == 0.125
    assert table["probability_2"][0] == 0.0625
    assert table["class_id"][0] == 1
    assert bool(table["in_domain"][0]) is True
    assert (table["label"][0], table["prediction_set"][0], table["error"][1]) == ("QSO", "QSO;STAR", "u is missing")
    assert table["probability"][1] is np.ma.masked or np.isnan(table["probability"][1])


@pytest.mark.parametrize("output_format", [Format.ECSV, Format.VOTABLE, Format.PARQUET])
@settings(max_examples=15, deadline=None)
@given(names=st.lists(NAMES, min_size=1, max_size=3))
@example(names=["=1+1.jpg", "]]>.jpg", "\x1b[2J.jpg", "#.jpg"])
def test_a_file_of_any_name_is_one_row(output_format: Format, names: list[str]) -> None:
    table = written(output_format, [record(1 + at, name) for at, name in enumerate(names)])
    assert len(table) == len(names)
    for found, name in zip(table["file"], names, strict=True):
        assert found == name or not name.isprintable()


@pytest.mark.parametrize(
    ("name", "output_format"),
    [
        ("a.csv", Format.CSV),
        ("A.CSV", Format.CSV),
        ("a.jsonl", Format.JSONL),
        ("a.json", Format.JSONL),
        ("results", Format.JSONL),
        ("a.parquet", Format.PARQUET),
        ("a.vot", Format.VOTABLE),
        ("a.xml", Format.VOTABLE),
        ("a.ecsv", Format.ECSV),
    ],
)
def test_the_name_of_a_file_is_its_format(name: str, output_format: Format) -> None:
    assert choose_format(None, name) is output_format
    assert choose_format("csv", name) is Format.CSV


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a.xlsx", "results are not written as .xlsx; spreadsheets open a .csv, or give --format"),
        ("a.txt", "not written as .txt; name a file that ends in .csv, .jsonl, .parquet, .vot or .ecsv"),
        ("a.csv.gz", "not written as .gz"),
    ],
)
def test_another_name_is_refused_before_anything_is_done(
    cli: Cli, service: FakeService, tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"Smooth")
    for command in (("classify", "galaxy"), ("drop", "galaxy", "--wait")):
        ran = cli(*command, tmp_path / "a.jpg", "--endpoint", URL, "--out", tmp_path / name)
        assert ran.code == Exit.USAGE
        assert sentence in ran.err
    assert service.requests == []
    assert not (tmp_path / name).exists()


def test_parquet_goes_into_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="name its file with --out FILE"):
        choose_format("parquet", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingError, match=r"needs the package pyarrow: pip install '\.\[models\]'"):
        choose_format(None, "a.parquet")


@pytest.mark.parametrize("name", ["a.parquet", "a.vot", "a.ecsv"])
def test_classified_and_dropped_pictures_are_written_as_the_file_is_named(
    cli: Cli, service: FakeService, tmp_path: Path, name: str
) -> None:
    # Given two pictures, of which the service refuses one
    for picture, content in (("a.jpg", b"Smooth"), ("bad.jpg", b"not a picture")):
        (tmp_path / picture).write_bytes(content)
    pictures, out = (tmp_path / "a.jpg", tmp_path / "bad.jpg"), tmp_path / name
    assert service.requests == []
    for command in (("classify", "galaxy"), ("drop", "galaxy", "--wait")):
        # When
        ran = cli(*command, *pictures, "--endpoint", URL, "--out", out)
        # Then
        assert ran.code == Exit.SOME_FAILED
        table = pd.read_parquet(out) if name.endswith("parquet") else Table.read(out)
        assert [label for label in table["label"] if isinstance(label, str) and label] == ["Smooth"]
        assert table["class_id"][0] == 6
        assert str(table["file"][1]).endswith("bad.jpg")
