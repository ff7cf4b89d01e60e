"""`skysort bulk --out`: the service's steps in this process and others, with a model that reads texts."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from skysort_cli import local_bulk
from skysort_cli.exits import Exit
from tests.fakes.bulk_engine import KILLS, REJECTED, text_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.skysort_cli.conftest import Cli

PICTURES = 12


@pytest.fixture(autouse=True)
def _texts_for_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_bulk, "made", text_steps)
    monkeypatch.setattr(local_bulk, "_SHOWN_S", 0.0)


@pytest.fixture
def cutouts(tmp_path: Path) -> Path:
    """A folder of pictures, and a file that is none."""
    folder = tmp_path / "cutouts"
    folder.mkdir()
    for number in range(PICTURES):
        (folder / f"{number:02}.jpg").write_bytes(b"Spiral" if number % 3 else b"Smooth")
    (folder / "notes.txt").write_text("seeing 0.9")
    return folder


@pytest.fixture
def bulk(cli: Cli, cutouts: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The job over the pictures, as its document."""

    def run(*more: object, code: int = Exit.OK) -> dict[str, Any]:
        ran = cli("bulk", "galaxy", cutouts, "--out", tmp_path / "out", "--workers", "1", "--json", *more)
        assert ran.code == code, ran.err
        document: dict[str, Any] = json.loads(ran.out)
        return document

    return run


def results(job: dict[str, Any]) -> list[dict[str, str]]:
    """The lines of a job's CSV files."""
    paths = sorted(Path(job["links"]["data"]).rglob("part-*.csv"))
    lines = [csv.DictReader(path.read_text().splitlines()) for path in paths]
    return sorted((dict(line) for each in lines for line in each), key=lambda line: line["source"])


def test_every_picture_is_classified_once_and_the_same_command_does_nothing_more(
    bulk: Callable[..., dict[str, Any]], cutouts: Path
) -> None:
    job = bulk("--output", "csv")
    assert job["phase"] == "done"
    assert job["progress"]["rows"] == {
        "total": PICTURES, "in": PICTURES, "out": PICTURES, "rejected": 0, "failed": 0
    }  # fmt: skip
    assert [(line["source"], line["label"]) for line in results(job)] == [
        (path.name, path.read_text()) for path in sorted(cutouts.glob("*.jpg"))
    ]
    assert Path(job["links"]["data"]).parent.joinpath("_SUCCESS").is_file()
    assert bulk("--output", "csv") == job
    # Another request is another job, and so is one over other files
    assert bulk()["id"] != job["id"]
    (cutouts / "00.jpg").write_bytes(b"another Spiral")
    assert bulk("--output", "csv")["id"] != job["id"]


def test_a_picture_that_kills_a_process_once_is_classified_by_another(
    bulk: Callable[..., dict[str, Any]], cutouts: Path, tmp_path: Path
) -> None:
    (cutouts / "05.jpg").write_bytes(KILLS + str(tmp_path / "died").encode())
    job = bulk("--output", "csv", "--workers", "2")
    assert (tmp_path / "died").exists()
    assert len({line["source"] for line in results(job)}) == len(results(job)) == PICTURES


def test_an_interrupted_job_is_resumed_by_the_same_command(
    bulk: Callable[..., dict[str, Any]], cli: Cli, cutouts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job that is interrupted once it is planned
    def interrupted(_bar: object, job: dict[str, Any]) -> None:
        if job["plan"]:
            raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(local_bulk, "show_progress", interrupted)
        ran = cli("bulk", "galaxy", cutouts, "--out", tmp_path / "out", "--workers", "1", "--json")
    assert ran.code == Exit.INTERRUPTED
    assert "what is done is kept. Go on with: skysort " in ran.err
    (begun,) = (tmp_path / "out" / "bulk" / "shared").iterdir()
    assert json.loads((begun / "status.json").read_text())["phase"] == "cancelled"
    # When the command is repeated, then the job is done, in its second run
    job = bulk()
    assert (job["id"], job["run"], job["phase"]) == (begun.name, 2, "done")
    assert job["progress"]["rows"]["out"] == PICTURES


def test_a_plan_starts_nothing_and_the_job_takes_it_over(
    bulk: Callable[..., dict[str, Any]], cutouts: Path, cli: Cli
) -> None:
    planned = bulk("--plan")
    assert (planned["phase"], planned["plan"]["rows"], planned["plan"]["concurrency"]) == ("planned", PICTURES, 1)
    assert planned["progress"]["rows"]["in"] == 0
    assert bulk("--plan") == planned
    done = bulk()
    assert (done["id"], done["phase"]) == (planned["id"], "done")
    # And without a folder the plan leaves nothing
    ran = cli("bulk", "galaxy", cutouts, "--plan", "--format", "text")
    assert ran.code == Exit.OK
    assert "Cost on AWS Lambda" in ran.out


def test_pictures_without_a_result_are_told_and_named(bulk: Callable[..., dict[str, Any]], cutouts: Path) -> None:
    (cutouts / "07.jpg").write_bytes(REJECTED)
    job = bulk("--tolerated-share", "50%", code=Exit.SOME_FAILED)
    assert (job["progress"]["rows"]["out"], job["progress"]["rows"]["rejected"]) == (PICTURES - 1, 1)
    (rejected,) = Path(job["links"]["data"]).parent.glob("rejected/*.csv")
    assert "07.jpg" in rejected.read_text()


def test_too_many_of_them_fail_the_job(cli: Cli, cutouts: Path, tmp_path: Path) -> None:
    for number in range(6):
        (cutouts / f"{number:02}.jpg").write_bytes(REJECTED)
    ran = cli("bulk", "galaxy", cutouts, "--out", tmp_path / "out", "--workers", "1")
    assert ran.code == Exit.USAGE
    assert "the job failed: 6 of 12 rows (50.0%)" in ran.err
    assert not list((tmp_path / "out").rglob("_SUCCESS"))


def test_a_report_says_where_the_results_are(cli: Cli, cutouts: Path, tmp_path: Path) -> None:
    ran = cli("bulk", "galaxy", cutouts, "--out", tmp_path / "out", "--workers", "1", "--format", "text")
    assert ran.code == Exit.OK
    assert f"{tmp_path}/out/bulk/shared/galaxy-" in ran.out
    assert "read_parquet('" in ran.out


def test_a_folder_that_cannot_be_written_is_told(cli: Cli, cutouts: Path) -> None:
    ran = cli("bulk", "galaxy", cutouts, "--out", cutouts / "notes.txt")
    assert (ran.code, "cannot make the directory" in ran.err) == (Exit.USAGE, True)
