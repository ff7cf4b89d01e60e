"""Two people with a key each, on a stack that keeps its clients apart: by command line and by HTTP."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING

import httpx
import pytest

from infra.local.running_stack import StartedStack, started_stack
from tests.e2e.command_line import RUN_PYTHON, skysort
from tests.e2e.test_uploads import EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PICTURE = EVENTS / "galaxy_spiral.jpg"
TABLE = EVENTS / "stars.csv"


@pytest.fixture(scope="module")
def separate() -> Iterator[StartedStack]:
    with started_stack(python=RUN_PYTHON, environment={"SKYSORT_CLIENTS": "separate"}) as started:
        yield started


def ask(stack: StartedStack, key: str | None, method: str, path: str, document: object = None) -> httpx.Response:
    headers = {"X-Api-Key": key} if key else {}
    return httpx.request(method, stack.api + path, headers=headers, json=document, timeout=30)


def test_a_batch_that_one_drops_is_classified_for_them_and_not_there_for_others(
    separate: StartedStack, tmp_path: Path
) -> None:
    # When Alice drops a picture and waits for its result, as she would anywhere
    given = ("drop", "galaxy", PICTURE, "--batch", "night-1", "--wait", "--format", "csv", "--endpoint", separate.api)
    ran = skysort(*given, state=tmp_path, env={"SKYSORT_API_KEY": "alice"})
    assert ran.returncode == 0, ran.stderr
    (row,) = csv.DictReader(io.StringIO(ran.stdout))
    assert (row["file"], row["label"]) == ("galaxy_spiral.jpg", "Unbarred Spiral")

    # Then she alone sees the batch
    own = ask(separate, "alice", "GET", "/v1/batches/night-1").json()
    assert own["counts"] == {"total": 1, "waiting": 0, "done": 1, "failed": 0}
    assert ask(separate, "bob", "GET", "/v1/batches/night-1").status_code == 404
    assert ask(separate, "bob", "GET", "/v1/batches/night-1/results.csv").status_code == 404

    # And Bob's batch of that name is another: her file is not there to be skipped or overwritten
    ran = skysort(*given, state=tmp_path, env={"SKYSORT_API_KEY": "bob"})
    assert ran.returncode == 0, ran.stderr
    assert ask(separate, "alice", "GET", "/v1/batches/night-1").json() | {"expires": "", "files": []} == own | {
        "expires": "",
        "files": [],
    }


def test_a_classified_table_that_stays_whole_is_fetched_by_its_owner(separate: StartedStack, tmp_path: Path) -> None:
    gzipped = tmp_path / "stars.csv.gz"
    gzipped.write_bytes(gzip.compress(TABLE.read_bytes()))
    given = ("drop", "star", gzipped, "--batch", "tables", "--wait", "--results-dir", tmp_path / "classified")
    ran = skysort(
        *given, "--format", "csv", "--endpoint", separate.api, state=tmp_path, env={"SKYSORT_API_KEY": "alice"}
    )
    assert (tmp_path / "classified" / "stars.csv.gz").exists(), ran.stderr


def test_a_request_names_its_own_dropped_picture_only(separate: StartedStack, tmp_path: Path) -> None:
    # Given a picture that Alice has dropped
    given = ("drop", "galaxy", PICTURE, "--batch", "keys", "--endpoint", separate.api)
    assert skysort(*given, state=tmp_path, env={"SKYSORT_API_KEY": "alice"}).returncode == 0
    wanted = {"model": "galaxy", "batch": "keys", "files": [{"name": PICTURE.name, "size": 1}]}
    (file,) = ask(separate, "alice", "POST", "/v1/uploads", wanted).json()["files"]
    # Then her key leads to it, and nobody else's does
    picture = {"s3_key": file["key"]}
    statuses = {
        key: ask(separate, key, "POST", "/v1/classify/galaxy", picture).status_code for key in ("alice", "bob", None)
    }
    assert statuses == {"alice": 200, "bob": 404, None: 401}


def test_who_brings_no_key_may_classify_and_drop_nothing(separate: StartedStack, tmp_path: Path) -> None:
    headers = {"Content-Type": "image/jpeg"}
    answer = httpx.post(f"{separate.api}/v1/classify/galaxy", headers=headers, content=PICTURE.read_bytes())
    assert answer.is_success
    ran = skysort("drop", "galaxy", PICTURE, "--batch", "night-1", "--endpoint", separate.api, state=tmp_path)
    assert ran.returncode == 3
    assert "key" in ran.stderr
    assert ask(separate, None, "GET", "/v1/health").json()["clients"] == "separate"
