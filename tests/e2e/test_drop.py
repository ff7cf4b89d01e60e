"""Tables dropped into the folder of the started stack: every file gets exactly one outcome."""

from __future__ import annotations

import csv
import gzip
import io
import time

import httpx
import pytest

from infra.local.running_stack import ROOT, StartedStack
from tests.bench.table_end_to_end import survey_like_csv
from tests.e2e.drop import DropFolder

pytestmark = pytest.mark.end_to_end
TABLE = (ROOT / "events" / "stars.csv").read_bytes()


@pytest.fixture(scope="module")
def folder(stack: StartedStack) -> DropFolder:
    return DropFolder(stack)


def records(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode())))


def test_a_dropped_table_comes_back_classified_in_its_own_order(folder: DropFolder) -> None:
    # When a table with one unmeasured object is dropped
    folder.put("night 1/stars+dé%41.csv", TABLE)
    summary = folder.summary("night 1/stars+dé%41.csv")
    # Then the measured ones are classified in order, their own columns as they were
    given, found = records(TABLE), records(folder.result("night 1/stars+dé%41.csv"))
    assert [row["name"] for row in found] == [row["name"] for row in given if row["u"] != "-9999.0"]
    assert all(row.items() >= next(r for r in given if r["name"] == row["name"]).items() for row in found)
    assert {row["skysort_variant"] for row in found} == {"with_redshift", "photometry_only"}
    # And the other one is rejected with its row and its reason
    (rejected,) = records(folder.wait("star/night 1/stars+dé%41.csv.rejected.csv"))
    assert (rejected["row"], rejected["column"], rejected["reason"]) == ("12", "u", "sentinel")
    assert summary["rows"]["total"] == 12


def test_the_dropped_table_and_the_api_agree(folder: DropFolder, stack: StartedStack) -> None:
    folder.put("agree/stars.csv", TABLE)
    folder.summary("agree/stars.csv")
    answer = httpx.post(f"{stack.api}/v1/classify/star", content=TABLE, headers={"Content-Type": "text/csv"}).json()
    by_api = {result["id"]: result["predictions"][0] for result in answer["results"] if "predictions" in result}
    for row in records(folder.result("agree/stars.csv")):
        assert row["skysort_class"] == by_api[row["name"]]["label"]
        column = f"skysort_p_{row['skysort_class'].lower()}"
        assert float(row[column]) == pytest.approx(by_api[row["name"]]["probability"], abs=2e-6)


def test_many_files_dropped_at_once_all_get_their_result(folder: DropFolder) -> None:
    names = [f"many/{number:03}.csv.gz" for number in range(40)]
    for name in names:
        folder.put(name, gzip.compress(TABLE))
    assert [folder.summary(name)["rows"]["total"] for name in names] == [12] * 40
    assert all(len(records(gzip.decompress(folder.result(name)))) == 11 for name in names)


@pytest.mark.parametrize(
    ("name", "content"),
    [("bad/empty.csv", b""), ("bad/picture.jpg", b"\xff\xd8\xff\xe0 not a table"), ("bad/columns.csv", b"a,b\n1,2\n")],
)
def test_a_file_that_can_never_succeed_gets_an_error_record(folder: DropFolder, name: str, content: bytes) -> None:
    folder.put(name, content)
    problem = folder.error(name)
    assert problem["detail"]
    assert folder.drained()
    assert folder.waiting(folder.dead_letters) == 0


def test_a_file_delivered_twice_has_one_result(folder: DropFolder) -> None:
    # Given a file with its result
    folder.put("twice/stars.csv", TABLE)
    folder.summary("twice/stars.csv")
    before = folder.written("twice/stars.csv")
    # When its notification comes again, twice
    folder.redeliver("twice/stars.csv")
    folder.redeliver("twice/stars.csv")
    assert folder.drained()
    # Then nothing more was written
    assert folder.written("twice/stars.csv") == before
    assert set(before.values()) == {1}


def test_the_very_same_file_dropped_again_is_classified_again(folder: DropFolder, api: httpx.Client) -> None:
    # Given a file with its result, long enough ago for another second to be told of it
    folder.put("again/stars.csv", TABLE)
    first = folder.summary("again/stars.csv")["source"]
    time.sleep(1.1)
    # When the same bytes are dropped under the same name
    folder.put("again/stars.csv", TABLE)
    assert folder.drained()
    # Then its result is of the second upload, and its batch is done
    second = folder.summary("again/stars.csv")["source"]
    assert second["version_id"] != first["version_id"]
    assert second["sequencer"] > first["sequencer"]
    assert api.get("/v1/batches/again").json()["counts"] == {"total": 1, "waiting": 0, "done": 1, "failed": 0}


def test_a_file_and_one_named_like_its_error_record_both_have_their_outcome(folder: DropFolder) -> None:
    # When a table is dropped under the name that makes its summary another one's error record, and that other one
    folder.put("names/stars.error", TABLE)
    folder.put("names/stars", b"no,table\n1,2\n")
    # Then each has a record of its own, which says why
    assert "rename" in folder.error("names/stars.error")["detail"]
    assert "rename" not in folder.error("names/stars")["detail"]
    # And a table in place of the bad one has its result
    folder.put("names/stars", TABLE)
    assert folder.summary("names/stars")["rows"]["total"] == 12
    assert folder.drained()
    assert "rename" in folder.error("names/stars.error")["detail"]


def test_a_large_table_is_streamed_through(folder: DropFolder) -> None:
    rows = 200_000
    folder.put("large/survey.csv", survey_like_csv(rows))
    summary = folder.summary("large/survey.csv")
    assert summary["rows"]["total"] == rows
    assert folder.result("large/survey.csv").count(b"\n") == summary["rows"]["classified"] + 1
