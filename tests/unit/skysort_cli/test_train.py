"""`skysort train` and `trainings` with a fake service: checked, uploaded once, followed, reported."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from skysort import problems
from skysort_cli import following
from skysort_cli.exits import Exit
from tests.fakes.service import STORE, URL, problem
from tests.fakes.trainings import SECOND, TRAINING_ID, model

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.fakes.service import FakeService
    from tests.unit.skysort_cli.conftest import Cli


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(following, "_LONGEST_PAUSE_S", 0.001)


@pytest.fixture
def breeds(tmp_path: Path) -> Path:
    """Two classes of five pictures."""
    folder = tmp_path / "breeds"
    for label in ("beagle", "poodle"):
        (folder / label).mkdir(parents=True)
        for number in range(5):
            (folder / label / f"{number}.jpg").write_bytes(f"{label[0]}{number}".encode())
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "night.csv"
    path.write_text("u,g,class\n1,2,A\n")
    return path


def uploaded(service: FakeService) -> dict[str, bytes]:
    """What is in the store, by key without the batch's name."""
    return {
        "/".join(key.split("/")[3:]) if key.startswith("incoming/training/") else key: content
        for key, (content, _) in service.files.items()
    }


def test_a_folder_is_uploaded_trained_and_reported(cli: Cli, breeds: Path, service: FakeService) -> None:
    ran = cli("train", "pictures", "breeds", breeds, "--wait", "--seed", "7", "--format", "text", "--endpoint", URL)
    assert (ran.code, ran.err) == (Exit.OK, "")
    # Everything is there under its class, and one training was started of it
    assert uploaded(service) == {
        f"{label}/{number}.jpg": f"{label[0]}{number}".encode() for label in ("beagle", "poodle") for number in range(5)
    }
    (asked,) = service.trainings.requests
    batch = asked.pop("source")["batch"]
    assert all(key.startswith(f"incoming/training/{batch}/") for key in service.files)
    assert asked == {"kind": "pictures", "name": "breeds", "options": {"promote": True, "force": False, "seed": 7}}
    # And the report has what a person asks
    shown = ran.out
    for expected in (
        f"custom/breeds  {TRAINING_ID}",
        "60 examples of 2 classes",
        "Scores with 95 % intervals (out-of-fold, repeated stratified 5-fold)",
        "0.950 (0.860 to 0.990)",
        "Rows: true class. Columns: predicted class.",
        "50 more pictures would bring about +0.012",
        "version bbbbbbbbbbbb is live; made in 4.8 s",
        "skysort classify custom/breeds picture.jpg",
    ):
        assert expected in shown


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_the_report_keeps_to_the_screen(
    columns: int, cli: Cli, breeds: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    service.trainings.refused = [{"file": "poodle/" + "x" * 60, "reason": "the content is text"}]
    ran = cli("train", "pictures", "breeds", breeds, "--wait", "--format", "text", "--endpoint", URL)
    assert ran.code == Exit.SOME_FAILED
    assert max(map(len, ran.out.splitlines())) <= columns


@pytest.mark.parametrize(("columns", "head", "row"), [(80, "beagle  poodle", "poodle"), (22, "1   2", "2  poodle")])
def test_a_confusion_matrix_that_is_too_wide_has_numbers_for_columns(
    columns: int, head: str, row: str, cli: Cli, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    service.trainings.models["breeds"] = model()
    shown = cli("models", "breeds", "--format", "text", "--endpoint", URL).out
    lines = [line.strip() for line in shown[shown.index("predicted") :].splitlines()]
    assert head in lines
    assert any(re.fullmatch(rf"{row} +3 +27", line) for line in lines)


def test_the_same_command_uploads_nothing_anew_and_another_picture_makes_another_batch(
    cli: Cli, breeds: Path, service: FakeService
) -> None:
    for _ in range(2):
        assert cli("train", "pictures", "breeds", breeds, "--endpoint", URL).code == Exit.OK
    assert len(service.sent("POST", "/v1/uploads")) == 1
    (breeds / "beagle" / "new.jpg").write_bytes(b"new")
    cli("train", "pictures", "breeds", breeds, "--endpoint", URL)
    first, second, third = (asked["source"]["batch"] for asked in service.trainings.requests)
    assert first == second != third
    # The pictures of the first are not in the batch of the third by accident, nor missing from it
    assert sum(key.startswith(f"incoming/training/{third}/") for key in service.files) == 11


def test_without_waiting_the_trainings_id_is_told(cli: Cli, breeds: Path, service: FakeService) -> None:
    ran = cli("train", "pictures", "custom/breeds", breeds, "--no-promote", "--endpoint", URL)
    assert (ran.code, ran.out, ran.err) == (Exit.OK, f"{TRAINING_ID}\n", "")
    assert service.trainings.requests[0]["name"] == "breeds"
    assert service.trainings.requests[0]["options"] == {"promote": False, "force": False}


def test_json_is_the_services_document(cli: Cli, breeds: Path, service: FakeService) -> None:
    ran = cli("train", "pictures", "breeds", breeds, "--wait", "--endpoint", URL)
    assert json.loads(ran.out) == service.trainings.training("done")


def test_a_table_is_uploaded_with_its_columns(cli: Cli, table: Path, service: FakeService) -> None:
    ran = cli("train", "star", "quasars", table, "--class-column", "type", "--columns", "g=gPSF, W1=w1mpro",
              "--bands", "g,W1", "--search", "--endpoint", URL)  # fmt: skip
    assert ran.code == Exit.OK
    (asked,) = service.trainings.requests
    assert service.files[asked["source"]["s3_key"]][0] == table.read_bytes()
    assert asked["kind"] == "star"
    assert asked["options"] == {
        "promote": True,
        "force": False,
        "class_column": "type",
        "columns": {"g": "gPSF", "W1": "w1mpro"},
        "bands": ["g", "W1"],
        "search": True,
    }


def test_files_that_no_training_can_use_are_named_and_make_the_exit_status_1(
    cli: Cli, breeds: Path, service: FakeService
) -> None:
    service.trainings.refused = [{"file": "poodle/3.jpg", "reason": "the content is text"}]
    ran = cli("train", "pictures", "breeds", breeds, "--wait", "--format", "text", "--endpoint", URL)
    assert ran.code == Exit.SOME_FAILED
    assert "1 file not used\n  poodle/3.jpg: the content is text\n" in ran.out


def test_a_version_that_is_not_better_is_told_with_the_command_to_promote_it(
    cli: Cli, breeds: Path, service: FakeService
) -> None:
    service.trainings.better = False
    ran = cli("train", "pictures", "breeds", breeds, "--wait", "--format", "text", "--endpoint", URL)
    assert ran.code == Exit.OK
    assert "version bbbbbbbbbbbb is not live; made in 4.8 s\n  On the 60 examples" in ran.out
    assert "skysort models promote breeds bbbbbbbbbbbb --force" in ran.out


@pytest.mark.usefixtures("service")
def test_a_version_that_was_not_to_go_live_is_told_with_the_command_that_compares_it(cli: Cli, breeds: Path) -> None:
    ran = cli("train", "pictures", "breeds", breeds, "--no-promote", "--wait", "--format", "text", "--endpoint", URL)
    assert "is not live; made in 4.8 s\n  skysort models promote breeds bbbbbbbbbbbb\n" in ran.out


@pytest.mark.parametrize(
    ("status", "code"), [(400, Exit.USAGE), (422, Exit.USAGE), (500, Exit.SERVICE), (503, Exit.SERVICE)]
)
def test_a_failed_training_says_why(status: int, code: Exit, cli: Cli, breeds: Path, service: FakeService) -> None:
    service.trainings.problem = dict(problems.document(status, "bad-input", "Test", "9 of 10 pictures cannot be read"))
    ran = cli("train", "pictures", "breeds", breeds, "--wait", "--format", "text", "--endpoint", URL)
    assert ran.code == code
    assert ran.err == "skysort: the training failed: 9 of 10 pictures cannot be read\n"


def test_a_refused_request_is_the_users_error_with_the_services_sentence(
    cli: Cli, breeds: Path, service: FakeService
) -> None:
    def refuse(request: httpx.Request) -> None:
        if request.url.path == "/v1/trainings":
            service.failures.append(problem(409, "another training of breeds is running"))

    service.hook = refuse
    cli("train", "pictures", "breeds", breeds, "--endpoint", URL)
    ran = cli("trainings", "--endpoint", URL)
    assert ran.code == Exit.USAGE
    assert "another training of breeds is running" in ran.err


def test_an_upload_that_the_store_refuses_is_named_and_the_rest_is_trained(
    cli: Cli, breeds: Path, service: FakeService
) -> None:
    service.refused = {"poodle/0.jpg": "is not wanted"}
    ran = cli("train", "pictures", "breeds", breeds, "--endpoint", URL)
    assert ran.code == Exit.SOME_FAILED
    assert "skysort: poodle/0.jpg: 'poodle/0.jpg' is not wanted" in ran.err
    assert len(service.files) == 9
    assert len(service.trainings.requests) == 1


def test_a_table_that_the_service_does_not_take_starts_no_training(cli: Cli, table: Path, service: FakeService) -> None:
    service.refused = {"night.csv": "is too large"}
    ran = cli("train", "star", "quasars", table, "--endpoint", URL)
    assert ran.code == Exit.USAGE
    assert "is too large" in ran.err
    assert not service.trainings.requests


@pytest.mark.usefixtures("service")
def test_a_training_that_takes_too_long_can_be_waited_for_again(cli: Cli, breeds: Path) -> None:
    ran = cli("train", "pictures", "breeds", breeds, "--wait", "--wait-for", "0.0001", "--endpoint", URL)
    assert ran.code == Exit.SERVICE
    assert f"Continue waiting with: skysort trainings {TRAINING_ID} --wait --endpoint {URL}" in ran.err


def test_an_interrupt_while_waiting_leaves_the_training_and_says_how_to_follow_it(
    cli: Cli, breeds: Path, service: FakeService
) -> None:
    def interrupt(request: httpx.Request) -> None:
        if request.method == "GET" and request.url.path.startswith("/v1/trainings/"):
            raise KeyboardInterrupt

    service.hook = interrupt
    ran = cli("train", "pictures", "breeds", breeds, "--wait", "--endpoint", URL)
    assert ran.code == Exit.INTERRUPTED
    assert f"Follow it with: skysort trainings {TRAINING_ID} --wait --endpoint {URL}" in ran.err


def test_an_interrupted_upload_says_how_to_go_on(cli: Cli, breeds: Path, service: FakeService) -> None:
    def interrupt(request: httpx.Request) -> None:
        if request.url.host in STORE:
            raise KeyboardInterrupt

    service.hook = interrupt
    ran = cli("train", "pictures", "breeds", breeds, "--jobs", "1", "--endpoint", URL)
    assert ran.code == Exit.INTERRUPTED
    assert "interrupted. Resume with: skysort" in ran.err
    assert not service.trainings.requests


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["pictures", "Breeds", "x"], "'Breeds' must begin with a lower-case letter"),
        (["pictures", "galaxy", "x"], "'galaxy' is reserved"),
        (["pictures", "breeds", "absent"], "absent: there is no such file or folder"),
        (["pictures", "breeds", "x", "--force", "--no-promote"], "contradict each other"),
        (["pictures", "breeds", "x", "--bands", "u,g"], "unrecognized arguments: --bands u,g"),
        (["star", "s", "x", "--columns", "u"], "must be BAND=COLUMN pairs such as u=psfMag_u,g=psfMag_g, got 'u'"),
        (["star", "s", "x", "--bands", "u,,g"], "must be names separated by commas, got 'u,,g'"),
        (["star", "s", "absent.csv"], "absent.csv: there is no such file"),
        (["star", "s", "https://sky.example/a.csv"], "is a URL: download it first"),
        (["comets", "s", "x"], "unknown kind 'comets'; choose from pictures, star"),
    ],
)
def test_a_wrong_command_line_uploads_nothing(
    arguments: list[str], sentence: str, cli: Cli, service: FakeService
) -> None:
    ran = cli("train", *arguments, "--endpoint", URL)
    assert ran.code == Exit.USAGE
    assert sentence in ran.err
    assert not service.requests


