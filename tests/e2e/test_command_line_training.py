"""`skysort train` with real pictures and rows, here and on the started stack: trained, served, promoted, deleted."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import shutil
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.command_line import on_terminal, skysort

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.running_stack import StartedStack

pytestmark = [pytest.mark.end_to_end, pytest.mark.needs_data]
BREEDS = ("chihuahua", "german_shepherd", "standard_poodle")
TRAINED = 14
NEW = 4
SEED = ("--seed", "7")
# As long as people wait: a running stack serves a promoted model within this time.
SERVED_S = 10


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine without a service, whose models are in a folder of the tests."""
    return {"SKYSORT_MODELS_FOLDER": str(tmp_path_factory.mktemp("models"))}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def breeds(tmp_path_factory: pytest.TempPathFactory, survey_data: Path) -> Path:
    """Three breeds of dogs, a folder each, and a file among them that is no picture."""
    folder = tmp_path_factory.mktemp("pictures") / "breeds"
    for breed in BREEDS:
        (folder / breed).mkdir(parents=True)
        for path in pictures_of(survey_data, breed)[:TRAINED]:
            shutil.copy(path, folder / breed)
    (folder / BREEDS[0] / "broken.jpg").write_text("not a picture")
    return folder


@pytest.fixture(scope="module")
def unseen(tmp_path_factory: pytest.TempPathFactory, survey_data: Path) -> Path:
    """Further pictures of each breed, named after it."""
    folder = tmp_path_factory.mktemp("unseen")
    for breed in BREEDS:
        for number, path in enumerate(pictures_of(survey_data, breed)[TRAINED : TRAINED + NEW]):
            shutil.copy(path, folder / f"{breed}-{number}{path.suffix}")
    return folder


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory, survey_data: Path) -> Path:
    """The first rows of the SDSS catalogue with their classes."""
    path = tmp_path_factory.mktemp("table") / "sdss.csv"
    with gzip.open(survey_data / "star" / "sdss17.csv.gz", "rt", encoding="utf-8") as file:
        path.write_text("".join(islice(file, 401)))
    return path


def pictures_of(data: Path, breed: str) -> list[Path]:
    return sorted((data / "custom" / "dog_breeds_64px" / breed).iterdir())


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def share_right(found: list[dict[str, Any]]) -> float:
    return sum(one["predictions"][0]["label"] in one["file"] for one in found) / len(found)


def where(place: str, stack: StartedStack) -> tuple[str, ...]:
    return () if place == "here" else ("--endpoint", stack.api)


@pytest.fixture(scope="module")
def trained(stack: StartedStack, here: Mapping[str, str], state: Path, breeds: Path) -> dict[str, dict[str, Any]]:
    """The training of the breeds in this process, and on the stack."""
    found = {}
    for place in ("here", "there"):
        arguments = ("train", "pictures", "breeds", breeds, "--wait", *SEED)
        done = skysort(*arguments, *where(place, stack), state=state, env=here)
        # One file is no picture
        assert done.returncode == 1, done.stderr
        found[place] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("place", ["here", "there"])
def test_a_folder_becomes_a_model_that_is_live(place: str, trained: dict[str, dict[str, Any]]) -> None:
    training = trained[place]
    assert (training["phase"], training["promoted"], training["name"]) == ("done", True, "breeds")
    assert training["metrics"]["accuracy"]["value"] > 0.7
    (refused,) = training["refused"]["files"]
    assert refused["file"].endswith("chihuahua/broken.jpg")


def test_the_model_is_the_same_here_and_there(
    stack: StartedStack, here: Mapping[str, str], state: Path, trained: dict[str, dict[str, Any]], unseen: Path
) -> None:
    assert trained["here"]["metrics"]["accuracy"] == trained["there"]["metrics"]["accuracy"]
    # When new pictures are classified by both
    arguments = ("classify", "custom/breeds", unseen, "--top-k", "3")
    found = {
        place: records(skysort(*arguments, *where(place, stack), state=state, env=here).stdout)
        for place in ("here", "there")
    }
    # Then they are right, and alike to the digits that threads round
    assert len(found["here"]) == len(BREEDS) * NEW
    assert share_right(found["here"]) > 0.6
    for one, other in zip(found["here"], found["there"], strict=True):
        assert one["file"] == other["file"]
        for mine, theirs in zip(one["predictions"], other["predictions"], strict=True):
            assert mine["label"] == theirs["label"]
            assert mine["probability"] == pytest.approx(theirs["probability"], abs=0.01)
        assert one["in_domain"] is other["in_domain"]


@pytest.mark.parametrize("place", ["here", "there"])
def test_an_answer_is_explained_by_a_heat_map_and_the_nearest_examples(
    place: str,
    stack: StartedStack,
    here: Mapping[str, str],
    state: Path,
    trained: dict[str, dict[str, Any]],
    unseen: Path,
    tmp_path: Path,
) -> None:
    assert trained
    picture = min(unseen.iterdir())
    done = skysort("classify", "custom/breeds", picture, "--explain-to", tmp_path, *where(place, stack),
                   state=state, env=here)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (record,) = records(done.stdout)
    assert Path(record["explanation"]["heat_map"]).read_bytes().startswith(b"\x89PNG")
    nearest = record["explanation"]["nearest"]
    assert len(nearest) == 3
    assert all(example["label"] in BREEDS for example in nearest)
    assert all(Path(example["thumbnail"]).read_bytes().startswith(b"\xff\xd8") for example in nearest)


