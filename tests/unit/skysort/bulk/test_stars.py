"""Tables of stars in bulk jobs: every row is written, rejected or failed, as in the drop folder."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyarrow import parquet

from skysort.bulk.columns import Column
from skysort.bulk.counts import Counts, Tally
from skysort.bulk.engine import Skip, Work
from skysort.bulk.output import Output
from skysort.bulk.request import Job
from skysort.bulk.star_models import StarEngines
from skysort.bulk.stars import TableEngine
from skysort.bulk.store import SourceChangedError
from skysort.bulk.tables.needs import Needs
from skysort.bulk.tables.split import split_table
from skysort.errors import InputError, NotFoundError
from skysort.star.row_sample import JoinedSample, split
from skysort.star.table_judge import TableJudge
from tests.fakes.bulk import MemorySources
from tests.fakes.mixtures import objects
from tests.fakes.model_store import MemoryModelStore
from tests.fakes.tables import APPENDED, HEADER, ROW, classify, load
from tests.fakes.trained_stars import LABELS, NAME, OWNER, publish, trained

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from skysort.bulk.manifest import Slice

SOURCE = "incoming/star/night/stars.csv"
PHOTOMETRIC = ROW.rpartition(",")[0] + ","
BAD = ROW.replace("22.2753", "99.9")
OWN = ["source", "slice", "row", "id", "ra", "dec"]


def job(model: str = "star", columns: Sequence[str] = (), prior: Mapping[str, float] | None = None) -> Job:
    begun = "2026-01-01T00:00:00Z"
    return Job("star-20260101-000000-abcdef", OWNER, "", model, {}, begun, columns=tuple(columns), prior=prior)


class Run:
    """An engine over one table."""

    def __init__(self, engine: TableEngine, body: bytes, of: Job | None = None, target: int = 2**26) -> None:
        self.sources = MemorySources()
        self.sources.objects[SOURCE] = body
        self.engine, self.job = engine, of or job()
        needs = Needs(engine._model.schema, self.job.columns)
        self.slices: Sequence[Slice] = split_table(self.sources, self.sources.stat(SOURCE), needs, target)
        self.columns: Sequence[Column] = engine.columns(self.job, self.sources, self.slices[0])
        self.data, self.rejects = io.BytesIO(), io.BytesIO()

    def run(self, skip: Skip | None = None) -> Tally:
        output = Output(self.columns, "parquet", lambda: self.data, lambda: self.rejects)
        work = Work(self.job, self.slices, self.sources, self.columns, skip or Skip())
        tally = self.engine.run(work, output)
        output.close()
        Counts.read(Counts.of(0, tally, "star").to_json())
        return tally

    @property
    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(self.data.getvalue())).to_pylist()
        return rows


@pytest.fixture
def engine(star_folder: Path) -> TableEngine:
    return TableEngine(load(star_folder), "star")


@pytest.fixture
def judging(judging_folder: Path) -> TableEngine:
    return TableEngine(load(judging_folder), "star")


def csv_of(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def test_rows_have_their_place_their_position_and_the_appended_columns(engine: TableEngine) -> None:
    run = Run(engine, csv_of(f"SDSS J1,{ROW}", f",{PHOTOMETRIC}", header=f"name,{HEADER}"))

    tally = run.run()

    assert [column.name for column in run.columns] == [*OWN, *APPENDED]
    first, second = run.rows
    assert {name: first[name] for name in OWN} == {
        "source": SOURCE,
        "slice": 0,
        "row": 1,
        "id": "SDSS J1",
        "ra": 135.69,
        "dec": 32.49,
    }
    assert (first["skysort_variant"], second["skysort_variant"]) == ("with_redshift", "photometry_only")
    assert first["skysort_model"] == f"star {engine.version}"
    assert tally.slices[0].document() == {"in": 2, "out": 2, "rejected": 0, "failed": 0}
    assert sum(tally.classes.values()) == 2
    assert tally.typicality is None


def test_classes_probabilities_and_reasons_are_those_of_the_drop_folder(engine: TableEngine, star_folder: Path) -> None:
    # Given good rows, bad ones, a row with too few cells, a missing value and a comment
    body = csv_of(ROW, BAD, PHOTOMETRIC, "1,2", "# a comment", ROW.replace("20.39501", "-9999"), ROW)

    # When both classify them
    run = Run(engine, body)
    tally, dropped = run.run(), classify(star_folder, body)

    # Then
    assert [row["skysort_class"] for row in run.rows] == [row["skysort_class"] for row in dropped.rows]
    assert [round(row["skysort_p_star"], 6) for row in run.rows] == pytest.approx(
        [float(row["skysort_p_star"]) for row in dropped.rows], abs=1e-6
    )
    assert [row["row"] for row in run.rows] == [1, 3, 6]
    rejects = [line.split(",", 3)[2] for line in run.rejects.getvalue().decode().splitlines()[1:]]
    assert rejects == [reject["row"] for reject in dropped.rejects]
    reasons = [line.split(",")[4] for line in run.rejects.getvalue().decode().splitlines()[1:]]
    assert reasons == [reject["reason"] for reject in dropped.rejects]
    assert tally.slices[0].rejected == dropped.summary["rows"]["rejected"]
    assert {code: rows for code, (_, rows) in tally.warnings.items()} == {
        warning["code"]: warning["rows"] for warning in dropped.summary["warnings"]
    }


def test_class_shares_re_weight_every_row(engine: TableEngine) -> None:
    # Given a model that learnt from equal shares, and rows with and without a redshift
    body, shares = csv_of(ROW, PHOTOMETRIC), {"GALAXY": 900, "QSO": 1, "STAR": 99}
    plain, weighted = Run(engine, body), Run(engine, body, job(prior=shares))
    # When
    plain.run()
    tally = weighted.run()
    # Then
    for before, after in zip(plain.rows, weighted.rows, strict=True):
        parts = {label: before[f"skysort_p_{label.lower()}"] * share for label, share in shares.items()}
        for label, part in parts.items():
            assert after[f"skysort_p_{label.lower()}"] == pytest.approx(part / sum(parts.values()), abs=1e-5)
        assert after["skysort_set"] == before["skysort_set"]
    assert sum(tally.classes.values()) == 2


def test_class_shares_that_lack_a_class_refuse_the_job_when_it_is_planned(engine: TableEngine) -> None:
    with pytest.raises(InputError, match="prior: lacks the share of STAR"):
        Run(engine, csv_of(ROW), job(prior={"GALAXY": 1, "QSO": 1}))


def test_slices_count_their_rows_from_one(engine: TableEngine) -> None:
    run = Run(engine, csv_of(*[ROW] * 4_000), target=100_000)
    assert len(run.slices) > 1

    tally = run.run()

    assert sum(rows.out for rows in tally.slices) == 4_000
    places = [(row["slice"], row["row"]) for row in run.rows]
    assert places == [(number, row) for number, rows in enumerate(tally.slices) for row in range(1, rows.out + 1)]


def test_carried_columns_are_between_position_and_class(engine: TableEngine) -> None:
    body = csv_of(f"{ROW},spiral,7", f"{ROW},,", header=f"{HEADER},note,plate")

    run = Run(engine, body, job(columns=["plate", "note"]))
    run.run()

    assert [column.name for column in run.columns][6:8] == ["plate", "note"]
    assert [(row["plate"], row["note"]) for row in run.rows] == [("7", "spiral"), ("", "")]


def test_a_typed_table_gives_its_types(engine: TableEngine) -> None:
    from astropy.table import Table  # noqa: PLC0415

    out = io.BytesIO()
    names = HEADER.split(",")
    values = [float(cell) for cell in ROW.split(",")]
    Table({**{name: [value] for name, value in zip(names, values, strict=True)}, "plate": [7], "note": ["a"]}).write(
        out, format="fits"
    )

    run = Run(engine, out.getvalue(), job(columns=["plate", "note"]))
    run.run()

    assert run.columns[6:8] == [Column("plate", "bigint"), Column("note", "string")]
    assert (run.rows[0]["plate"], run.rows[0]["note"]) == (7, "a")


def test_a_value_that_does_not_fit_the_type_of_the_job_is_left_empty_with_a_warning(engine: TableEngine) -> None:
    run = Run(engine, csv_of(f"{ROW},seven", header=f"{HEADER},plate"), job(columns=["plate"]))
    run.columns = [Column("plate", "bigint") if column.name == "plate" else column for column in run.columns]

    tally = run.run()

    assert run.rows[0]["plate"] is None
    assert "plate are no bigint" in tally.warnings["carried_value_lost"][0]


def test_rows_that_are_left_out_are_failed_and_the_others_keep_their_numbers(engine: TableEngine) -> None:
    run = Run(engine, csv_of(ROW, BAD, ROW, ROW, BAD, ROW))

    tally = run.run(Skip({0: [(2, 4)]}, "it ends its process"))

    assert tally.slices[0].document() == {"in": 6, "out": 3, "rejected": 1, "failed": 2}
    assert [row["row"] for row in run.rows] == [1, 4, 6]
    assert [(each.row, each.rows, each.reason) for each in tally.failures] == [(2, 2, "it ends its process")]


def test_rows_behind_damage_are_failed_with_the_reason(engine: TableEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skysort.star.tables.csv.table.BLOCK_BYTES", 4_096)
    run = Run(engine, csv_of(*[ROW] * 200, '"' + "x" * 2_000_000, *[ROW] * 10))

    tally = run.run()

    assert tally.slices[0].document() == {"in": 211, "out": 200, "rejected": 0, "failed": 11}
    assert "does not end within" in tally.failures[0].reason
    assert tally.failures[0].row == 201


def test_a_source_that_changed_stops_the_part(engine: TableEngine) -> None:
    run = Run(engine, csv_of(ROW))
    run.sources.objects[SOURCE] = csv_of(BAD)

    with pytest.raises(SourceChangedError, match="changed while it was read"):
        run.run()


def test_the_built_in_model_is_of_one_version(star_folder: Path) -> None:
    model = load(star_folder)
    engines = StarEngines(model, 1_769)

    assert engines.get(job(), None).version == model.card.version
    assert engines.get(job(), model.card.version).name == "star"
    with pytest.raises(InputError, match=r"was replaced by .* while the job ran; start a new job"):
        engines.get(job(), "0.9.0")


def test_a_trained_model_is_pinned_and_says_which_rows_are_in_its_domain(star_folder: Path) -> None:
    # Given a trained model, and a job that began with its version
    store = MemoryModelStore()
    publish(store, *trained())
    engines = StarEngines(load(star_folder), 1_769, trained=store)
    engine = engines.get(job(f"custom-star/{NAME}"), None)

    # When a part is done
    of = job(f"custom-star/{NAME}")
    run = Run(engines.get(of, engine.version), b"id,g,r,w1,w2\na,19,18.8,15,14\nb,17,16.2,14.2,14.2\n", of)
    tally = run.run()

    # Then
    assert sorted(tally.classes) == sorted(LABELS)
    assert tally.typicality is not None
    assert tally.typicality.measured == 2
    assert tally.typicality.in_domain == sum(row["skysort_typicality"] >= 0.005 for row in run.rows)
    # And its class shares can be estimated, at those of its training
    whole = JoinedSample()
    whole.add(tally.sample or {})
    found = TableJudge.load(engine.judge() or b"").summary(whole.rows, 1.0, engine.labels)
    assert list(found) == ["class_shares"]
    assert sorted(found["class_shares"]) == sorted(LABELS)
    assert "skysort_typicality" in [column.name for column in run.columns]
    assert run.rows[0]["skysort_model"] == f"custom-star/{NAME} {engine.version}"


def test_parts_sample_their_rows_for_the_judgement_of_the_whole(judging: TableEngine) -> None:
    # Given 120 rows, of which one is bad and one ends the process, in two slices
    values = objects(120)[0]
    rows = [",".join(f"{value:.4f}" for value in row) for row in values]
    rows[7] = "99.9," + rows[7].partition(",")[2]
    run = Run(judging, csv_of(*rows, header="u,g,r,i,z"), target=3_000)
    assert len(run.slices) > 1
    # When the part is done, and done again
    tally, again = (run.run(Skip({0: [(3, 4)]}, "it ends the process")) for _ in range(2))
    # Then it has the other rows in their order, as they are, whoever does it
    assert tally.sample == again.sample
    whole = JoinedSample()
    whole.add(tally.sample or {})
    assert whole.rows is not None
    magnitudes, probabilities = split(whole.rows, 3)
    assert np.allclose(magnitudes, np.delete(values, [2, 7], axis=0), atol=1e-4)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert tally.typicality is not None
    assert tally.typicality.measured == 118


def test_a_model_that_does_not_exist_is_named(star_folder: Path) -> None:
    engines = StarEngines(load(star_folder), 1_769, trained=MemoryModelStore())

    with pytest.raises(NotFoundError, match="nobody"):
        engines.get(job("custom-star/nobody"), None)
    with pytest.raises(NotFoundError, match="no bucket for models"):
        StarEngines(load(star_folder), 1_769).get(job("custom-star/nobody"), None)
    with pytest.raises(NotFoundError, match="no model 'galaxy'"):
        engines.get(job("galaxy"), None)
