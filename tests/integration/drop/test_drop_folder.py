"""The drop folder against moto's S3 and SQS: one outcome per file."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import Table
from pyarrow import parquet as pq

from skysort.errors import InfrastructureError
from skysort.limits import DROP_ALONE_RECEIVES
from skysort.s3.store import S3Store
from tests.conftest import ROOT
from tests.fakes.events import sqs_event
from tests.fakes.tables import APPENDED, ROW, columns, lines, row
from tests.integration.drop.conftest import DROP, RESULTS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.drop.conftest import Folder

KEY = "incoming/star/night-1/m31.csv"
STEM = "star/night-1/m31.csv"
GOOD, MIXED, BAD = lines(ROW, ROW), lines(ROW, row(u="x")), b"no,table\n1,2\n"
RECORDS = {
    GOOD: {STEM, f"{STEM}.json"},
    MIXED: {STEM, f"{STEM}.json", f"{STEM}.rejected.csv"},
    BAD: {f"{STEM}.error.json"},
}


def test_a_dropped_table_is_classified(folder: Folder) -> None:
    # Given
    folder.drop(KEY, MIXED)

    # When
    assert folder.deliver() == []

    # Then
    results = folder.results()
    assert set(results) == RECORDS[MIXED]
    assert results[STEM].startswith(f"ra,dec,u,g,r,i,z,redshift,{','.join(APPENDED)}\n{ROW},GALAXY,".encode())
    summary = json.loads(results[f"{STEM}.json"])
    assert summary["rows"] == {"total": 2, "classified": 1, "rejected": 1}
    assert summary["source"]["key"] == KEY
    assert summary["model"] == {"name": "star", "version": "0.0.1"}


@pytest.mark.parametrize("body", [GOOD, MIXED, BAD], ids=["good", "mixed", "bad"])
def test_a_file_that_is_tried_alone_has_the_same_outcome(
    folder: Folder, body: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a file that was delivered twice in vain, and one that was dropped beside it
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder.drop(KEY, body)
    folder.drop("incoming/star/night-1/other.csv", GOOD)
    # When it comes again
    assert folder.deliver(receives=DROP_ALONE_RECEIVES) == []
    # Then
    other = "star/night-1/other.csv"
    assert set(folder.results()) == {*RECORDS[body], other, f"{other}.json"}
    assert leftovers(tmp_path) == []


def test_a_results_bucket_that_is_away_from_a_file_tried_alone_means_delivery_again(folder: Folder) -> None:
    folder.drop(KEY, GOOD)
    (message,) = folder.messages()
    folder.s3.delete_bucket(Bucket=RESULTS)
    assert folder.deliver(message, receives=DROP_ALONE_RECEIVES) == [message]
    folder.s3.create_bucket(Bucket=RESULTS, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert folder.deliver(message, receives=DROP_ALONE_RECEIVES + 1) == []
    assert set(folder.results()) == RECORDS[GOOD]


def test_what_is_left_of_an_archive_that_killed_is_found_below_its_name_alone(folder: Folder) -> None:
    store = S3Store(folder.s3)
    for key in ("galaxy/b/a.zip.csv", "galaxy/b/a.zip/1.jpg.json", "galaxy/b/a.zip/d/2.jpg.json", "galaxy/b/a.zipper"):
        folder.s3.put_object(Bucket=RESULTS, Key=key, Body=b"")
    assert list(store.keys(RESULTS, "galaxy/b/a.zip/")) == ["galaxy/b/a.zip/1.jpg.json", "galaxy/b/a.zip/d/2.jpg.json"]
    with pytest.raises(InfrastructureError):
        list(store.keys("no-such-bucket", "galaxy/"))


def tables() -> dict[str, bytes]:
    made = columns(30)
    table = Table(made)
    csv, fits, votable, parquet = (io.BytesIO() for _ in range(4))
    table.write(fits, format="fits")
    table.write(votable, format="votable")
    pq.write_table(pa.table(made), parquet)
    np.savetxt(csv, np.column_stack(list(made.values())), delimiter=",", header=",".join(made), comments="")
    return {
        "a.csv": csv.getvalue(),
        "a.csv.gz": gzip.compress(csv.getvalue()),
        "a.fits": fits.getvalue(),
        "a.vot": votable.getvalue(),
        "a.parquet": parquet.getvalue(),
    }


def test_every_format_gives_the_same_answer(folder: Folder) -> None:
    # Given
    for name, body in tables().items():
        folder.drop(f"incoming/star/b/{name}", body)

    # When
    assert folder.deliver() == []

    # Then
    summaries = {key: json.loads(body) for key, body in folder.results().items() if key.endswith(".json")}
    assert len(summaries) == 5
    assert {summary["format"] for summary in summaries.values()} == {"csv", "csv.gz", "fits", "votable", "parquet"}
    assert len({json.dumps([summary["rows"], summary["classes"]]) for summary in summaries.values()}) == 1


@pytest.mark.parametrize(
    "name", ["m 31.csv", "a+b.csv", "100%.csv", "100%25.csv", "étoile ☆.csv", "a/b c/d.csv", "x&y=z?.csv"]
)
def test_awkward_names_are_found_and_kept(folder: Folder, name: str) -> None:
    folder.drop(f"incoming/star/night 1/{name}", GOOD)
    assert folder.deliver() == []
    assert set(folder.results()) == {f"star/night 1/{name}", f"star/night 1/{name}.json"}


@pytest.mark.parametrize("body", [GOOD, MIXED, BAD], ids=["good", "mixed", "bad"])
def test_a_message_delivered_twice_changes_nothing(folder: Folder, body: bytes) -> None:
    # Given
    folder.drop(KEY, body)
    (message,) = folder.messages()
    assert folder.deliver(message) == []
    before = [(item["Key"], item["LastModified"]) for item in folder.s3.list_objects_v2(Bucket=RESULTS)["Contents"]]

    # When
    assert folder.deliver(message, message) == []

    # Then
    after = [(item["Key"], item["LastModified"]) for item in folder.s3.list_objects_v2(Bucket=RESULTS)["Contents"]]
    assert before == after


@pytest.mark.parametrize("first", [GOOD, MIXED, BAD], ids=["good", "mixed", "bad"])
@pytest.mark.parametrize("second", [GOOD, MIXED, BAD], ids=["good", "mixed", "bad"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0), (1, 0, 1)], ids=str)
def test_the_newest_upload_under_a_name_wins_in_any_order(
    folder: Folder, first: bytes, second: bytes, order: tuple[int, ...]
) -> None:
    # Given two uploads under one name
    folder.drop(KEY, first)
    (older,) = folder.messages()
    folder.drop(KEY, second + b"\n")
    (newer,) = folder.messages()

    # When their events arrive in this order
    for message in order:
        assert folder.deliver((older, newer)[message]) == []

    # Then
    assert set(folder.results()) == RECORDS[second]


def test_a_good_upload_takes_the_place_of_an_error_and_the_other_way_round(folder: Folder) -> None:
    for body in (BAD, GOOD, BAD, MIXED, GOOD):
        folder.drop(KEY, body)
        assert folder.deliver() == []
        assert set(folder.results()) == RECORDS[body]


def test_a_file_deleted_before_its_turn_gets_a_record(folder: Folder) -> None:
    folder.drop(KEY, GOOD)
    folder.s3.delete_object(Bucket=DROP, Key=KEY)
    assert folder.deliver() == []
    assert "deleted" in json.loads(folder.results()[f"{STEM}.error.json"])["detail"]


def test_an_empty_file_gets_a_record(folder: Folder) -> None:
    folder.drop(KEY, b"")
    assert folder.deliver() == []
    assert json.loads(folder.results()[f"{STEM}.error.json"])["type"].endswith("empty-input")


def test_folder_markers_and_the_test_event_leave_no_trace(folder: Folder) -> None:
    folder.drop("incoming/star/night-1/", b"")
    assert folder.deliver() == []
    assert [json.loads(greeting)["Event"] for greeting in folder.greetings] == ["s3:TestEvent"]
    assert folder.deliver(*folder.greetings) == []
    assert folder.results() == {}


def test_a_results_bucket_that_is_away_means_delivery_again(folder: Folder) -> None:
    # Given
    folder.drop(KEY, GOOD)
    folder.drop(KEY + "2", GOOD)
    first, second = folder.messages()
    folder.s3.delete_bucket(Bucket=RESULTS)

    # When / Then both fail, and both pass once it is back
    assert folder.deliver(first, second) == [first, second]
    folder.s3.create_bucket(Bucket=RESULTS, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert folder.deliver(first, second) == []
    assert len(folder.results()) == 4


BIG = lines(*[ROW] * 200_000)  # some 13 MB in, 27 MB out: four parts

# The handler in a process of its own, which is killed when it writes the second part.
VICTIM = """
import json, os, signal, sys
from tests.unit.functions.loading import load_function
from tests.factories import FakeContext
module = load_function("star", "drop")
from skysort.s3.store import S3Store
put_part = S3Store.put_part
def killing(self, target, upload_id, number, body):
    if number == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return put_part(self, target, upload_id, number, body)
