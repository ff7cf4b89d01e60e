"""Trainings as deployed: the machine that the local stack interprets, and what stays in the models bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.stages.functions import StageError
from infra.stages.retention import ModelRetention
from infra.state_machine.definition import training_definition
from tests.infra.machines import BUCKET, arn, definition, machine
from tests.infra.policies import invoked_by
from tests.infra.synth import flat
from tests.infra.test_functions import alias_of

if TYPE_CHECKING:
    from tests.infra.synth import Synthesised


def test_the_machine_is_the_definition_that_a_laptop_interprets(stage: Synthesised) -> None:
    deployed = definition(stage, "training")
    # Of the deployed machine alone: a laptop's ends with its stack
    assert deployed.pop("TimeoutSeconds") > 4 * 900
    assert deployed == training_definition(arn("PicturesFunction"), arn("RowsFunction"))


def test_it_invokes_the_live_aliases_of_what_trains_and_may_invoke_nothing_else(stage: Synthesised) -> None:
    properties = machine(stage, "training").properties
    aliases = {
        "PicturesFunction": {"Ref": alias_of(stage, "custom-train").logical_id},
        "RowsFunction": {"Ref": alias_of(stage, "star-train").logical_id},
    }
    assert properties["DefinitionSubstitutions"] == aliases
    assert invoked_by(stage, properties["RoleArn"]) == sorted(map(flat, aliases.values()))


def test_versions_of_models_stay_and_what_trainings_leave_behind_goes(stage: Synthesised) -> None:
    bucket = stage.named(BUCKET, "BucketName", f"skysort-models-{stage.stage.name}").properties
    days = stage.stage.model_retention
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["LoggingConfiguration"]["LogFilePrefix"] == "models/"
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    expiring = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules.values() if "ExpirationInDays" in rule}
    assert expiring == {"intermediates/": days.intermediates, "trainings/": days.trainings}
    assert rules["old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": days.old}
    assert "ExpirationInDays" not in rules["old-versions"]


def test_a_request_outlives_the_message_that_it_started_nothing() -> None:
    with pytest.raises(StageError, match="14 days of their dead letters"):
        ModelRetention(trainings=14)
    with pytest.raises(StageError, match="intermediates must be at least 1 day"):
        ModelRetention(intermediates=0)
