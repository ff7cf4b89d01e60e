"""`skysort` against the started stack and in process: real pictures, real rows, real buckets, real signals."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table, vstack
from botocore.config import Config

import skysort as package
from infra.local.running_stack import ROOT
from tests.e2e.command_line import (
    COMMAND,
    LAUNCHER,
    RUN_PYTHON,
    environment,
    on_terminal,
    self_signed,
    skysort,
    stumbling,
)
from tests.e2e.drop import DROP, RESULTS
from tests.factories_images import encode, every_form, render, sky

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from infra.local.running_stack import StartedStack

pytestmark = pytest.mark.end_to_end
EVENTS = ROOT / "events"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """Pictures of every accepted form and a broken one."""
    folder = tmp_path / "gallery"
    folder.mkdir()
    for name, content in every_form(render()).items():
        (folder / f"{name}.{'fits' if name.startswith('fits') else name.partition('_')[0]}").write_bytes(content)
    (folder / "cut.jpg").write_bytes((EVENTS / "galaxy_spiral.jpg").read_bytes()[:900])
    return folder


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def rounded(found: Any) -> Any:
    """Without what differs: request ids, and the last digits, which threads and batches round differently."""
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items() if key != "request_id"}
    if isinstance(found, list):
        return [rounded(value) for value in found]
    return round(found, 3) if isinstance(found, float) else found


@pytest.mark.parametrize("model", ["galaxy", "image"])
def test_pictures_get_the_same_records_here_and_from_the_service(
    model: str, gallery: Path, stack: StartedStack, state: Path
) -> None:
    # When
    here = skysort("classify", model, gallery, "--top-k", "3", state=state)
    there = skysort("classify", model, gallery, "--top-k", "3", "--endpoint", stack.api, state=state)
    # Then
    assert here.returncode == there.returncode == 1
    found = records(here.stdout)
    assert [one["file"] for one in found] == sorted(str(path) for path in gallery.iterdir())
    assert [Path(one["file"]).name for one in found if "error" in one] == ["cut.jpg"]
    assert rounded(found) == rounded(records(there.stdout))
    assert here.stderr == there.stderr
    assert "cut.jpg: " in here.stderr


def test_rows_get_the_same_records_here_and_from_the_service(stack: StartedStack, state: Path, tmp_path: Path) -> None:
    # Given the sample rows, one of which lacks a measurement, as CSV and as FITS
    Table.read(EVENTS / "stars.csv", format="ascii.csv").write(tmp_path / "stars.fits")
    here = skysort("classify", "star", EVENTS / "stars.csv", "--explain", state=state)
    there = skysort("classify", "star", "-", "--explain", state=state, stdin=(EVENTS / "stars.csv").read_bytes(),
                    env={"SKYSORT_ENDPOINT": stack.api})  # fmt: skip
    table = skysort("classify", "star", tmp_path / "stars.fits", state=state)
    # Then
    assert [run.returncode for run in (here, there, table)] == [1, 1, 1]
    found = [{**one, "file": "-"} for one in records(here.stdout)]
    assert rounded(found) == rounded(records(there.stdout))
    assert found[0]["id"] == "sdss17-galaxy-1"
    best = [one["predictions"][0]["label"] for one in found if "error" not in one]
    assert best == [one["predictions"][0]["label"] for one in records(table.stdout) if "error" not in one]


def test_heat_maps_of_the_service_become_pictures(stack: StartedStack, state: Path, tmp_path: Path) -> None:
    out = tmp_path / "classes.csv"
    arguments = ("classify", "galaxy", EVENTS / "galaxy_*.jpg", "--explain", "--out", out, "--endpoint", stack.api)
    done = skysort(*arguments, state=state)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    named = [line["explanation"] for line in csv.DictReader(io.StringIO(out.read_text()))]
    assert len(named) == 3
    assert all(Path(name).read_bytes().startswith(b"\x89PNG") for name in named)


def test_a_busy_and_stumbling_service_is_waited_for(gallery: Path, stack: StartedStack, state: Path) -> None:
    with stumbling(stack.api) as (address, given):
        done = skysort("classify", "galaxy", gallery, "--endpoint", address, "--format", "csv", state=state)
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [Path(line["file"]).name for line in lines if line["error"]] == ["cut.jpg"]
    assert len(lines) == len(list(gallery.iterdir()))
    assert {429, 503} <= set(given)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["classify", "galaxy", "events", "--endpoint", "http://127.0.0.1:9"], 3, "cannot reach http://127.0.0.1:9"),
        (["classify", "image", "events", "--labels", "boxxer"], 2, "Unknown label 'boxxer'. Did you mean boxer"),
        (["classify", "comet", "events"], 2, "unknown model 'comet'; choose from galaxy, image, star, custom/NAME"),
        (["models", "comet"], 2, "unknown model 'comet'; choose from galaxy, image, star"),
        (["drop", "star", "events/stars.csv"], 2, "drop needs a service"),
        (["classify", "star", "absent.csv"], 1, "absent.csv: there is no such file"),
    ],
)
def test_each_failure_has_its_exit_status_and_sentence(
    arguments: list[str], code: int, sentence: str, state: Path
) -> None:
    done = skysort(*arguments, state=state)
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", ["csv", "jsonl", "table"])
def test_a_pipe_to_head_ends_without_a_word(form: str, stack: StartedStack, state: Path, tmp_path: Path) -> None:
    # Given far more rows than a pipe holds
    rows = (EVENTS / "stars.csv").read_text().splitlines()
    (tmp_path / "many.csv").write_text("\n".join([rows[0], *rows[1:11] * 400, ""]))
    # Quiet, for a table of so few different rows is unlike the survey, which would be told.
    command = " ".join([*COMMAND, "classify", "star", str(tmp_path / "many.csv"), "--format", form, "--quiet"])
    done = subprocess.run(
        ["bash", "-c", f"{command} --endpoint {stack.api} | head -2; echo ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        env=environment(state),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in ({"0", "141"} if form == "table" else {"141"})


def test_a_dropped_folder_gives_one_csv(stack: StartedStack, state: Path, tmp_path: Path) -> None:
    # Given pictures, an archive, one file of several parts, and two that cannot be classified
    survey = tmp_path / "survey"
    (survey / "field 7").mkdir(parents=True)
    shutil.copy(EVENTS / "galaxy_spiral.jpg", survey / "field 7" / "spiral é.jpg")
    with zipfile.ZipFile(survey / "all.zip", "w") as archive:
        archive.write(EVENTS / "galaxy_edge_on.jpg", "edge.jpg")
        archive.writestr("notes.txt", "seeing 0.9")
    (survey / "bad.jpg").write_text("not a picture")
    (survey / "noise.png").write_bytes(os.urandom(17 * 2**20))
    arguments = ("drop", "galaxy", survey, "--wait", "--endpoint", stack.api)
    # When
    done = skysort(*arguments, "--out", tmp_path / "classes.csv", state=state)
    # Then
    assert done.returncode == 1, done.stderr
    lines = {line["file"]: line for line in csv.DictReader(io.StringIO((tmp_path / "classes.csv").read_text()))}
    assert {name: line["label"] for name, line in lines.items()} == {
        "all.zip/edge.jpg": "Edge On Disk",
        "all.zip/notes.txt": "",
        "bad.jpg": "",
        "field 7/spiral é.jpg": "Unbarred Spiral",
        "noise.png": "",
    }
    # And the same command again sends nothing anew
    before = versions(stack)
    again = skysort(*arguments, state=state)
    assert {one["file"] for one in records(again.stdout)} == set(lines)
    assert versions(stack) == before


def test_a_dropped_table_gives_a_line_a_row(stack: StartedStack, state: Path) -> None:
    done = skysort("drop", "star", "events/stars.csv", "--wait", "--endpoint", stack.api, state=state)
    found = records(done.stdout)
    assert [one["row"] for one in found] == list(range(1, 13))
    assert found[1]["predictions"][0]["label"] == "QSO"
    assert "-9999" in found[11]["error"]["detail"]


@pytest.mark.parametrize("name", ["stars.fits", "stars.fts", "stars.vot", "stars.parquet", "stars.csv.gz", "many.csv"])
def test_a_dropped_table_that_stays_whole_is_fetched_and_no_failure(
    name: str, stack: StartedStack, state: Path, tmp_path: Path
) -> None:
    # Given eleven stars that can be classified, or so many that the service leaves them in their own file
    stars = Table.read(EVENTS / "stars.csv", format="ascii.csv")[:11]
    source = tmp_path / name
    if name == "many.csv":
        stars = vstack([stars] * 14_000)
    form = {"s.fts": "fits", "s.vot": "votable", "v.gz": "ascii.csv", "y.csv": "ascii.csv"}.get(name[-5:])
    plain = tmp_path / name.removesuffix(".gz") if name.endswith(".gz") else source
    stars.write(plain, format=form) if form else stars.write(plain)
    if plain != source:
        source.write_bytes(gzip.compress(plain.read_bytes()))
    arguments = ("drop", "star", source, "--batch", f"whole {name}", "--wait", "--endpoint", stack.api)
    # When
    done = skysort(*arguments, "--format", "csv", "--results-dir", tmp_path / "results", state=state)
    # Then
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"skysort: 1 classified table saved whole in {tmp_path}/results: {name}\n"
    (line,) = csv.DictReader(io.StringIO(done.stdout))
    result = tmp_path / "results" / name
    assert (line["file"], line["result_file"], line["error"]) == (name, str(result), "")
    assert httpx.get(f"{stack.s3}/{RESULTS}/star/whole {name}/{name}").content == result.read_bytes()
    if plain != source:
        result = plain
        result.write_bytes(gzip.decompress((tmp_path / "results" / name).read_bytes()))
    # Of Parquet that it wrote itself astropy reads the columns alone that it wrote.
    classified = pq.read_table(result) if name.endswith("parquet") else Table.read(result, format=form)
    labels = [str(label) for label in classified["skysort_class"]]
    assert len(labels) == len(stars)
    assert labels[:3] == ["GALAXY", "QSO", "STAR"]


def test_rows_that_a_whole_table_had_to_leave_out_are_failures(
    stack: StartedStack, state: Path, tmp_path: Path
) -> None:
    Table.read(EVENTS / "stars.csv", format="ascii.csv").write(tmp_path / "stars.parquet")
    out = tmp_path / "r.jsonl"
    done = skysort("drop", "star", tmp_path / "stars.parquet", "--wait", "--out", out, "--batch", "partly",
                   "--endpoint", stack.api, state=state)  # fmt: skip
    assert done.returncode == 1
    whole, rejected = records(out.read_text())
    assert whole == {
        "file": "stars.parquet",
        "model": {"name": "star"},
        "result_file": f"{tmp_path}/partly-results/stars.parquet",
    }
    assert rejected["error"]["detail"] == "1 of 12 rows cannot be classified; the result file says why"
    assert "-9999" in Path(rejected["result_file"]).read_text()
    assert "stars.parquet: 1 of 12 rows cannot be classified" in done.stderr


def test_a_tile_compressed_image_is_classified_whichever_way_it_goes(
    stack: StartedStack, state: Path, tmp_path: Path
) -> None:
    # Given
    packed = tmp_path / "tiles.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(sky())]).writeto(packed)
    # When it is named, or lies in a folder, here or at the service
    answers = []
    for what in (packed, tmp_path):
        for more in ((), ("--endpoint", stack.api)):
            done = skysort("classify", "galaxy", what, *more, state=state)
            assert done.returncode == 0, done.stderr
            (record,) = records(done.stdout)
            answers.append(record["predictions"])
    # Then it has one answer
    assert all(answer == answers[0] for answer in answers)
    # And dropped it is classified too
    dropped = skysort("drop", "galaxy", packed, "--wait", "--endpoint", stack.api, state=state)
    assert dropped.returncode == 0, dropped.stderr


def test_an_interrupted_drop_goes_on_where_it_stopped(stack: StartedStack, state: Path, tmp_path: Path) -> None:
    # Given 30 pictures of 2 MB on their way, one at a time: seconds of work, however fast the machine
    survey = tmp_path / "survey"
    survey.mkdir()
    noise = np.random.default_rng(1).integers(0, 256, (800, 800, 3), np.uint8)
    picture = encode(noise)
    for number in range(30):
        (survey / f"{number:03}.png").write_bytes(picture)
    store = client(stack)
    arguments = ["drop", "image", str(survey), "--batch", "stopped", "--jobs", "1", "--endpoint", stack.api]
    drop = subprocess.Popen(
        [*COMMAND, *arguments], cwd=ROOT, env=environment(state), stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    # When Ctrl-C comes in the midst of it
    prefix = "incoming/image/stopped/"
    deadline = time.monotonic() + 60
    while not store.list_objects_v2(Bucket=DROP, Prefix=prefix)["KeyCount"] and time.monotonic() < deadline:
        time.sleep(0.01)
    drop.send_signal(signal.SIGINT)
    _, told = drop.communicate(timeout=60)
    # Then it says where it stands and how to go on
    assert drop.returncode == 130, told
    assert b"files uploaded. Resume with: skysort drop image" in told
    assert b"Traceback" not in told
    assert 0 < len(versions(stack, prefix)) < 30
    # And the same command uploads what is missing, each file once in all
    done = skysort(*arguments, "--wait", "--format", "csv", state=state)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 31
    assert set(versions(stack, prefix).values()) == {1}


def client(stack: StartedStack) -> S3Client:
    session = boto3.Session("local", "local", region_name="us-east-1")
    return session.client("s3", endpoint_url=stack.s3, config=Config(s3={"addressing_style": "path"}))


def versions(stack: StartedStack, prefix: str = "incoming/") -> dict[str, int]:
    """How often each dropped file was written."""
    found: dict[str, int] = {}
    for page in client(stack).get_paginator("list_object_versions").paginate(Bucket=DROP, Prefix=prefix):
        for version in page.get("Versions", []):
            found[version["Key"]] = found.get(version["Key"], 0) + 1
    return found


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_a_terminal_gets_a_table_that_fits(columns: int, state: Path) -> None:
    code, shown = on_terminal(
        "classify", "galaxy", "events/galaxy_spiral.jpg", "README.md", state=state, columns=columns
    )
    assert code == 1
    plain = COLOURS.sub("", shown)
    assert "\x1b[" in shown
    assert {"Unbarred", "95.6%", "refused"} <= set(re.split(r"[\s:]+", plain))
    results = plain[: plain.index("skysort: 1 classified")]
    assert all(len(line) <= columns for line in re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]|\r[^\n]*", "", results).splitlines())


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours_gets_none(setting: dict[str, str], state: Path) -> None:
    for arguments in (["classify", "galaxy", "events/galaxy_spiral.jpg", "--quiet"], ["doctor"], ["models", "star"]):
        _, shown = on_terminal(*arguments, state=state, columns=100, **setting)
        assert not re.search(r"\x1b\[[0-9;]*3\dm", shown)


def test_models_and_doctor_tell_of_the_service(stack: StartedStack, state: Path) -> None:
    listed = skysort("models", "--endpoint", stack.api, state=state)
    assert [model["name"] for model in json.loads(listed.stdout)] == ["galaxy", "image", "star"]
    shown = skysort("models", "galaxy", "--format", "text", "--endpoint", stack.api, state=state).stdout
    assert "balanced accuracy" in shown
    healthy = skysort("doctor", "--endpoint", stack.api, state=state)
    assert healthy.returncode == 0, healthy.stdout
    assert re.search(r"star ready +\d+\.\d+\.\d+ in \d+ ms", healthy.stdout)
    ill = skysort("doctor", "--endpoint", "http://127.0.0.1:9", state=state)
    assert ill.returncode == 3
    assert "cannot reach http://127.0.0.1:9" in " ".join(ill.stdout.split())


def test_a_certificate_of_nobody_is_refused_until_it_is_named(state: Path, tmp_path: Path) -> None:
    with self_signed(tmp_path / "cert.pem") as address:
        refused = skysort("models", "--endpoint", address, state=state)
        trusted = skysort(
            "models", "--endpoint", address, state=state, env={"SSL_CERT_FILE": str(tmp_path / "cert.pem")}
        )
    assert refused.returncode == 3
    assert "its certificate is not trusted" in refused.stderr
    assert (trusted.returncode, json.loads(trusted.stdout)) == (0, [])


def test_serve_is_the_stack_and_ends_with_ctrl_c(state: Path, tmp_path: Path) -> None:
    out = tmp_path / "serve.log"
    with out.open("wb") as log:
        served = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", "--s3-port", "0", "--no-drop"],
            env=environment(state, SKYSORT_STATE=str(tmp_path / "stack")),
            stdout=log,
            stderr=log,
        )
        deadline = time.monotonic() + 60
        while b"ready after" not in out.read_bytes() and served.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        served.send_signal(signal.SIGINT)
        assert served.wait(timeout=30) == 0, out.read_text()
    assert "docs       http://127.0.0.1:" in out.read_text()


def test_what_pip_builds_works_without_the_project(state: Path, tmp_path: Path) -> None:
    # Given the wheel of a copy of the project, unpacked where nothing of the project is
    source, installed = tmp_path / "source", tmp_path / "installed"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "layers", source / "layers", ignore=ignored)
    for model in ("galaxy", "image", "star"):
        shutil.copytree(ROOT / "functions" / model / "model", source / "functions" / model / "model")
    for name in ("pyproject.toml", "requirements.txt", "README.md"):
        shutil.copy(ROOT / name, source)
    build = [
        str(ROOT / ".venv/uv/bin/uv"),
        "build",
        "--quiet",
        "--wheel",
        "--out-dir",
        str(tmp_path),
        "--python",
        RUN_PYTHON,
    ]
    locked = ["--build-constraints", "requirements.txt", "--require-hashes"]
    subprocess.run([*build, *locked], cwd=source, check=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    (scripts,) = installed.glob("*.dist-info/entry_points.txt")
    assert "skysort = skysort_cli.main:main" in scripts.read_text()
    # When
    program = "import sys, skysort_cli.main as m; print(m.__file__, file=sys.stderr); sys.exit(m.main())"
    done = subprocess.run(
        [RUN_PYTHON, "-c", program, "classify", "galaxy", str(EVENTS / "galaxy_spiral.jpg"), "--format", "csv"],
        cwd=tmp_path,
        env={**environment(state), "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    # Then it is the wheel's code, with the wheel's model
    assert str(installed) in done.stderr
    assert ",Unbarred Spiral,7,0.956" in done.stdout


def test_the_environment_of_make_run_has_the_command(state: Path) -> None:
    assert skysort("--version", state=state).stdout == f"skysort {package.__version__}\n"
    if "SKYSORT_RUN_PYTHON" in os.environ:  # as `make test` has it
        assert [str(LAUNCHER)] == COMMAND


def test_what_the_start_prints_works_as_it_is_pasted(stack: StartedStack, state: Path) -> None:
    # Given
    shown = (stack.state / "console.log").read_text()
    addresses, _, commands = shown.partition("Try it from another terminal")
    # When
    for address in re.findall(rf"{stack.api}\S*", addresses):
        assert httpx.get(address).is_success
    script = commands.partition("\n")[2].partition("Ctrl-C")[0]
    done = subprocess.run(
        ["bash", "-ec", script], cwd=ROOT, env=environment(state), capture_output=True, text=True, check=True
    )
    # Then a row, a dropped table and pictures are classified
    assert '"label":"GALAXY"' in done.stdout
    assert ",skysort_class," in done.stdout
    assert '"label": "Unbarred Spiral"' in done.stdout
