"""Star models that people train, on the started stack: from an uploaded table to answers and classified tables."""

from __future__ import annotations

import csv
import gzip
import io
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.e2e.training import WAIT_S, Trainer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.needs_data]

ROWS = 3_000


@pytest.fixture(scope="module")
def trainer(api: httpx.Client) -> Trainer:
    return Trainer(api)


@pytest.fixture(scope="module")
def survey(survey_data: Path) -> list[dict[str, str]]:
    """The first rows of SDSS17."""
    with gzip.open(survey_data / "star" / "sdss17.csv.gz", "rt") as lines:
        return list(islice(csv.DictReader(lines), ROWS + 100))


def table(rows: list[dict[str, Any]]) -> bytes:
    """A CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def own(row: dict[str, str]) -> dict[str, Any]:
    """A row with other bands, a colour as an extra column, and classes of one's own."""
    kind = "B" if row["class"] == "GALAXY" else "A"
    bands: dict[str, Any] = {band: row[band] for band in "griz"}
    return {**bands, "blue": round(float(row["u"]) - float(row["g"]), 5), "kind": kind}


OWN = {"class_column": "kind", "bands": ["g", "r", "i", "z"], "columns": {"blue": "blue"}}


def train(trainer: Trainer, name: str, batch: str, body: bytes, **options: Any) -> dict[str, Any]:
    """Upload a table, train on it, and wait for the end."""
    trainer.upload(batch, {"table.csv": body})
    source = {"s3_key": f"incoming/training/{batch}/table.csv"}
    document = {"kind": "star", "name": name, "source": source, "options": options}
    answer = trainer.api.post("/v1/trainings", json=document)
    assert answer.status_code == 202, answer.text
    return trainer.wait(answer.json()["id"])


@pytest.fixture(scope="module")
def sky(trainer: Trainer, survey: list[dict[str, str]]) -> dict[str, Any]:
    """A model of the survey's own classes."""
    return train(trainer, "sky", "sky-1", table(survey[:ROWS]))


@pytest.fixture(scope="module")
def compact(trainer: Trainer, survey: list[dict[str, str]]) -> dict[str, Any]:
    """A model of other classes and columns."""
    return train(trainer, "compact", "compact-1", table([own(row) for row in survey[:ROWS]]), **OWN)


def test_a_table_with_classes_becomes_a_model_that_answers(
    trainer: Trainer, sky: dict[str, Any], survey: list[dict[str, str]]
) -> None:
    # Given the training
    assert (sky["phase"], sky["promoted"], sky["comparison"]["verdict"]) == ("done", True, "first")
    assert sky["metrics"]["accuracy"]["value"] > 0.93
    assert set(sky["seconds"]) >= {"reading", "fitting", "evaluating", "publishing"}
    # When rows that it has not seen are classified
    rows = [{name: float(row[name]) for name in (*"ugriz", "redshift")} for row in survey[ROWS:]]
    answer = trainer.api.post("/v1/classify/star?model=sky", json={"instances": rows}).json()
    # Then most are right, by the version that the training made, and all say how typical they are
    right = [
        result["predictions"][0]["label"] == row["class"]
        for result, row in zip(answer["results"], survey[ROWS:], strict=True)
    ]
    assert sum(right) >= 90
    assert sky["version"].startswith(answer["model"]["version"])
    assert all(0 < result["typicality"] <= 1 for result in answer["results"])
    assert sum(result["in_domain"] for result in answer["results"]) >= 90


def test_other_classes_and_columns_are_served_with_explanations(
    trainer: Trainer, compact: dict[str, Any], survey: list[dict[str, str]]
) -> None:
    assert compact["phase"] == "done"
    row = {name: float(value) for name, value in own(survey[ROWS]).items() if name != "kind"}
    answer = trainer.api.post("/v1/classify/star?model=compact&explain=true", json=row).json()
    (result,) = answer["results"]
    assert {each["label"] for each in result["predictions"]} == {"A", "B"}
    assert result["explanation"]["features"]["blue"] == pytest.approx(row["blue"], abs=1e-4)
    # And a row of the built-in model lacks a column
    problem = trainer.api.post("/v1/classify/star?model=compact", json=dict.fromkeys("ugriz", 20.0))
    assert problem.status_code == 422
    assert "model compact needs g, r, i, z, blue" in problem.json()["errors"][0]["detail"]


