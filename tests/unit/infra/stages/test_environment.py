"""The environment of a function: by names that the functions read, and with all that they need."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from infra import ROOT
from infra.local.process import Launcher, Lifeline
from infra.local.report import FunctionLog
from infra.local.settings import Settings
from infra.stages.deployments import AWS_STAGES, STAGES
from infra.stages.environment import variables
from skysort import settings
from skysort.models import MODELS
from skysort.settings import BulkSettings, ControlSettings, DropSettings, ModelSettings

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stages.stage import Stage

NAMES = {value for value in vars(settings).values() if isinstance(value, str) and value.isupper()}
# What the release hook and the brake are given by the constructs that make them, and what an image sets.
ELSEWHERE = {settings.NEW_VERSIONS, settings.STOP_POLICY, settings.STOP_ROLES, settings.CARDS}
DEFAULTED = {settings.THREADS, settings.CACHE_ENTRIES, settings.MEMORY, settings.PRICES, settings.GLUE_DATABASE}
# Only for a stage with a page at another origin, or with its own domain.
OF_THE_EDGE = {settings.PAGE_ORIGINS, settings.BASE_PATH}
# What depends on where a stage runs: parts at once are at most its cores, and only AWS has Glue.
OF_THE_PLACE = {settings.BULK_CONCURRENCY, settings.GLUE_DATABASE}


def given(stage: Stage, name: str) -> dict[str, str]:
    return variables(
        stage,
        name,
        stage.functions[name],
        drop_bucket="the-drop",
        results_bucket="the-results",
        models_bucket="the-models",
        home="/scratch",
    )


@pytest.mark.parametrize("name", STAGES)
def test_every_function_starts_with_what_its_stage_gives_it(name: str) -> None:
    stage = STAGES[name]()
    for model in MODELS.values():
        folder = ROOT / model.folder
        assert ModelSettings.from_environment(given(stage, model.name), model.name, folder).clients is stage.clients
        drop = DropSettings.from_environment(given(stage, model.drop_function), model.name, folder)
        assert drop.results_bucket == "the-results"
    control = ControlSettings.from_environment(given(stage, "control"), ROOT / "functions" / "control")
    assert (control.drop_bucket, control.results_bucket) == ("the-drop", "the-results")


@pytest.mark.parametrize("name", STAGES)
def test_functions_that_train_serve_or_manage_trained_models_know_their_bucket(name: str) -> None:
    stage = STAGES[name]()
    knowing = {function for function in stage.functions if settings.MODELS_BUCKET in given(stage, function)}
    serving = {f"{model}{role}" for model in ("custom", "star") for role in ("", "-drop", "-train", "-bulk")}
    assert knowing == {"bulk", "control", *serving}


@pytest.mark.parametrize("name", STAGES)
def test_functions_of_bulk_jobs_know_what_they_may_read_and_how_many_parts_run_at_once(name: str) -> None:
    # Given a stage whose jobs may read a survey's bucket
    stage = dataclasses.replace(STAGES[name](), bulk_sources=("survey-data/dr9/",))
    for function in ("bulk", *stage.bulk_parts):
        found = BulkSettings.from_environment(given(stage, function))
        assert (found.drop_bucket, found.results_bucket) == ("the-drop", "the-results")
        assert (found.sources, found.concurrency) == (stage.bulk_sources, stage.bulk_parts)
        assert (found.clients, found.glue_database) == (stage.clients, stage.glue_database)
    control = ControlSettings.from_environment(given(stage, "control"), ROOT / "functions" / "control")
    assert (control.bulk_sources, control.glue_database) == (stage.bulk_sources, stage.glue_database)


@pytest.mark.parametrize("name", STAGES)
def test_every_variable_is_one_that_is_read_and_every_one_that_is_read_is_given_or_has_a_default(name: str) -> None:
    stage = STAGES[name]()
    found = set[str]().union(*(given(stage, function) for function in stage.functions))
    assert found - {"HOME", "XDG_CACHE_HOME"} <= NAMES
    assert found >= NAMES - ELSEWHERE - DEFAULTED - OF_THE_EDGE


@pytest.mark.parametrize("name", AWS_STAGES)
def test_a_sandbox_of_this_machine_gets_what_the_function_gets_on_aws(name: str, tmp_path: Path) -> None:
    """tests/infra/test_functions.py compares the templates with the same function."""
    stage, aws, lifeline = Settings(stage_name=name).stage(), AWS_STAGES[name](), Lifeline()
    for function in aws.functions:
        log = FunctionLog(tmp_path / f"{function}.log")
        launcher = Launcher(function, stage.functions[function], stage, ROOT, tmp_path, log, lifeline)
        here = launcher.environment("sandbox", "on-demand", "/scratch")
        there = given(aws, function) | {
            bucket: name
            for bucket, name in (
                (settings.DROP_BUCKET, aws.drop_bucket),
                (settings.RESULTS_BUCKET, aws.results_bucket),
                (settings.MODELS_BUCKET, aws.models_bucket),
            )
            if bucket in given(aws, function)
        }
        of_both = there.keys() - OF_THE_PLACE
        assert {variable: here.get(variable) for variable in of_both} == {name: there[name] for name in of_both}
        # and nothing of ours besides, but what stands in for Lambda's own
        ours = {variable for variable in here if variable.startswith(("SKYSORT_", "POWERTOOLS_"))}
        assert ours - set(there) == {"SKYSORT_LOCAL_FUNCTION_ARN"}
        log.close()
    lifeline.close()
