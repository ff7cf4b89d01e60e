"""`skysort classify`, here with miniature models and over HTTP with a fake service."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.table import Table
from pyarrow import parquet as pq

from skysort.star.cures import VEGA
from skysort_cli.exits import Exit
from skysort_cli.pictures import classify as classify_pictures
from tests.factories import star_artefact
from tests.factories_images import GALAXY_INPUT, encode, fits_file, picture_artefact, plain, sky
from tests.fakes.mixtures import objects
from tests.fakes.service import NOT_A_PICTURE, URL, problem
from tests.fakes.tables import columns, lines, row

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.fakes.service import FakeService
    from tests.unit.skysort_cli.conftest import Cli, Ran

RED, GREEN = encode(plain((250, 0, 0)), "JPEG"), encode(plain((0, 250, 0)))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    shelf = tmp_path_factory.mktemp("models")
    return {
        "SKYSORT_GALAXY_MODEL": picture_artefact(shelf / "galaxy", "galaxy", GALAXY_INPUT, batch=1),
        "SKYSORT_IMAGE_MODEL": picture_artefact(shelf / "image"),
        "SKYSORT_STAR_MODEL": star_artefact(shelf / "star"),
    }


@pytest.fixture(autouse=True)
def _models(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for setting, folder in models.items():
        monkeypatch.setenv(setting, str(folder))


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    folder = tmp_path / "colours"
    folder.mkdir()
    (folder / "red.jpg").write_bytes(RED)
    (folder / "green.png").write_bytes(GREEN)
    (folder / "sky.fits").write_bytes(fits_file(sky()))
    return folder


@pytest.fixture
def stars(tmp_path: Path) -> Path:
    path = tmp_path / "stars.csv"
    path.write_bytes(lines(row(), row(u=-9999), row(redshift="")))
    return path


def records(ran: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.out.splitlines()]


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_pictures_are_classified_here_and_told_as_json_lines(cli: Cli, colours: Path) -> None:
    # When
    ran = cli("classify", "image", colours)
    # Then
    assert ran.code == Exit.OK
    found = {one["file"].rpartition("/")[2]: one for one in records(ran)}
    assert list(found) == ["green.png", "red.jpg", "sky.fits"]
    assert found["red.jpg"]["predictions"][0]["label"] == "red"
    assert found["red.jpg"]["predictions"][0]["wordnet_id"] == "n00000000"
    assert found["red.jpg"]["model"] == {"name": "image", "version": "0.1.0"}
    assert set(found["red.jpg"]) == {"file", "model", "predictions", "prediction_set"}
    assert ran.err == ""


def test_one_bad_file_never_stops_the_others(cli: Cli, colours: Path) -> None:
    # Given a text, an empty file, a truncated picture and a name that leads nowhere among sound ones
    (colours / "cut.jpg").write_bytes(RED[:300])
    (colours / "empty.png").write_bytes(b"")
    ran = cli("classify", "galaxy", colours, __file__, colours / "absent.jpg", "--format", "csv")
    # Then
    assert ran.code == Exit.SOME_FAILED
    found = {line["file"].rpartition("/")[2]: line for line in csv_rows(ran.out)}
    wrong = [name for name, line in found.items() if line["error"]]
    assert wrong == ["cut.jpg", "empty.png", "test_classify.py", "absent.jpg"]
    assert found["green.png"]["label"] == "green"
    # And each is told on stderr as well
    assert ran.err.count("skysort: ") == 4
    assert "absent.jpg: there is no such file" in ran.err


def test_a_picture_comes_from_stdin(cli: Cli) -> None:
    (found,) = records(cli("classify", "image", "-", stdin=GREEN))
    assert (found["file"], found["predictions"][0]["label"]) == ("-", "green")


def test_options_restrict_and_limit_as_over_http(cli: Cli, colours: Path) -> None:
    (found,) = records(cli("classify", "image", colours / "red.jpg", "--labels", "green,blue", "--top-k", "1"))
    assert [one["label"] for one in found["predictions"]] in (["green"], ["blue"])
    (found,) = records(cli("classify", "image", colours / "red.jpg", "--labels", "primary"))
    assert len(found["predictions"]) == 3


def test_a_label_that_is_none_ends_the_command_before_any_work(cli: Cli, colours: Path) -> None:
    ran = cli("classify", "image", colours, "--labels", "rde")
    assert ran.code == Exit.USAGE
    assert ran.err == "skysort: Unknown label 'rde'. Did you mean red?\n"
    assert ran.out == ""


def test_the_ending_of_out_decides_the_format(cli: Cli, colours: Path, tmp_path: Path) -> None:
    for name, first in (("a.csv", "file,label,"), ("a.jsonl", '{"file": '), ("results", '{"file": ')):
        ran = cli("classify", "image", colours, "--out", tmp_path / name)
        assert (ran.code, ran.out) == (Exit.OK, "")
        assert (tmp_path / name).read_text().startswith(first)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.jsonl", "colours", "results"]


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("colours", "is a directory; name a file"),
        ("absent/a.csv", "absent is not a directory"),
        ("colours/red.jpg", "is one of the inputs; name another file"),
    ],
)
def test_results_that_have_no_place_are_refused_before_any_work(
    cli: Cli, colours: Path, tmp_path: Path, out: str, sentence: str
) -> None:
    before = (colours / "red.jpg").read_bytes()
    ran = cli("classify", "image", colours, "--out", tmp_path / out)
    assert ran.code == Exit.USAGE
    assert sentence in ran.err
    assert (colours / "red.jpg").read_bytes() == before


def test_an_earlier_result_stays_until_the_new_one_is_whole(
    cli: Cli, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.csv"
    out.write_text("earlier")
    monkeypatch.setattr("skysort_cli.commands.classify.classify_pictures", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli("classify", "image", colours, "--out", out)
    assert out.read_text() == "earlier"
    assert list(tmp_path.glob(".*")) == []


def test_heat_maps_become_files_and_are_named_in_the_results(cli: Cli, colours: Path, tmp_path: Path) -> None:
    # Given two pictures of one name in different folders
    (colours / "below").mkdir()
    (colours / "below" / "red.jpg").write_bytes(RED)
    maps = tmp_path / "maps"
    # When
    ran = cli("classify", "image", colours, colours / "below" / "red.jpg", "--explain-to", maps, "--format", "csv")
    # Then
    assert ran.code == Exit.OK
    named = [line["explanation"] for line in csv_rows(ran.out)]
    assert sorted(named) == sorted(str(path) for path in maps.rglob("*.png"))
    assert str(maps / "below" / "red.jpg.heat.png") in named
    assert (maps / "red.jpg.heat.png").read_bytes().startswith(b"\x89PNG")


def test_heat_maps_lie_beside_the_results_unless_told_otherwise(cli: Cli, colours: Path, tmp_path: Path) -> None:
    cli("classify", "image", colours / "red.jpg", "--explain", "--out", tmp_path / "a.csv")
    assert (tmp_path / "red.jpg.heat.png").exists()
    (found,) = records(cli("classify", "image", colours / "red.jpg", "--explain"))
    assert found["explanation"]["heat_map"].startswith("data:image/png;base64,")
    ran = cli("classify", "image", colours / "red.jpg", "--explain", "--format", "csv")
    assert ran.code == Exit.USAGE
    assert "--explain needs a directory for the heat maps" in ran.err


def test_a_model_that_is_not_the_cards_is_told(cli: Cli, colours: Path, models: dict[str, Path], tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    for path in models["SKYSORT_IMAGE_MODEL"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes() + (b"x" if path.suffix == ".onnx" else b""))
    monkeypatch.setenv("SKYSORT_IMAGE_MODEL", str(tmp_path))
    ran = cli("classify", "image", colours)
    assert ran.code == Exit.MISSING
    assert "is not the one its card describes" in ran.err


def test_a_missing_package_is_named_with_how_to_get_it(
    cli: Cli, colours: Path, stars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skysort.pictures.model", None)
    monkeypatch.setitem(sys.modules, "skysort.star.model", None)
    for ran in (cli("classify", "image", colours), cli("classify", "star", stars)):
        assert ran.code == Exit.MISSING
        assert "pip install '.[models]' in the project's folder, or give --endpoint URL" in ran.err


def test_rows_are_classified_here_each_with_its_number_and_name(cli: Cli, stars: Path) -> None:
    ran = cli("classify", "star", stars)
    first, second, third = records(ran)
    assert ran.code == Exit.SOME_FAILED
    assert (first["row"], first["id"], first["variant"]) == (1, "0", "with_redshift")
    assert second["error"]["errors"][0]["reason"] == "sentinel"
    assert (third["row"], third["id"], third["variant"]) == (3, "2", "photometry_only")
    assert "stars.csv, row 2: u: is -9999" in ran.err


def test_tables_of_every_format_give_the_answers_of_the_csv(cli: Cli, tmp_path: Path) -> None:
    # Given one table in six formats, with a value that was not measured
    values = {**columns(40), "name": np.array([f"s{at}" for at in range(40)])}
    values["u"][7] = -9999.0
    table = Table(values)
    table.write(tmp_path / "t.csv", format="ascii.csv")
    (tmp_path / "t.csv").write_text((tmp_path / "t.csv").read_text().replace("nan", ""))
    table.write(tmp_path / "t.fits")
    table.write(tmp_path / "t.vot", format="votable")
    pq.write_table(pa.table(values), tmp_path / "t.parquet")
    table.write(tmp_path / "t.ecsv", format="ascii.ecsv")
    table.write(tmp_path / "t.tbl", format="ascii.ipac")
    others = ("fits", "vot", "parquet", "ecsv", "tbl")
    # When
    found = {kind: records(cli("classify", "star", tmp_path / f"t.{kind}")) for kind in ("csv", *others)}
    # Then
    plain_rows = [{key: value for key, value in one.items() if key not in {"file", "id"}} for one in found["csv"]]
    assert [one["row"] for one in plain_rows] == list(range(1, 41))
    for kind in others:
        rows = [{key: value for key, value in one.items() if key != "file"} for one in found[kind]]
        for one, other in zip(rows, plain_rows, strict=True):
            if "error" in one:
                assert one["error"]["errors"][0]["reason"] == other["error"]["errors"][0]["reason"] == "sentinel"
            else:
                assert one == other


def test_stars_are_explained_by_their_features(cli: Cli, stars: Path, tmp_path: Path) -> None:
    with fits.open(io.BytesIO(_one_star())) as table:
        table.writeto(tmp_path / "one.fits")
    for path in (stars, tmp_path / "one.fits"):
        lines_of = csv_rows(cli("classify", "star", path, "--explain", "--format", "csv").out)
        assert "redshift=" in lines_of[0]["explanation"]


def _one_star() -> bytes:
    out = io.BytesIO()
    Table({name: values[1:2] for name, values in columns(3).items()}).write(out, format="fits")
    return out.getvalue()


def test_a_table_keeps_its_format_and_columns_if_asked_to(cli: Cli, stars: Path, tmp_path: Path) -> None:
    out = tmp_path / "classified.csv"
    ran = cli("classify", "star", stars, "--keep-columns", "--out", out)
    assert ran.code == Exit.SOME_FAILED
    kept = csv_rows(out.read_text())
    assert [line["ra"] for line in kept] == ["135.69", "135.69"]
    assert set(kept[0]["skysort_class"]) <= set("GALAXYQSOSTAR")
    assert csv_rows((tmp_path / "classified.csv.rejected.csv").read_text())[0]["reason"] == "sentinel"
    assert "1 of 3 rows cannot be classified" in ran.err


VEGA_DETAIL = "the magnitudes are in the Vega system; SDSS's are AB magnitudes"


@pytest.mark.parametrize("name", ["t.csv", "t.fits", "t.kept.csv"])
def test_a_table_in_another_system_is_told_with_the_cause(
    name: str, cli: Cli, judging_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a good table and one in Vega magnitudes, with more rows than one request takes
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(judging_folder))
    monkeypatch.setattr("skysort_cli.stars.ROWS", 50)
    magnitudes, _ = objects(120)
    told = {}
    for offset in (0.0, VEGA):
        table = Table(magnitudes - offset, names=("u", "g", "r", "i", "z"))
        path = tmp_path / name
        table.write(path, overwrite=True)
        kept = ["--keep-columns"] if ".kept" in name else []
        ran = cli("classify", "star", path, *kept, "--out", tmp_path / "out.csv")
        told[bool(np.any(offset))] = ran.err
        assert ran.code == Exit.OK
    # Then
    what = "as a whole the rows do not look like what the model was tested on"
    assert told == {False: "", True: f"skysort: {tmp_path / name}: {what}: {VEGA_DETAIL}\n"}
    assert cli("classify", "star", path, *kept, "--out", tmp_path / "out.csv", "--quiet").err == ""


def test_a_service_s_verdict_on_a_table_is_told(cli: Cli, service: FakeService, tmp_path: Path) -> None:
    service.table = {"domain": {"in_domain": False, "cause": {"code": "vega", "detail": VEGA_DETAIL}}}
    path = tmp_path / "t.csv"
    path.write_bytes(lines(row(), row()))
    ran = cli("classify", "star", path, "--endpoint", URL)
    what = "as a whole the rows do not look like what the model was tested on"
    assert (ran.code, ran.err) == (Exit.OK, f"skysort: {path}: {what}: {VEGA_DETAIL}\n")


def test_rows_that_no_object_can_have_are_told_of_as_a_whole(
    cli: Cli, judging_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(judging_folder))
    rows = b"".join([b"u,g,r,i,z\n", *[b"34,34,34,34,34\n"] * 3])
    ran = cli("classify", "star", "-", "--format", "csv", stdin=rows)
    assert ran.err == (
        "skysort: 3 of 3 rows do not look like what the model was tested on; check that they are what it is for\n"
    )
    assert [line["in_domain"] for line in csv_rows(ran.out)] == ["false"] * 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["image", "--keep-columns", "--out", "x"], "is for tables of stars"),
        (["star", "--keep-columns"], "needs --out FILE"),
        (["star", "--keep-columns", "--out", "x", "--top-k", "1"], "cannot be combined with"),
        (["star", "--keep-columns", "--out", "x", "--endpoint", URL], "works in process"),
        (["star", "--explain-to", "x"], "for the heat maps of pictures"),
        (["star", "--labels", " ,"], "--labels is empty"),
        (["star", "--in-process", "--endpoint", URL], "contradict each other"),
    ],
)
def test_options_that_do_not_go_together_are_refused(cli: Cli, arguments: list[str], sentence: str) -> None:
    ran = cli("classify", arguments[0], "a", *arguments[1:])
    assert ran.code == Exit.USAGE
    assert sentence in ran.err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the table has no header and no rows"),
        (b"a,b\n1,2\n", "u: there is no column u"),
        (b"\x89PNG\r\n\x1a\n", "the file is a PNG picture"),
        (b"\x1f\x8b\x08\x00broken", "the gzip data is damaged"),
        (b'u,g,r,i,z\n"1,2,3,4,5\n', "a quote in row 1 is not closed"),
        (b"PAR1 and nothing more", "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_read_fails_alone(
    cli: Cli, stars: Path, tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "bad").write_bytes(content)
    ran = cli("classify", "star", tmp_path / "bad", stars)
    assert ran.code == Exit.SOME_FAILED
    bad, *good = records(ran)
    assert sentence in bad["error"]["detail"]
    assert len(good) == 3


def test_over_http_answers_come_in_the_order_of_the_files(cli: Cli, tmp_path: Path, service: FakeService) -> None:
    # Given a service that answers the first pictures last
    for at in range(24):
        (tmp_path / f"{at:02}.jpg").write_bytes(f"picture {at:02}".encode())

    def slow(request: httpx.Request) -> None:
        time.sleep((24 - int(request.content[-2:])) / 2_000)

    service.hook = slow
    # When
    ran = cli("classify", "galaxy", tmp_path, "--endpoint", URL, "--jobs", "8", "--top-k", "2", "--explain")
    # Then
    assert [one["predictions"][0]["label"] for one in records(ran)] == [f"picture {at:02}" for at in range(24)]
    assert {str(request.url.params) for request in service.requests} == {"top_k=2&explain=true"}
    assert {request.headers["content-type"] for request in service.requests} == {"application/octet-stream"}


def test_over_http_refusals_busy_answers_and_a_bad_file_are_told_apart(
    cli: Cli, pictures: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYSORT_ENDPOINT", URL)
    monkeypatch.setenv("SKYSORT_API_KEY", "secret")
    (pictures / "a.jpg").write_bytes(NOT_A_PICTURE)
    service.failures = [problem(429, "busy"), problem(503, "starting")]
    ran = cli("classify", "galaxy", *sorted(pictures.rglob("[a-d].*")), "--jobs", "1")
    assert ran.code == Exit.SOME_FAILED
    assert ["error" in one for one in records(ran)] == [True, False, False, False]
    assert ran.err == f"skysort: {pictures}/a.jpg: the content is text; send a JPEG\n"
    assert len(service.requests) == 6
    assert {request.headers["x-api-key"] for request in service.requests} == {"secret"}


def test_over_http_a_wrong_option_and_a_wrong_address_end_the_command(
    cli: Cli, pictures: Path, service: FakeService
) -> None:
    ran = cli("classify", "galaxy", pictures / "a.jpg", "--endpoint", URL, "--labels", "boxxer")
    assert (ran.code, ran.err) == (Exit.USAGE, "skysort: Unknown label 'boxxer'.\n")
    service.failures = [problem(404, "nothing here") for _ in range(4)]
    ran = cli("classify", "galaxy", pictures, "--endpoint", URL)
    assert ran.code == Exit.SERVICE
    assert "does not answer /v1/classify/galaxy: nothing here; check the address" in ran.err
    service.failures = [problem(413, "6 MiB at most") for _ in range(4)]
    ran = cli("classify", "galaxy", pictures / "a.jpg", "--endpoint", URL)
    assert ran.code == Exit.SOME_FAILED
    assert "6 MiB at most; `skysort drop` takes larger files" in ran.err


def test_over_http_a_table_goes_in_pieces_and_rows_keep_their_numbers(
    cli: Cli, tmp_path: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skysort_cli.stars.ROWS", 10)
    named, unnamed = tmp_path / "named.csv", tmp_path / "unnamed.csv"
    named.write_bytes(b"name,u\n" + b"".join(b"%d,1\n" % (at % 10) for at in range(25)))
    unnamed.write_bytes(b"v,u\n" + b"".join(b"%d,1\n" % at for at in range(25)))
    found = records(cli("classify", "star", named, unnamed, "--endpoint", URL, "--jobs", "3"))
    assert [one["row"] for one in found] == 2 * list(range(1, 26))
    assert [one["id"] for one in found[25:]] == [str(at) for at in range(25)]
    assert len(service.requests) == 6


def test_over_http_rows_that_no_attempt_brought_through_are_told_as_such(
    cli: Cli, tmp_path: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skysort_cli.stars.ROWS", 10)
    path = tmp_path / "t.csv"
    path.write_bytes(b"v,u\n" + b"1,1\n" * 25)
    service.failures = [problem(503, "down") for _ in range(4)]
    ran = cli("classify", "star", path, "--endpoint", URL, "--jobs", "1")
    first, *rest = records(ran)
    assert (first["row"], first["last_row"], first["error"]["detail"]) == (1, 10, "down")
    assert [one["row"] for one in rest] == list(range(11, 26))
    assert ran.code == Exit.SOME_FAILED


@pytest.mark.usefixtures("service")
def test_over_http_other_tables_are_refused_with_both_ways_out(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    ran = cli("classify", "star", tmp_path / "t.parquet", "--endpoint", URL)
    assert ran.code == Exit.SOME_FAILED
    assert "classify it without --endpoint, or use `skysort drop star`" in ran.err


def test_a_reader_that_leaves_is_no_error(cli: Cli, colours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("skysort_cli.output.JsonLines.write", gone)
    monkeypatch.setattr("os.dup2", lambda *_: None)
    monkeypatch.setattr("sys.stdout.fileno", lambda: 1, raising=False)
    ran = cli("classify", "image", colours)
    assert (ran.code, ran.err) == (Exit.BROKEN_PIPE, "")


def test_an_interrupted_command_keeps_what_it_has(
    cli: Cli, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **named: Any) -> Any:
        yield next(classify_pictures(*arguments, **named))
        raise KeyboardInterrupt

    monkeypatch.setattr("skysort_cli.commands.classify.classify_pictures", interrupted)
    ran = cli("classify", "image", colours, "--out", tmp_path / "a.csv")
    assert (ran.code, ran.err) == (Exit.INTERRUPTED, "skysort: interrupted\n")
    assert len(csv_rows((tmp_path / "a.csv").read_text())) == 1
