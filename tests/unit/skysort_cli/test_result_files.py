"""`skysort drop --wait` with tables that stay whole: fetched into a folder, and never taken for failures."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from skysort_cli.exits import Exit
from tests.fakes.service import EXPIRED_TOKEN, URL, problem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.service import FakeService
    from tests.unit.skysort_cli.conftest import Cli

BATCH = ("--batch", "night", "--endpoint", URL, "--wait")
CLASSIFIED = b"SIMPLE  =                    T" * 1_000


@pytest.fixture
def table(tmp_path: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A FITS table in the working folder, which the service classifies and leaves whole."""
    monkeypatch.chdir(tmp_path)
    service.whole["a.fits"] = CLASSIFIED
    path = tmp_path / "a.fits"
    path.write_bytes(b"SIMPLE")
    return path


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_table_that_stays_whole_is_fetched_and_is_no_failure(cli: Cli, table: Path) -> None:
    # When
    ran = cli("drop", "star", "a.fits", *BATCH, "--format", "csv")
    # Then the line names the file, which is there whole, and stderr says so
    assert (ran.code, ran.err) == (
        Exit.OK,
        "skysort: 1 classified table saved whole in night-results: a.fits\n",
    )
    (line,) = rows(ran.out)
    assert (line["file"], line["result_file"], line["error"]) == ("a.fits", "night-results/a.fits", "")
    assert (table.parent / "night-results" / "a.fits").read_bytes() == CLASSIFIED
    assert table.read_bytes() == b"SIMPLE"


def test_the_folder_is_beside_the_output_or_the_one_asked_for(cli: Cli, table: Path) -> None:
    (table.parent / "out").mkdir()
    for more, folder in (([], "out/night-results"), (["--results-dir", "deep/er"], "deep/er")):
        assert cli("drop", "star", table, *BATCH, "--out", "out/r.jsonl", *more).code == Exit.OK
        (record,) = map(json.loads, (table.parent / "out" / "r.jsonl").read_text().splitlines())
        assert record == {"file": "a.fits", "model": {"name": "star"}, "result_file": f"{folder}/a.fits"}
        assert (table.parent / folder / "a.fits").read_bytes() == CLASSIFIED


def test_a_terminal_table_says_where_the_file_is(cli: Cli, table: Path) -> None:
    ran = cli("drop", "star", table, *BATCH, "--format", "table", "--quiet")
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert ran.out.splitlines()[1].split() == ["a.fits", "classified", "night-results/a.fits"]


def test_rejected_rows_are_failures_and_their_table_is_fetched_too(cli: Cli, table: Path, service: FakeService) -> None:
    service.rejects.add("a.fits")
    ran = cli("drop", "star", table, *BATCH, "--format", "csv")
    assert ran.code == Exit.SOME_FAILED
    assert [(line["result_file"], line["error"]) for line in rows(ran.out)] == [
        ("night-results/a.fits", ""),
        ("night-results/a.fits.rejected.csv", "1 of 2 rows is bad"),
    ]
    assert "skysort: a.fits: 1 of 2 rows is bad\n" in ran.err
    assert (table.parent / "night-results" / "a.fits.rejected.csv").read_bytes() == b"row,reason"


def test_a_download_that_breaks_goes_on_where_it_broke(cli: Cli, table: Path, service: FakeService) -> None:
    service.breaks = 3
    assert cli("drop", "star", table, *BATCH).code == Exit.OK
    ranges = [one.headers.get("Range") for one in service.requests if one.method == "GET" and "store" in one.url.host]
    assert ranges == [None, "bytes=15000-", "bytes=22500-", "bytes=26250-"]
    assert (table.parent / "night-results" / "a.fits").read_bytes() == CLASSIFIED


def test_a_result_that_changes_while_it_is_fetched_is_fetched_anew(cli: Cli, table: Path, service: FakeService) -> None:
    def changed(request: httpx.Request) -> None:
        if "Range" in request.headers:
            service.whole["a.fits"] = b"newer"

    service.breaks, service.hook = 1, changed
    assert cli("drop", "star", table, *BATCH).code == Exit.OK
    assert (table.parent / "night-results" / "a.fits").read_bytes() == b"newer"


def test_a_link_that_has_expired_is_asked_for_anew_once(cli: Cli, table: Path, service: FakeService) -> None:
    cli("drop", "star", table, *BATCH)
    service.expired = 1
    assert cli("drop", "star", table, *BATCH).code == Exit.OK
    service.expired = 2
    ran = cli("drop", "star", table, *BATCH, "--format", "csv")
    assert ran.code == Exit.SOME_FAILED
    assert rows(ran.out)[0]["error"] == (
        "it is classified, and its result file cannot be fetched: the store answered 403: Request has expired"
    )


