"""Tables from strangers on the command line: what they name on this machine or elsewhere stays unopened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from skysort.star.tables import readers
from skysort.star.tables.detect import Format
from skysort_cli.exits import Exit
from tests.fakes.tables import lines, row
from tests.reader_faults import READER_FAULTS
from tests.unit.skysort.star.tables.samples import SAMPLES
from tests.unit.skysort.star.tables.test_votable_scan import DATA, SCHEMES, SECRET, document

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.skysort_cli.conftest import Cli


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("whole", [False, True], ids=["records", "whole table"])
def test_a_votable_from_a_stranger_reads_no_file_of_mine(
    cli: Cli, star_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, *, whole: bool
) -> None:
    # Given
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(star_folder))
    canary = tmp_path / "credentials"
    canary.write_text(SECRET * 10)
    table, out = tmp_path / "stars.vot", tmp_path / "out.vot"
    table.write_bytes(document(DATA[0].format(url=scheme.format(canary=canary))))

    # When
    ran = cli("classify", "star", table, *(["--out", out] if whole else []))

    # Then
    assert ran.code == Exit.SOME_FAILED
    assert "stores its rows elsewhere" in ran.out + ran.err
    written = out.read_text("latin-1") if out.exists() else ""
    assert SECRET not in ran.out + ran.err + written


@pytest.mark.parametrize("fault", READER_FAULTS)
@pytest.mark.parametrize("name", ["stars.fits", "stars.vot", "stars.parquet", "stars.ecsv"])
def test_a_reader_that_raises_over_one_table_leaves_the_next_to_be_classified(
    cli: Cli, star_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, fault: str
) -> None:
    # Given a table whose reader raises, and a sound CSV behind it
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(star_folder))
    kind = {"vot": Format.VOTABLE}.get(name.rpartition(".")[2]) or Format(name.rpartition(".")[2])
    bad, sound = tmp_path / name, tmp_path / "zz.csv"
    bad.write_bytes(SAMPLES[kind])
    sound.write_bytes(lines(row()))

    def stumble(*_: object) -> None:
        raise READER_FAULTS[fault]

    monkeypatch.setattr(readers, "_opener", lambda _: stumble)

    # When
    ran = cli("classify", "star", bad, sound)

    # Then
    assert ran.code == Exit.SOME_FAILED
    refused, *classified = [json.loads(line) for line in ran.out.splitlines()]
    assert refused["error"]["status"] == (413 if fault == "MemoryError" else 400)
    assert [one["file"] for one in classified] == [str(sound)]
    assert classified[0]["predictions"]
    assert "Traceback" not in ran.err
