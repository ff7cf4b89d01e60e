"""Settings of the local stack: where they come from, and what is said of wrong ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra import ROOT
from infra.local.settings import Settings, SettingsError, parse
from skysort.models import MODELS


def test_defaults() -> None:
    settings = parse([], {})
    assert (settings.port, settings.s3_port, settings.stage_name) == (8000, 9000, "local")
    assert settings.state == ROOT / ".skysort"
    assert settings.drop
    assert not settings.verbose


def test_the_command_line_wins_over_the_environment() -> None:
    environment = {"SKYSORT_PORT": "1111", "SKYSORT_S3_PORT": "2222", "SKYSORT_STATE": "/tmp/elsewhere"}
    settings = parse(["--port", "3333", "--no-drop", "--verbose", "--stage", "dev"], environment)
    assert (settings.port, settings.s3_port, settings.state) == (3333, 2222, Path("/tmp/elsewhere").resolve())
    assert (settings.drop, settings.verbose, settings.stage().name) == (False, True, "dev")


def test_other_variables_of_ours_go_to_the_functions_and_nobody_elses() -> None:
    environment = {"SKYSORT_THREADS": "2", "SKYSORT_PORT": "1", "AWS_PROFILE": "work", "POWERTOOLS_LOG_LEVEL": "DEBUG"}
    assert parse([], environment).function_settings == {"SKYSORT_THREADS": "2", "POWERTOOLS_LOG_LEVEL": "DEBUG"}


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--port", "http"], {}, "SKYSORT_PORT must be a port from 0 to 65535 (got 'http'"),
        ([], {"SKYSORT_S3_PORT": "70000"}, "SKYSORT_S3_PORT must be a port from 0 to 65535 (got '70000'"),
        (["--timeout", "star"], {}, "--timeout must read like star=2"),
        (["--concurrency", "star=0"], {}, "with a whole number of at least 1 (got 'star=0'"),
        (["--root", "/"], {}, "has no folder named functions"),
    ],
)
def test_wrong_settings_end_in_a_sentence(arguments: list[str], environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        parse(arguments, environment)


def test_a_timeout_moves_the_visibility_timeout_along() -> None:
    stage = parse(["--timeout", "star-drop=5", "--timeout", "star=2"], {}).stage()
    assert (stage.functions["star-drop"].timeout_s, stage.functions["star"].timeout_s) == (5, 2)
    assert [queue.visibility_timeout_s for queue in stage.drop_queues if queue.function == "star-drop"] == [30]


def test_concurrency_moves_provisioned_and_maximum_along() -> None:
    stage = parse(["--concurrency", "star=3", "--concurrency", "star-drop=2"], {}).stage()
    star = stage.functions["star"]
    assert (star.provisioned, star.reserved_concurrency) == (3, 3)
    assert [queue.maximum_concurrency for queue in stage.drop_queues if queue.function == "star-drop"] == [2]


def test_another_stage_starts_no_more_than_the_machine_bears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    stage = Settings(stage_name="prod").stage()
    assert {function.reserved_concurrency for function in stage.functions.values()} == {4}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--timeout", "comet=2"], f"unknown function 'comet'; choose from {', '.join(MODELS)}, custom, galaxy-drop, "),
        (["--timeout", "star=60"], "the gateway's timeout is 29 s"),
    ],
)
def test_a_stage_that_cannot_be_is_refused(arguments: list[str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        parse(arguments, {}).stage()


def test_settings_reach_a_child_unchanged() -> None:
    settings = parse(["--timeout", "star=3", "--no-drop"], {"SKYSORT_THREADS": "2"})
    assert Settings.from_json(settings.to_json()) == settings


def test_messages_come_again_as_deployed_unless_a_run_says_sooner() -> None:
    assert parse([], {}).stage().limits.redelivery_s is None
    assert parse(["--stage", "prod"], {}).stage().limits.redelivery_s is None
    assert parse(["--redelivery", "1"], {}).stage().limits.redelivery_s == 1
    with pytest.raises(SettingsError, match="--redelivery must be a whole number of seconds"):
        parse(["--redelivery", "soon"], {})
