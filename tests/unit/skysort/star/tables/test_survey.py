"""The whole SDSS17 table, as people download it."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from tests.fakes.tables import classify

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 99_999


@pytest.mark.needs_data
def test_every_object_of_the_survey_keeps_its_row_and_gets_a_class(star_folder: Path, survey_data: Path) -> None:
    # Given the survey, and the row that its download has with sentinels for magnitudes
    body = gzip.decompress((survey_data / "star" / "sdss17.csv.gz").read_bytes())
    header, *rows = body.splitlines()
    names = header.decode().split(",")
    cells = {"u": b"-9999.0", "g": b"-9999.0", "z": b"-9999.0", "redshift": b"0.1"}
    bad = b",".join(cells.get(name, b"20") for name in names)

    # When
    result = classify(star_folder, b"\n".join([header, *rows[:500], bad, *rows[500:], b""]))

    # Then
    assert result.summary["rows"] == {"total": ROWS + 1, "classified": ROWS, "rejected": 1}
    assert {(reject["row"], reject["column"]) for reject in result.rejects} == {
        ("501", "u"),
        ("501", "g"),
        ("501", "z"),
    }
    classified = result.table.splitlines()[1:]
    assert all(line.startswith(row + b",") for line, row in zip(classified, rows, strict=True))
