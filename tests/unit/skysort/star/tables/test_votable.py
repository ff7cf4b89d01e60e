"""VOTables in, classified VOTables out."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io.votable import from_table, parse
from astropy.table import MaskedColumn, Table

from skysort.errors import InputError
from skysort.star.tables import votable as module
from skysort.star.tables import votable_rows as rows_module
from skysort.star.tables.detect import Format
from skysort.star.tables.readers import TableReader
from tests.fakes.tables import APPENDED, classify, columns
from tests.unit.skysort.star.tables.samples import as_votable

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 20
FORMATS = ["tabledata", "binary", "binary2"]


def votable(kind: str = "tabledata", **changes: Any) -> bytes:
    made: dict[str, Any] = {"name": [f"étoile {n}" for n in range(ROWS)], "objid": np.arange(ROWS) + 2**60}
    made |= columns(ROWS)
    made["redshift"] = MaskedColumn(made["redshift"], mask=np.isnan(made["redshift"]))
    table = Table({name: values for name, values in {**made, **changes}.items() if values is not None})
    table["i"].unit = "mag"
    out = io.BytesIO()
    from_table(table).to_xml(out, tabledata_format=kind)
    return out.getvalue()


def read(body: bytes) -> Any:
    return parse(io.BytesIO(body)).get_first_table()


@pytest.mark.parametrize("kind", FORMATS)
def test_columns_stay_and_the_classes_follow(star_folder: Path, kind: str) -> None:
    # Given
    body = votable(kind, u=MaskedColumn(columns(ROWS)["u"], mask=np.arange(ROWS) == 4))

    # When
    result = classify(star_folder, body)

    # Then
    old, new = read(body), read(result.table)
    assert f"<{kind.upper()}>".encode() in result.table
    assert len(new.array) == ROWS - 1
    assert [field.name for field in new.fields] == [*(field.name for field in old.fields), *APPENDED]
    assert str(new.get_field_by_id("i").unit) == "mag"
    kept = np.arange(ROWS) != 4
    assert list(new.array["name"]) == list(old.array["name"][kept])
    assert np.array_equal(new.array["objid"], old.array["objid"][kept])
    assert np.array_equal(new.array["redshift"].mask, old.array["redshift"][kept].mask)
    assert set(new.array["skysort_class"]) <= {"GALAXY", "QSO", "STAR"}
    assert np.allclose(sum(new.array[name] for name in APPENDED[1:4]), 1)
    assert [(reject["row"], reject["column"], reject["reason"]) for reject in result.rejects] == [("5", "u", "missing")]
    assert result.summary["variants"]["photometry_only"] == 7


@pytest.mark.parametrize("kind", FORMATS)
def test_a_result_dropped_again_is_classified_anew(star_folder: Path, kind: str) -> None:
    once = classify(star_folder, votable(kind)).table
    assert classify(star_folder, once).table == once


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (votable()[:900], "cannot be read"),
        (votable(u=None), "no column u"),
        (votable(u=np.zeros(ROWS, np.complex128)), "u: has the datatype doubleComplex"),
        (votable(u=np.zeros((ROWS, 2))), "u: has the datatype"),
        (b'<?xml version="1.0"?><VOTABLE version="1.4"></VOTABLE>', "no table"),
    ],
    ids=["cut", "missing", "text", "array", "no table"],
)
def test_what_cannot_be_classified_is_refused_with_the_reason(star_folder: Path, body: bytes, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        classify(star_folder, body)


@pytest.mark.parametrize("piece", [500, 701, 1_013])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_row_that_two_pieces_of_the_file_share_is_read_whole(
    monkeypatch: pytest.MonkeyPatch, kind: str, piece: int
) -> None:
    # Given blocks of few rows, and pieces that end anywhere
    made: dict[str, Any] = {"name": [f"star {n}" for n in range(ROWS)], **columns(ROWS), "u": np.arange(ROWS) + 10.0}
    body = as_votable(made, kind)
    monkeypatch.setattr(module, "_PIECE", piece)
    monkeypatch.setattr(rows_module, "_ROWS", 2)
    # When
    with TableReader(Format.VOTABLE, [body]) as table:
        blocks = [rows.measured.photometry.magnitudes for rows in table.rows()]
    # Then
    assert len(blocks) > 2
    assert (
        np.concatenate(blocks)[:, :5].tolist() == np.column_stack([np.asarray(made[band]) for band in "ugriz"]).tolist()
    )
