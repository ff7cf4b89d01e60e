"""Whole jobs on tables of stars, step by step, with the real planner and model; and how each bad source ends."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import parquet

from skysort.bulk.access import Access
from skysort.bulk.counts import Counts
from skysort.bulk.keys import BulkKeys
from skysort.bulk.manifest import from_json
from skysort.bulk.outcomes import BulkRefused
from skysort.bulk.part import Parts, PartSteps
from skysort.bulk.planner import Planner
from skysort.bulk.request import Job
from skysort.bulk.star_models import StarEngines
from skysort.bulk.status import StatusFile
from skysort.bulk.steps import BulkSteps, Reading, Site
from skysort.bulk.store import S3Sources
from skysort.bulk.whole import WholeJob
from skysort.errors import InfrastructureError
from skysort.prices import Prices
from skysort.s3.client import NoSuchBucketError
from skysort.star.cures import VEGA
from tests.fakes.bulk import MemoryJobStore, MemorySources
from tests.fakes.mixtures import objects
from tests.fakes.tables import HEADER, ROW, classify, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from skysort.bulk.store import SourceStore

MINE = "incoming/bulk/client-1/survey/"
WITHOUT_Z = "ra,dec,u,g,r,i,redshift"


def table(rows: int, header: str = HEADER, row: str = ROW) -> bytes:
    return "\n".join([header, *[row] * rows, ""]).encode()


@dataclass
class House:
    """The functions of jobs over buckets in memory."""

    folder: Path
    source: dict[str, Any] = field(default_factory=lambda: {"prefix": MINE})
    sources: Any = field(default_factory=MemorySources)
    store: MemoryJobStore = field(default_factory=MemoryJobStore)
    columns: tuple[str, ...] = ()
    prior: dict[str, float] | None = None
    opened: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.keys = BulkKeys("client-1", "star-20261128-084500-1a2b3c")
        job = Job(
            self.keys.id,
            "client-1",
            "client-1",
            "star",
            self.source,
            "2026-11-28T08:45:00Z",
            columns=self.columns,
            prior=self.prior,
        )
        self.store.put(self.keys.request, job.to_json())
        self.store.put(self.keys.start(1), b"{}")
        site = Site("results", {"star-bulk": 2}, Prices())
        sources: SourceStore = self.sources
        reading = Reading(sources, lambda job: Access(job.client, "drop", self.opened), Planner())
        self.bulk = BulkSteps(self.store, reading, site)
        self.parts = PartSteps(Parts(self.store, sources, StarEngines(load(self.folder), 1_769, 1)), handler="")

    def step(self, steps: BulkSteps | PartSteps, step: str, **event: object) -> dict[str, Any]:
        return steps.run({"key": self.keys.start(1), "step": step, **event})

    def plan(self) -> None:
        self.step(self.bulk, "plan")
        self.step(self.parts, "probe")
        self.step(self.bulk, "price")

    def finish(self) -> dict[str, Any]:
        """Do the parts and the end; returns the summary."""
        for item in from_json(self.store.get(self.keys.parts(1)).body):
            self.step(self.parts, "part", part=item.to_document())
        self.step(self.bulk, "finish")
        return self.read(self.keys.summary)

    def read(self, key: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.store.get(key).body)
        return document

    def ended(self) -> str:
        """Why the job failed; nothing may say that it is done."""
        status = StatusFile(self.store, self.keys, 1).read()
        assert status["phase"] == "failed"
        assert self.keys.success not in self.store.objects
        return str(status["problem"]["detail"])


def test_every_row_of_good_tables_is_classified_once(star_folder: Path) -> None:
    # Given
    house = House(star_folder)
    house.sources.objects = {f"{MINE}{name}.csv": table(rows) for name, rows in {"a": 30, "b": 1, "c": 300}.items()}
    # When
    house.plan()
    summary = house.finish()
    # Then
    assert summary["rows"] == {"in": 331, "out": 331, "rejected": 0, "failed": 0}
    found = [
        (row["source"], row["slice"], row["row"])
        for key, body in house.store.objects.items()
        if key.startswith(house.keys.data_prefix)
        for row in parquet.read_table(io.BytesIO(body)).to_pylist()
    ]
    assert len(found) == len(set(found)) == 331


@pytest.mark.parametrize("files", [1, 7])
def test_a_job_of_tables_is_judged_as_one_table_is(
    judging_folder: Path, files: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given objects in Vega magnitudes, in one part, or in files that become a part each
    if files > 1:
        monkeypatch.setattr("skysort.bulk.planner.BULK_PART_BYTES_MIN", 1)
    rows = (objects(420)[0] - VEGA).round(4)
    texts = [",".join(map(str, row)) for row in rows.tolist()]
    bodies = ["\n".join(["u,g,r,i,z", *texts[number::files], ""]).encode() for number in range(files)]
    house = House(judging_folder)
    house.sources.objects = {f"{MINE}{number}.csv": body for number, body in enumerate(bodies)}
    # When
    house.plan()
    summary = house.finish()
    # Then
    whole = classify(judging_folder, "\n".join(["u,g,r,i,z", *texts, ""]).encode()).summary
    assert (summary["parts"]["total"] > 1) is (files > 1)
    assert summary["typicality"] == whole["typicality"]
    assert summary["domain"]["cause"] == whole["domain"]["cause"]
    assert summary["domain"]["cause"]["code"] == "vega"
    assert not summary["domain"]["in_domain"]
    assert summary["domain"]["rows_in_domain"] == whole["domain"]["rows_in_domain"]
    for label, share in whole["class_shares"].items():
        assert summary["class_shares"][label] == pytest.approx(share, abs=2e-3)


def test_a_job_whose_model_left_nothing_to_judge_by_has_the_share_alone(judging_folder: Path) -> None:
    house = House(judging_folder)
    house.sources.objects = {f"{MINE}a.csv": table(30)}
    house.plan()
    house.store.delete(house.keys.judge)
    summary = house.finish()
    assert summary["typicality"]["measured"] == 30
    assert "domain" not in summary


def test_a_damaged_sample_is_a_fault_of_the_store(judging_folder: Path) -> None:
    # Given
    house = House(judging_folder)
    house.sources.objects = {f"{MINE}a.csv": table(30)}
    house.plan()
    house.finish()
    done = house.read(house.keys.done(0))
    # When / Then
    for damaged in ({"rows": "?"}, {**done["sample"], "rows": "?"}, {**done["sample"], "columns": 7}):
        whole = WholeJob()
        with pytest.raises(InfrastructureError, match="the sample of part 0 is damaged"):
            whole.add(Counts.read(json.dumps({**done, "sample": damaged}).encode()))


def test_an_empty_prefix_is_named(star_folder: Path) -> None:
    house = House(star_folder)
    with pytest.raises(BulkRefused):
        house.plan()
    assert MINE in house.ended()


def test_a_bucket_that_does_not_exist_is_named(star_folder: Path) -> None:
    # Given a bucket that the stage opens to jobs, but that nobody has made
    class NoBuckets:
        def list(self, bucket: str, prefix: str, after: str = "") -> Iterator[Any]:
            del prefix, after
            raise NoSuchBucketError(bucket)

    sources = S3Sources(NoBuckets(), "drop")  # type: ignore[arg-type]
    house = House(star_folder, {"prefix": "s3://survey/dr17/"}, sources, opened=("survey/dr17/",))
    # When
    with pytest.raises(BulkRefused):
        house.plan()
    # Then
    assert "there is no bucket survey" in house.ended()


def test_a_manifest_that_names_another_clients_file_refuses_the_job(star_folder: Path) -> None:
    # Given
    house = House(star_folder, {"manifest": f"{MINE}list.txt"})
    others = "incoming/bulk/client-2/survey/stars.csv"
    house.sources.objects = {
        f"{MINE}list.txt": f"{MINE}stars.csv\n{others}\n".encode(),
        f"{MINE}stars.csv": table(3),
        others: table(3),
    }
    # When
    with pytest.raises(BulkRefused):
        house.plan()
    # Then it is named, and nothing of it was read
    assert f"{others!r} is not one of your files" in house.ended()


def test_of_mixed_tables_those_that_lack_a_column_are_refused_by_name_and_the_others_done(star_folder: Path) -> None:
    # Given
    house = House(star_folder)
    house.sources.objects = {
        f"{MINE}1.csv": table(20),
        f"{MINE}2.csv": table(20, WITHOUT_Z, "1,2,23.9,22.3,20.4,19.2,0.6"),
        f"{MINE}3.csv": table(20, "name,colour", "m31,blue"),
    }
    # When
    house.plan()
    summary = house.finish()
    # Then
    assert summary["rows"]["out"] == 20
    assert [file["file"] for file in summary["refused"]["files"]] == [f"{MINE}2.csv", f"{MINE}3.csv"]
    assert all(file["reason"] for file in summary["refused"]["files"])


def test_rows_from_where_a_column_vanishes_are_rejected_and_the_job_fails(star_folder: Path) -> None:
    # Given a table that was put together from two, of which the second lacks a column
    house = House(star_folder)
    second = table(20, WITHOUT_Z, "1,2,23.9,22.3,20.4,19.2,0.6")
    house.sources.objects = {f"{MINE}stars.csv": table(20) + second}
    # When
    house.plan()
    with pytest.raises(BulkRefused, match=r"were rejected or failed; the job tolerates 5\.0%"):
        house.finish()
    # Then the good rows are kept, and the totals say how many were not
    assert "see rejected/ and summary.json" in house.ended()
    summary = house.read(house.keys.summary)
    assert summary["rows"]["in"] == summary["rows"]["out"] + summary["rows"]["rejected"] + summary["rows"]["failed"]
    assert summary["rows"]["out"] >= 20


@pytest.mark.parametrize("when", ["before the probe", "before a part"])
def test_a_file_that_changes_while_the_job_runs_fails_it(star_folder: Path, when: str) -> None:
    # Given
    house = House(star_folder)
    house.sources.objects = {f"{MINE}stars.csv": table(50)}
    house.step(house.bulk, "plan")
    if when == "before a part":
        house.step(house.parts, "probe")
        house.step(house.bulk, "price")
    # When somebody uploads it again
    house.sources.objects[f"{MINE}stars.csv"] = table(51)
    following = house.finish if when == "before a part" else lambda: house.step(house.parts, "probe")
    with pytest.raises(BulkRefused):
        following()
    # Then
    assert house.ended() == f"the file {MINE}stars.csv changed while it was read; start a new job"


def test_the_summary_has_the_class_shares_that_were_used(star_folder: Path) -> None:
    house = House(star_folder, prior={"galaxy": 900, "qso": 1, "star": 99})
    house.sources.objects = {f"{MINE}stars.csv": table(5)}
    house.plan()
    assert house.finish()["prior"] == {"GALAXY": 0.9, "QSO": 0.001, "STAR": 0.099}


def test_class_shares_of_unknown_classes_refuse_the_job(star_folder: Path) -> None:
    house = House(star_folder, prior={"GALAXY": 1, "QSO": 1, "STARS": 1})
    house.sources.objects = {f"{MINE}stars.csv": table(5)}
    with pytest.raises(BulkRefused):
        house.plan()
    assert house.ended() == "prior: Unknown label 'STARS'. Did you mean STAR?"


def test_a_carried_column_that_no_table_has_refuses_the_job(star_folder: Path) -> None:
    house = House(star_folder, columns=("field",))
    house.sources.objects = {f"{MINE}stars.csv": table(5)}
    with pytest.raises(BulkRefused):
        house.plan()
    assert "field" in house.ended()
