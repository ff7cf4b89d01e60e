"""Files that once broke something, sent every way there is: fault_files.md says what is right for each."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from tests.conftest import DATA
from tests.e2e.command_line import skysort
from tests.e2e.drop import DropFolder
from tests.e2e.fault_files import (
    DONE,
    REFUSED,
    Answer,
    drop_all,
    outcome,
    post,
    recorded,
    rows,
    told_by_command_line,
    zipped,
)

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from infra.local.running_stack import StartedStack
    from tests.e2e.fault_files import FaultFile

pytestmark = [pytest.mark.end_to_end, pytest.mark.needs_data]
FAULTS = DATA.parent / "faults"
ROWS = rows()
MODELS = ("image", "galaxy", "star")
PICTURES = [row for row in ROWS if row.model != "star"]
SINGLY, ZIPPED = "faults-singly", "faults-zipped"


def of(model: str) -> list[FaultFile]:
    return [row for row in ROWS if row.model == model]


def each(files: list[FaultFile]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("file", files, ids=lambda file: file.path)


def assert_holds(expected: str, answer: Answer, *, holds: bool) -> None:
    assert holds, f"wanted {expected}\ngot {answer.status} {answer.text[:2_000]}"


@pytest.fixture(scope="module")
def folders(stack: StartedStack) -> dict[str, DropFolder]:
    """The drop folders, with every file in them: by itself, and the pictures in a zip."""
    found = {model: DropFolder(stack, model) for model in MODELS}
    for model, folder in found.items():
        drop_all(folder, of(model), FAULTS, SINGLY)
        if model != "star":
            folder.put(f"{ZIPPED}/all.zip", zipped(of(model), FAULTS))
    return found


def test_every_file_has_its_row() -> None:
    files = {str(path.relative_to(FAULTS)) for path in FAULTS.glob("*/*") if path.name != "README.md"}
    assert {row.path for row in ROWS} == files


@each([row for row in ROWS if row.http.sent])
def test_over_http(file: FaultFile, api: httpx.Client) -> None:
    answer = post(api, file, (FAULTS / file.path).read_bytes())
    assert_holds(file.http.text, answer, holds=file.http.holds(answer))


@each(ROWS)
def test_dropped(file: FaultFile, folders: dict[str, DropFolder]) -> None:
    answer = outcome(folders[file.model], f"{SINGLY}/{file.name}")
    assert_holds(file.dropped.text, answer, holds=file.dropped.holds(answer))


def test_no_file_was_tried_twice(folders: dict[str, DropFolder], stack: StartedStack) -> None:
    for model, folder in folders.items():
        assert folder.drained()
        assert folder.waiting(folder.dead_letters) == 0
        log = (stack.state / "logs" / f"{model}-drop.log").read_text()
        assert not [line for line in log.splitlines() if "delivered again" in line and "/faults-" in line]


@pytest.fixture(scope="module")
def members(folders: dict[str, DropFolder]) -> dict[str, Answer]:
    """What became of each picture in a zip, by its name."""
    found = {}
    for model in ("image", "galaxy"):
        table = folders[model].wait(f"{model}/{ZIPPED}/all.zip.csv").decode()
        for line in csv.DictReader(io.StringIO(table, newline="")):
            name, error = line["file"], line["error"]
            record = b"" if error else folders[model].wait(f"{model}/{ZIPPED}/all.zip/{name}.json")
            found[name] = Answer(REFUSED, error) if error else Answer(DONE, recorded(record))
    return found


@each(PICTURES)
def test_dropped_in_a_zip(file: FaultFile, members: dict[str, Answer]) -> None:
    answer = members[file.name]
    assert_holds(file.dropped.text, answer, holds=file.dropped.holds(answer))


def test_the_batch_of_all_tables_has_its_csv(folders: dict[str, DropFolder], api: httpx.Client) -> None:
    for row in of("star"):
        outcome(folders["star"], f"{SINGLY}/{row.name}")
    text, url = "", f"/v1/batches/{SINGLY}/results.csv?model=star"
    while url:
        page = api.get(url)
        assert page.status_code == 200
        text += page.text
        url = str(page.url.join(page.links["next"]["url"])) if "next" in page.links else ""
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {line["file"] for line in lines} == {row.name for row in of("star")}
    assert not [line for line in lines if "its result" in line["error"] or "its record" in line["error"]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """What the command line says of every file, each model's in one run."""
    state: Path = tmp_path_factory.mktemp("state")
    found: dict[str, Answer] = {}
    for model in MODELS:
        done = skysort("classify", model, *(FAULTS / row.path for row in of(model)), "--quiet", state=state)
        assert "Traceback" not in done.stderr
        found |= told_by_command_line(done.stdout)
    return found


@each(ROWS)
def test_on_the_command_line(file: FaultFile, told: dict[str, Answer]) -> None:
    answer = told[file.name]
    assert_holds(file.command_line.text, answer, holds=file.command_line.holds(answer))