S3Store.put_part = killing
module.handler(json.load(sys.stdin), FakeContext())
"""


@pytest.mark.parametrize("part", [1, 3])
def test_a_worker_killed_in_the_middle_of_a_table_leaves_nothing_and_the_next_finishes(
    folder: Folder, part: int
) -> None:
    # Given a worker that dies while it writes
    folder.drop(KEY, BIG)
    message = folder.messages()[0]  # moto tells twice of an upload in parts
    victim = subprocess.run(
        [sys.executable, "-c", VICTIM, str(part)],
        input=json.dumps(sqs_event([message])).encode(),
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'layers'}:{ROOT}"},
        cwd=ROOT,
        check=False,
        capture_output=True,
    )
    assert victim.returncode == -signal.SIGKILL, victim.stderr.decode()
    assert folder.results() == {}

    # When the message is delivered again
    assert folder.deliver(message) == []

    # Then
    results = folder.results()
    assert set(results) == RECORDS[GOOD]
    assert json.loads(results[f"{STEM}.json"])["rows"]["classified"] == 200_000
    assert results[STEM].count(b"\n") == 200_001


def test_a_large_table_is_superseded_by_a_small_one_and_back(folder: Folder) -> None:
    for body in (BIG, GOOD, BIG):
        folder.drop(KEY, body)
        assert folder.deliver() == []
        rows = json.loads(folder.results()[f"{STEM}.json"])["rows"]["total"]
        assert rows == body.count(b"\n") - 1
        assert folder.unfinished() == 0


def test_a_table_that_turns_out_bad_in_the_middle_leaves_only_its_error(folder: Folder) -> None:
    folder.drop(KEY + ".gz", gzip.compress(BIG, 1)[:-10])
    assert folder.deliver() == []
    assert set(folder.results()) == {f"{STEM}.gz.error.json"}
    assert folder.unfinished() == 0


def leftovers(folder: Path) -> list[Any]:
    return [path for path in folder.iterdir() if path.name.startswith("skysort-")]


def test_nothing_stays_in_the_temporary_folder(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name, body in tables().items():
        folder.drop(f"incoming/star/b/{name}", body)
        folder.drop(f"incoming/star/b/bad-{name}", body[: len(body) // 2])
    assert folder.deliver() == []
    assert leftovers(tmp_path) == []