def test_a_link_outlived_by_its_credentials_is_asked_for_anew(cli: Cli, table: Path, service: FakeService) -> None:
    cli("drop", "star", table, *BATCH)
    service.expired, service.expiry = 1, EXPIRED_TOKEN
    assert cli("drop", "star", table, *BATCH).code == Exit.OK


def test_a_busy_store_is_waited_for(cli: Cli, table: Path, service: FakeService) -> None:
    def busy(request: httpx.Request) -> None:
        if request.method == "GET" and request.url.host == "store.example":
            service.hook = lambda _: None
            service.failures = [problem(503, "slow down"), problem(500, "once more")]
            raise httpx.ReadTimeout("slow")

    service.hook = busy
    assert cli("drop", "star", table, *BATCH).code == Exit.OK
    assert (table.parent / "night-results" / "a.fits").read_bytes() == CLASSIFIED


def test_an_interrupted_download_leaves_no_half_of_a_table(cli: Cli, table: Path, service: FakeService) -> None:
    def interrupted(request: httpx.Request) -> None:
        if "Range" in request.headers:
            raise KeyboardInterrupt

    service.breaks, service.hook = 1, interrupted
    ran = cli("drop", "star", table, *BATCH, "--results-dir", "r", "--format", "csv")
    assert ran.code == Exit.INTERRUPTED
    assert list((table.parent / "r").iterdir()) == []
    assert "--wait --format csv --results-dir r" in ran.err


@pytest.mark.parametrize("name", ["../a.fits", "/tmp/a.fits", "x/../../a.fits", "x\\a.fits"])
def test_nothing_is_written_outside_the_folder(cli: Cli, table: Path, service: FakeService, name: str) -> None:
    # Given a service that names such a file
    service.whole[name] = b"evil"
    service.files[f"incoming/star/night/{name}"] = (b"SIMPLE", "2100-01-01T00:00:00.000Z")
    # When
    ran = cli("drop", "star", table, *BATCH, "--format", "csv")
    # Then
    assert ran.code == Exit.SOME_FAILED
    assert {line["file"]: bool(line["error"]) for line in rows(ran.out)} == {name: True, "a.fits": False}
    assert [path.name for path in (table.parent / "night-results").rglob("*")] == ["a.fits"]
    assert table.read_bytes() == b"SIMPLE"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["star", "a.fits", "--wait", "--results-dir", "."], "would overwrite the input a.fits"),
        (["star", ".", "--wait", "--results-dir", "."], "would overwrite the input a.fits"),
        (["star", "a.fits", "--wait", "--results-dir", "a.fits"], "--results-dir a.fits is not a directory"),
        (["star", "a.fits", "--wait", "--results-dir", "a.fits/r"], "a.fits/r: cannot make the directory"),
        (["star", "a.fits", "--results-dir", "r"], "add --wait"),
        (["galaxy", "a.fits", "--wait", "--results-dir", "r"], "--results-dir is for tables of stars"),
    ],
)
def test_a_folder_that_cannot_be_meant_is_refused_before_anything_is_sent(
    cli: Cli, table: Path, service: FakeService, arguments: list[str], sentence: str
) -> None:
    ran = cli("drop", *arguments, "--endpoint", URL)
    assert ran.code == Exit.USAGE
    assert sentence in ran.err
    assert (service.requests, table.read_bytes()) == ([], b"SIMPLE")


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    "arguments", [["."], ["**/*.fits"], ["a.fits", "night-results"], [".", "--results-dir", "deep/er"]]
)
def test_results_below_a_dropped_folder_are_not_dropped_with_the_next_run(
    cli: Cli, service: FakeService, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "night-results").mkdir()
    (tmp_path / "night-results" / "old.fits").write_bytes(b"from an earlier run")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    if "deep/er" in arguments:
        (tmp_path / "night-results").rename(tmp_path / "deep" / "er" / "night-results")
    ran = cli("drop", "star", *arguments, *BATCH)
    assert ran.code == Exit.OK
    assert "skipped 1 file in the directory of earlier results: " in ran.err
    assert list(service.files) == ["incoming/star/night/a.fits"]


def test_a_folder_above_the_inputs_leaves_none_out(cli: Cli, table: Path, service: FakeService) -> None:
    (table.parent / "nights").mkdir()
    table.rename(table.parent / "nights" / "a.fits")
    assert cli("drop", "star", "nights", *BATCH, "--results-dir", ".").code == Exit.OK
    assert list(service.files) == ["incoming/star/night/a.fits"]
    assert table.read_bytes() == CLASSIFIED