def test_dropped_pictures_are_classified_with_it(
    stack: StartedStack, state: Path, trained: dict[str, dict[str, Any]], unseen: Path
) -> None:
    assert trained
    done = skysort("drop", "custom/breeds", unseen, "--wait", "--format", "csv", "--endpoint", stack.api, state=state)
    assert done.returncode == 0, done.stderr
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(lines) == len(BREEDS) * NEW
    assert sum(line["label"] in line["file"] for line in lines) / len(lines) > 0.6


def test_a_terminal_shows_the_report_and_the_next_command(
    here: Mapping[str, str], state: Path, trained: dict[str, dict[str, Any]]
) -> None:
    code, shown = on_terminal("trainings", trained["here"]["id"], state=state, columns=80, **here)
    assert code == 1, shown  # one file is no picture
    plain = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", shown)
    for expected in (
        "95 % intervals",
        "Rows: true class.",
        "1 file not used",
        "is live",
        "skysort classify custom/breeds picture.jpg",
    ):
        assert expected in plain
    assert max(map(len, plain.splitlines())) <= 80


@pytest.mark.parametrize("place", ["here", "there"])
def test_versions_are_chosen_listed_and_deleted(
    place: str,
    stack: StartedStack,
    here: Mapping[str, str],
    state: Path,
    trained: dict[str, dict[str, Any]],
    breeds: Path,
    unseen: Path,
    tmp_path: Path,
) -> None:
    def run(*arguments: object, code: int = 0) -> Any:
        done = skysort(*arguments, *where(place, stack), state=state, env=here)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if done.stdout.startswith(("{\n", "[\n")) else done

    first = trained[place]["version"]
    # Given a second version, which is not to go live; and a folder that no classifier can be made of
    shutil.copytree(breeds / BREEDS[0], tmp_path / "one" / BREEDS[0])
    alone = run("train", "pictures", "breeds", tmp_path / "one", "--wait", code=2)
    assert "has pictures of one class, chihuahua" in alone.stderr
    (breeds / BREEDS[0] / "broken.jpg").unlink(missing_ok=True)
    second = run("train", "pictures", "breeds", breeds, "--no-promote", "--wait", "--seed", "8")
    assert (second["promoted"], second["version"] != first) == (False, True)
    # When it is promoted, if need be by force, and rolled back
    model = run("models", "breeds")
    assert (model["live"], len(model["versions"])) == (first, 2)
    pointer = run("models", "promote", "breeds", second["version"][:12], "--force")
    assert pointer["live"] == second["version"]
    live = classified_by(place, stack, here, state, unseen, second["version"][:12])
    assert live
    assert run("models", "rollback", "breeds")["live"] == first
    # Then the live version stays, the other goes, and at last the name
    kept = skysort("models", "delete", "breeds", first, *where(place, stack), state=state, env=here)
    assert kept.returncode == 2
    run("models", "delete", "breeds", second["version"])
    assert len(run("models", "breeds")["versions"]) == 1
    ids = [training["id"] for training in run("trainings")]
    assert {trained[place]["id"], second["id"]} <= set(ids)
    run("models", "delete", "breeds", "--yes")
    assert "breeds" not in [entry["name"] for entry in run("models")]


def classified_by(
    place: str, stack: StartedStack, here: Mapping[str, str], state: Path, unseen: Path, version: str
) -> bool:
    """Whether a picture is classified by a version within the time that a promotion may take."""
    deadline = time.monotonic() + SERVED_S
    while time.monotonic() < deadline:
        done = skysort("classify", "custom/breeds", min(unseen.iterdir()), *where(place, stack), state=state, env=here)
        if records(done.stdout)[0]["model"]["version"] == version:
            return True
    return False


@pytest.mark.parametrize("place", ["here", "there"])
def test_a_table_becomes_a_model_of_its_rows(
    place: str, stack: StartedStack, here: Mapping[str, str], state: Path, catalogue: Path, tmp_path: Path
) -> None:
    done = skysort("train", "star", "sdss", catalogue, "--wait", *SEED, *where(place, stack), state=state, env=here)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["promoted"] is True
    # When rows that it knows are classified, without their class
    rows = list(csv.DictReader(io.StringIO(catalogue.read_text())))[:100]
    table = tmp_path / "new.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["u", "g", "r", "i", "z", "redshift"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    found = skysort("classify", "star", table, "--model", "sdss", *where(place, stack), state=state, env=here)
    # Then nearly all are right
    assert found.returncode == 0, found.stderr
    labels = [record["predictions"][0]["label"] for record in records(found.stdout)]
    assert sum(label == row["class"] for label, row in zip(labels, rows, strict=True)) > 85
