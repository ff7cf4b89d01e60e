"""Parquet tables as archives and libraries write them, and those that would take more memory than there is."""

from __future__ import annotations

import io
import subprocess
import sys
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from astropy import units
from astropy.table import MaskedColumn, QTable, Table
from astropy.utils.masked import Masked
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from skysort.errors import InputError, LimitExceededError, MalformedInputError, SkysortError
from skysort.star.tables import parquet as module
from skysort.star.tables import parquet_budget as budget
from skysort.star.tables.parquet_budget import pages
from tests.conftest import ROOT
from tests.fakes.tables import classify, columns
from tests.unit.skysort.star.tables.samples import as_parquet

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 30
MADE = columns(ROWS)
MAGNITUDES = np.column_stack([MADE[band] for band in "ugriz"])


def read(body: bytes) -> Any:
    return pq.read_table(io.BytesIO(body))


def joined() -> Table:
    """A left join as astropy makes one: most redshifts are masked, and hold another row's value beneath."""
    table = Table(MADE)
    masked = np.arange(ROWS) % 5 != 0
    table["redshift"] = MaskedColumn(np.full(ROWS, 0.5), mask=masked)
    table["u"].unit = "mag"
    table["note"] = ["text, with {braces}: and: colons"] * ROWS
    return table


def written(table: Table, folder: Path) -> bytes:
    table.write(folder / "table.parquet", overwrite=True)
    return (folder / "table.parquet").read_bytes()


def test_texts_as_rusts_libraries_write_them_are_read(star_folder: Path) -> None:
    # Given views of text in a column that is measured and in one that is not, and bytes with long offsets
    cells = [f"{value:.4f}" for value in MADE["u"]]
    table = pa.table({**MADE, "u": pa.array(cells, pa.string_view()), "name": pa.array(cells, pa.string_view())})
    table = table.set_column(1, "g", pa.array([f"{value:.4f}".encode() for value in MADE["g"]], pa.large_binary()))
    body = io.BytesIO()
    pq.write_table(table, body)
    # When
    result = classify(star_folder, body.getvalue())
    # Then
    assert result.summary["rows"]["classified"] == ROWS
    assert read(result.table)["name"].to_pylist() == cells


def test_a_masked_redshift_is_none_and_stays_masked(star_folder: Path, tmp_path: Path) -> None:
    # When
    result = classify(star_folder, written(joined(), tmp_path))
    # Then
    assert result.summary["variants"] == {"with_redshift": 6, "photometry_only": 24}
    # And astropy reads the result, mask, unit and all
    (tmp_path / "result.parquet").write_bytes(result.table)
    table = Table.read(tmp_path / "result.parquet")
    assert table["redshift"].mask.sum() == 24
    assert str(table["u"].unit) == "mag"
    assert set(table["skysort_class"]) <= {"GALAXY", "QSO", "STAR"}
    # And classified again it is the same
    again = classify(star_folder, result.table)
    assert read(again.table).equals(read(result.table))
    assert read(again.table).schema.metadata == read(result.table).schema.metadata


def test_a_mask_counts_without_astropys_metadata_too(star_folder: Path) -> None:
    mask = np.arange(ROWS) < 7
    body = as_parquet({**MADE, "redshift": np.full(ROWS, 0.5), "redshift.mask": mask, "u.mask": mask[::-1]})
    result = classify(star_folder, body)
    assert result.summary["variants"] == {"with_redshift": 23 - 7, "photometry_only": 7}
    assert {(reject["column"], reject["reason"]) for reject in result.rejects} == {("u", "missing")}


def test_a_masked_quantity_is_none_too(star_folder: Path, tmp_path: Path) -> None:
    table = QTable({band: MADE[band] * units.mag for band in "ugriz"})
    table["redshift"] = Masked(np.full(ROWS, 0.5) * units.dimensionless_unscaled, mask=np.arange(ROWS) < 20)
    result = classify(star_folder, written(table, tmp_path))
    assert result.summary["variants"] == {"with_redshift": 10, "photometry_only": 20}


@pytest.mark.needs_data
def test_astropys_left_join_as_found(star_folder: Path, survey_data: Path) -> None:
    body = (survey_data.parent / "faults" / "catalogues" / "astropy_masked_left_join.parquet").read_bytes()
    result = classify(star_folder, body)
    assert result.summary["variants"] == {"with_redshift": 60, "photometry_only": 240}
    assert Table.read(io.BytesIO(result.table), format="parquet")["redshift"].mask.sum() == 240