def test_a_dropped_table_comes_back_with_the_models_classes(
    trainer: Trainer, compact: dict[str, Any], survey: list[dict[str, str]]
) -> None:
    # Given a table dropped for the model
    rows = [own(row) for row in survey[ROWS:]]
    body = table(rows)
    wanted = {"model": "custom-star/compact", "batch": "a-night", "files": [{"name": "t.csv", "size": len(body)}]}
    offer = trainer.api.post("/v1/uploads", json=wanted).json()["files"][0]
    form = offer["form"]
    assert httpx.post(form["url"], data=form["fields"], files={"file": ("t.csv", body)}).status_code == 204
    # When it is done
    deadline = time.monotonic() + WAIT_S
    while not (batch := trainer.api.get("/v1/batches/a-night").json())["complete"] or batch["counts"]["waiting"]:
        assert time.monotonic() < deadline, batch
        time.sleep(0.2)
    # Then every row has a class of the model, by its live version
    (file,) = batch["files"]
    assert file["state"] == "done", file
    result = httpx.get(file["links"]["table"] if "table" in file["links"] else file["links"]["result"]).text
    classified = list(csv.DictReader(io.StringIO(result)))
    assert len(classified) == len(rows)
    right = [row["skysort_class"] == row["kind"] for row in classified]
    assert sum(right) >= 80
    assert classified[0]["skysort_model"] == f"custom-star/compact {compact['version'][:12]}"


def test_a_longer_table_makes_a_version_that_is_compared_and_served(
    trainer: Trainer, sky: dict[str, Any], survey: list[dict[str, str]]
) -> None:
    # Given the model, in a name of its own
    first = train(trainer, "grows", "grows-1", table(survey[: ROWS // 3]))
    # When it is trained on more rows
    second = train(trainer, "grows", "grows-2", table(survey[:ROWS]))
    # Then both held out the rows of the first, nearly all
    assert sky["phase"] == "done"
    assert second["comparison"]["examples"] > 0.15 * ROWS / 3
    assert second["promoted"] is (second["comparison"]["verdict"] in {"better", "not-worse"})
    assert first["metrics"]["examples"] < second["metrics"]["examples"]
    # And what is promoted is served within seconds
    forced = {"version": second["version"], "force": True}
    assert trainer.api.post("/v1/models/grows/promote", json=forced).status_code == 200
    row = {name: float(survey[ROWS][name]) for name in (*"ugriz", "redshift")}
    deadline = time.monotonic() + 10
    while True:
        answer = trainer.api.post("/v1/classify/star?model=grows", json=row).json()
        if second["version"].startswith(answer["model"]["version"]):
            break
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("body", "options", "says"),
    [
        (b"u,g,r,i,z\n1,2,3,4,5\n", {}, "no column of classes"),
        (b"u,g,r,i,z,class\n" + b"19,18,17,17,17,STAR\n" * 60, {}, "needs 2 classes"),
        (b"PK\x03\x04nothing", {}, "a ZIP archive"),
        (b"\n", {}, "no header"),
    ],
    ids=["no class", "one class", "an archive", "empty"],
)
def test_a_table_that_cannot_be_learnt_from_ends_in_a_sentence(
    trainer: Trainer, body: bytes, options: dict[str, Any], says: str
) -> None:
    # Given an upload
    batch = f"bad-{time.monotonic_ns()}"
    trainer.upload(batch, {"table.csv": body})
    source = {"s3_key": f"incoming/training/{batch}/table.csv"}
    document = {"kind": "star", "name": "bad", "source": source, "options": options}
    # When
    training = trainer.wait(trainer.api.post("/v1/trainings", json=document).json()["id"], "failed")
    # Then
    assert says in training["problem"]["detail"]
    assert training["problem"]["status"] < 500
    missing = trainer.api.post("/v1/classify/star?model=bad", json={"u": 1})
    assert missing.status_code == 404