def test_trainings_are_listed_and_shown(cli: Cli, service: FakeService) -> None:
    listed = cli("trainings", "--endpoint", URL)
    assert [training["id"] for training in json.loads(listed.out)] == [TRAINING_ID]
    shown = cli("trainings", "--format", "text", "--endpoint", URL).out
    assert shown.splitlines()[1].split() == [TRAINING_ID, "custom/breeds", "done", "bbbbbbbbbbbb", "0.950", "yes"]
    running = cli("trainings", TRAINING_ID, "--format", "text", "--endpoint", URL)
    assert (running.code, running.out) == (Exit.OK, f"custom/breeds  {TRAINING_ID}\nwaiting\n")
    ended = cli("trainings", TRAINING_ID, "--wait", "--endpoint", URL)
    assert json.loads(ended.out)["version"] == SECOND
    assert service.sent("GET", "/v1/trainings/")


class TestModels:
    @pytest.fixture(autouse=True)
    def _trained(self, service: FakeService) -> None:
        service.trainings.models["breeds"] = model()

    def test_trained_models_are_listed_beside_the_others(self, cli: Cli) -> None:
        listed: list[dict[str, Any]] = json.loads(cli("models", "--endpoint", URL).out)
        assert [entry["name"] for entry in listed] == ["galaxy", "breeds"]
        assert listed[1]["trained"] is True
        shown = cli("models", "--format", "text", "--endpoint", URL).out
        assert "custom/breeds  aaaaaaaaaaaa" in shown

    @pytest.mark.parametrize("name", ["breeds", "custom/breeds"])
    def test_a_trained_model_is_shown_with_its_versions(self, name: str, cli: Cli) -> None:
        document = json.loads(cli("models", name, "--endpoint", URL).out)
        assert [version["live"] for version in document["versions"]] == [False, True]
        shown = cli("models", name, "--format", "text", "--endpoint", URL).out
        for expected in ("custom/breeds  aaaaaaaaaaaa", "2026-11-28 08:45:07", "first", "- It knows two breeds."):
            assert expected in shown

    def test_a_version_is_promoted_unless_it_is_worse(self, cli: Cli, service: FakeService) -> None:
        service.trainings.better = False
        refused = cli("models", "promote", "breeds", SECOND[:8], "--endpoint", URL)
        assert refused.code == Exit.USAGE
        assert "worse than the live one" in refused.err
        forced = cli("models", "promote", "breeds", SECOND[:8], "--force", "--format", "text", "--endpoint", URL)
        assert (forced.code, forced.out) == (Exit.OK, "breeds: version bbbbbbbbbbbb is live\n")
        assert json.loads(service.sent("POST", "/v1/models")[-1].content) == {"version": SECOND[:8], "force": True}

    def test_a_version_is_rolled_back_to(self, cli: Cli, service: FakeService) -> None:
        assert json.loads(cli("models", "rollback", "breeds", "--endpoint", URL).out)["live"] == "a" * 64
        cli("models", "rollback", "breeds", SECOND[:8], "--endpoint", URL)
        asked = [json.loads(request.content) for request in service.sent("POST", "/v1/models")]
        assert asked == [{}, {"to": SECOND[:8]}]

    def test_a_version_or_a_model_is_deleted(self, cli: Cli, service: FakeService) -> None:
        assert cli("models", "delete", "breeds", SECOND[:8], "--endpoint", URL).code == Exit.OK
        unsure = cli("models", "delete", "breeds", "--endpoint", URL)
        assert unsure.code == Exit.USAGE
        assert "delete breeds with 2 versions, for good? Confirm with --yes" in unsure.err
        assert cli("models", "delete", "breeds", "--yes", "--endpoint", URL).code == Exit.OK
        assert service.trainings.deleted == [f"/v1/models/breeds/versions/{SECOND[:8]}", "/v1/models/breeds"]

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["promote"], "promote needs a model's name; a model of that name is shown with `skysort models custom/"),
            (["promote", "breeds"], "promote takes a model and a version"),
            (["rollback", "breeds", "a", "b"], "rollback takes a model and at most one version"),
            (["delete", "galaxy"], "galaxy is a built-in model"),
            (["breeds", "other"], "'breeds' is none of promote, rollback, delete"),
            (["breeds", "--force"], "--force is for"),
            (["promote", "breeds", "a", "--yes"], "--yes is for"),
        ],
    )
    def test_a_wrong_command_changes_nothing(
        self, arguments: list[str], sentence: str, cli: Cli, service: FakeService
    ) -> None:
        ran = cli("models", *arguments, "--endpoint", URL)
        assert ran.code == Exit.USAGE
        assert sentence in ran.err
        assert not service.requests

    def test_a_model_may_have_the_name_of_an_action(self, cli: Cli, service: FakeService) -> None:
        service.trainings.models["promote"] = model()
        assert json.loads(cli("models", "custom/promote", "--endpoint", URL).out)["name"] == "promote"
        assert cli("models", "promote", "promote", SECOND[:8], "--endpoint", URL).code == Exit.OK

    def test_pictures_are_classified_with_it(
        self, cli: Cli, pictures: Path, service: FakeService, tmp_path: Path
    ) -> None:
        ran = cli("classify", "custom/breeds", pictures / "a.jpg", "--explain-to", tmp_path, "--format", "csv",
                  "--endpoint", URL)  # fmt: skip
        assert ran.code == Exit.OK
        header, line = ran.out.splitlines()
        assert header.endswith("prediction_set,typicality,in_domain,explanation,nearest,model,error")
        assert line.endswith(f"Smooth,0.750000,true,{tmp_path}/a.jpg.heat.png,poodle/3.jpg=0.925,breeds 9.9,")
        assert (tmp_path / "a.jpg.nearest.jpg").exists()
        assert service.sent("POST", "/v1/classify/custom/breeds")
        shown = cli("classify", "custom/breeds", pictures / "a.jpg", "--format", "table", "--endpoint", URL).out
        assert "typical" in shown

    @pytest.mark.parametrize("words", [["custom-star/breeds"], ["star", "--model", "breeds"]])
    def test_rows_are_classified_with_it(self, words: list[str], cli: Cli, service: FakeService) -> None:
        first, *more = words
        ran = cli("classify", first, "-", *more, "--endpoint", URL, stdin=b"u,g,r,i,z\n1,2,3,4,5\n")
        assert ran.code == Exit.OK
        assert json.loads(ran.out)["model"]["name"] == "breeds"
        assert [str(request.url.params) for request in service.sent("POST", "/v1/classify/star")] == ["model=breeds"]

    @pytest.mark.parametrize(
        ("arguments", "code", "sentence"),
        [
            (["custom/cats"], Exit.USAGE, "unknown model custom/cats; `skysort models` lists them"),
            (["custom/Cats"], Exit.USAGE, "'Cats' must begin with a lower-case letter"),
            (["comet"], Exit.USAGE, "unknown model 'comet'; choose from galaxy, image, star, custom/NAME"),
            (["galaxy", "--model", "breeds"], Exit.USAGE, "--model is for `skysort classify star`"),
        ],
    )
    def test_a_model_that_there_is_not_is_told(
        self, arguments: list[str], code: Exit, sentence: str, cli: Cli, pictures: Path
    ) -> None:
        ran = cli("classify", arguments[0], pictures / "a.jpg", *arguments[1:], "--endpoint", URL)
        assert ran.code == code
        assert sentence in ran.err

    def test_files_are_dropped_for_it(self, cli: Cli, pictures: Path, service: FakeService) -> None:
        ran = cli("drop", "custom/breeds", pictures, "--batch", "night", "--wait", "--format", "csv", "--endpoint", URL)
        assert ran.code == Exit.OK
        assert "incoming/custom/breeds/night/a.jpg" in service.files
        assert ran.out.splitlines()[1].startswith("custom/breeds,a.jpg,")