@pytest.mark.needs_data
def test_the_published_model_is_right_about_astropys_left_join(survey_data: Path) -> None:
    body = (survey_data.parent / "faults" / "catalogues" / "astropy_masked_left_join.parquet").read_bytes()
    table = read(classify(ROOT / "functions" / "star" / "model", body).table).to_pandas()
    assert (table["skysort_class"] == table["truth"]).mean() >= 0.97


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.list_(pa.float64(), 5), pa.large_list(pa.float32())])
def test_arrays_of_five_are_read_as_u_g_r_i_z(star_folder: Path, kind: Any) -> None:
    arrays = pa.array(MAGNITUDES.tolist(), kind)
    body = as_parquet({"PSFMAG": arrays, "U": arrays, "Z": MADE["redshift"], "tags": [["a"]] * ROWS})
    result = classify(star_folder, body)
    assert result.summary["rows"]["classified"] == ROWS
    assert result.summary["variants"]["photometry_only"] == 10


def test_dereddened_arrays_are_read_with_the_remark_that_columns_have(star_folder: Path) -> None:
    result = classify(star_folder, as_parquet({"DEREDMAG": MAGNITUDES.tolist()}))
    assert [warning["code"] for warning in result.summary["warnings"]] == ["dereddened_magnitudes"]


def test_arrays_of_other_lengths_are_refused(star_folder: Path) -> None:
    arrays = [list(row) for row in MAGNITUDES]
    arrays[3] = arrays[3][:4]
    with pytest.raises(MalformedInputError, match="MODELMAG has rows without exactly five"):
        classify(star_folder, as_parquet({"MODELMAG": arrays}))


def test_fluxes_are_converted_with_a_remark(star_folder: Path) -> None:
    made = {f"modelFlux_{band}": np.full(ROWS, 100.0) for band in "ugriz"}
    result = classify(star_folder, as_parquet(made))
    assert [(warning["code"], warning["rows"]) for warning in result.summary["warnings"]] == [
        ("fluxes_converted", ROWS)
    ]


def chunks(body: bytes) -> list[tuple[Any, Any]]:
    metadata = pq.ParquetFile(io.BytesIO(body)).metadata
    return [
        (metadata.row_group(group).column(at), metadata.schema.column(at))
        for group in range(metadata.num_row_groups)
        for at in range(metadata.num_columns)
    ]


@settings(max_examples=25)
@given(
    st.integers(1, 3000),
    st.sampled_from(["1.0", "2.0"]),
    st.booleans(),
    st.sampled_from(["none", "snappy", "zstd", "gzip"]),
    st.integers(200, 100_000),
)
def test_the_pages_that_are_found_are_those_that_were_written(
    rows: int, version: str, dictionary: bool, codec: str, page: int
) -> None:
    # Given tables of all kinds of pages
    texts = [f"text {n % 40}" * (n % 5) if n % 7 else None for n in range(rows)]
    table = pa.table({"u": np.arange(rows) / 3, "text": texts, "lists": [[1.5] * (n % 4) for n in range(rows)]})
    out = io.BytesIO()
    pq.write_table(
        table, out, data_page_version=version, use_dictionary=dictionary, compression=codec, data_page_size=page
    )
    # When their headers are walked through
    for chunk, _ in chunks(out.getvalue()):
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        stop = start + chunk.total_compressed_size
        walked = list(pages(out.getvalue(), start, stop, chunk.num_values, count()))  # type: ignore[arg-type]
        # Then they fill the column, and hold its values
        assert walked[-1].start + walked[-1].packed == stop
        assert sum(one.values for one in walked if not one.dictionary) == chunk.num_values


def bomb(rows: int, characters: int = 30_000) -> bytes:
    """One long text in a dictionary, and many rows that name it: some kilobytes for gigabytes."""
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["x" * characters]))
    made = {band: np.full(rows, 20.0) for band in "ugriz"}
    return as_parquet({**made, "comment": texts.cast(pa.dictionary(pa.int32(), pa.string()))}, store_schema=False)


def test_a_long_text_that_all_rows_share_is_read_some_rows_at_a_time(
    star_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a text of 30 kB in 2,000 rows, and room for 3 MB
    monkeypatch.setattr(budget, "PARQUET_BATCH_BYTES", 3_000_000)
    sizes: list[int] = []
    read_batches = module._batches

    def watched(*given: Any, **options: Any) -> Any:
        for batch in read_batches(*given, **options):
            sizes.append(batch.nbytes)
            yield batch

    monkeypatch.setattr(module, "_batches", watched)
    # When
    result = classify(star_folder, bomb(2_000))
    # Then no batch takes more, and every row is there
    assert max(sizes) <= 3_000_000
    assert len(sizes) > 20
    assert result.summary["rows"]["classified"] == 2_000


PROGRAM = """
import sys
from pathlib import Path
from skysort.errors import LimitExceededError
from skysort.star.tables.classifier import TableClassifier
from tests.fakes.tables import load
from tests.peak_memory import peak_kib

class Draft:
    def open(self, suffix, kind): return self
    def write(self, data): return len(data)

class Source:
    def blocks(self):
        yield Path(sys.argv[2]).read_bytes()

try:
    report = TableClassifier(load(Path(sys.argv[1]))).classify(Source(), Draft())
    print("classified", report.summary["rows"]["classified"], end=" ")
except LimitExceededError as error:
    print("refused", 0, end=" ")
print(peak_kib() // 1024)
"""


def peak_mib(folder: Path, path: Path, body: bytes) -> tuple[str, int]:
    path.write_bytes(body)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'layers'}:{ROOT}", "PATH": "/usr/bin"},
    )
    what, _, peak = done.stdout.split()
    return what, int(peak)


def test_a_dictionary_bomb_stays_within_the_functions_memory(star_folder: Path, tmp_path: Path) -> None:
    # Given a file of some kilobytes whose rows take 750 MB, of which three or four copies would lie in memory
    body = bomb(25_000)
    assert len(body) < 200_000
    # Then
    what, peak = peak_mib(star_folder, tmp_path / "bomb.parquet", body)
    assert what == "classified"
    assert peak < 1_300


def test_a_list_of_a_thousand_million_values_in_one_row_is_refused(
    star_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "PARQUET_LIST_BYTES", 1_000_000)
    body = as_parquet({**MADE, "spectrum": [[1.0] * 50_000] * 2 + [[]] * (ROWS - 2)})
    with pytest.raises(LimitExceededError, match="lists in one row group"):
        classify(star_folder, body)


def test_pages_that_unpack_to_more_than_there_is_room_for_are_refused(
    star_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "PARQUET_PAGE_BYTES", 10_000)
    body = as_parquet({**MADE, "zeros": ["x" * 100_000] * ROWS}, use_dictionary=False)
    with pytest.raises(LimitExceededError, match="pages and dictionaries"):
        classify(star_folder, body)


def test_row_groups_whose_texts_are_long_are_not_read_as_one(
    star_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given three row groups of ten rows, and room for the texts of one
    monkeypatch.setattr(budget, "PARQUET_BATCH_BYTES", 150_000)
    body = as_parquet({**MADE, "note": ["x" * 10_000] * ROWS}, row_group_size=10, use_dictionary=False)
    result = classify(star_folder, body)
    assert pq.ParquetFile(io.BytesIO(result.table)).metadata.num_row_groups == 3


def test_small_row_groups_are_read_as_one(star_folder: Path) -> None:
    result = classify(star_folder, as_parquet(MADE, row_group_size=3))
    assert pq.ParquetFile(io.BytesIO(result.table)).metadata.num_row_groups == 1


def test_a_footer_that_is_too_long_is_refused_before_arrow_reads_it(star_folder: Path) -> None:
    body = as_parquet(MADE)
    padding = bytes(17 * 2**20)
    with pytest.raises(LimitExceededError, match="footer"):
        classify(star_folder, body[:-8] + padding + len(padding).to_bytes(4, "little") + b"PAR1")


def test_more_columns_within_columns_than_are_read_are_refused(star_folder: Path) -> None:
    nested = pa.struct([pa.field(f"f{number}", pa.int8()) for number in range(2_100)])
    body = as_parquet({**MADE, "nested": pa.array([{}] * ROWS, nested)})
    with pytest.raises(LimitExceededError, match=r"2,106 columns"):
        classify(star_folder, body)


def test_twice_the_pages_cost_twice_the_looks() -> None:
    # Given a page for every few values
    def looked_at(rows: int) -> int:
        out = io.BytesIO()
        pq.write_table(pa.table({"u": np.arange(rows) / 3}), out, data_page_size=64, use_dictionary=False)
        (chunk, _) = chunks(out.getvalue())[0]
        content = Counting(out.getvalue())
        stop = chunk.data_page_offset + chunk.total_compressed_size
        list(pages(content, chunk.data_page_offset, stop, rows, count()))  # type: ignore[arg-type]
        return content.looks

    class Counting:
        def __init__(self, content: bytes) -> None:
            self.content = content
            self.looks = 0

        def __len__(self) -> int:
            return len(self.content)

        def __getitem__(self, at: int) -> int:
            self.looks += 1
            return self.content[at]

    assert looked_at(40_000) <= 2.1 * looked_at(20_000)


SMALL = as_parquet({**columns(8), "note": ["a", "bb"] * 4, "lists": [[1, 2], []] * 4}, compression="none")


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(4, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_never_end_in_another_error(star_folder: Path, changes: list[tuple[int, int]]) -> None:
    body = bytearray(SMALL)
    for at, value in changes:
        body[at] = value
    try:
        classify(star_folder, bytes(body))
    except SkysortError:
        return


@pytest.mark.parametrize("cut", [4, 8, 100, len(SMALL) - 1])
def test_a_file_cut_short_is_refused(star_folder: Path, cut: int) -> None:
    with pytest.raises(InputError):
        classify(star_folder, SMALL[:cut])
