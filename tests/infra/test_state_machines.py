"""The definition of bulk jobs before validators of States Language, as that of trainings in test_trainings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.api import ManualArgs, lint

from infra.stages.deployments import AWS_STAGES
from infra.state_machine.bulk import Family, bulk_definition
from tests.infra.test_trainings import MACHINE, complaints, validator

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["validator"]


def definition() -> dict[str, Any]:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:{}:live".format
    parts = AWS_STAGES["prod"]().bulk_parts
    return bulk_definition(arn("bulk"), {name: Family(arn(name), at_once) for name, at_once in parts.items()})


@pytest.mark.usefixtures("validator")
def test_a_validator_of_states_language_finds_nothing(tmp_path: Path) -> None:
    assert complaints(definition(), tmp_path) == ""


@pytest.mark.usefixtures("validator")
@pytest.mark.parametrize(
    ("field", "value"), [("Next", "Nowhere"), ("ItemReader", {"Resource": 5}), ("MaxConcurrency", "many")]
)
def test_the_validator_would_find_a_fault_of_the_map(field: str, value: Any, tmp_path: Path) -> None:
    broken = definition()
    broken["States"]["PartsStar"][field] = value
    assert complaints(broken, tmp_path)


@pytest.mark.parametrize(("start", "faults"), [("Plan", 0), ("Nowhere", 1)])
def test_cfn_lint_reads_the_definition(start: str, faults: int) -> None:
    properties = {
        "StateMachineType": "STANDARD",
        "DefinitionString": json.dumps({**definition(), "StartAt": start}),
        "RoleArn": "arn:aws:iam::123456789012:role/x",
    }
    template = {"Resources": {"Machine": {"Type": MACHINE, "Properties": properties}}}
    found = lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"]))
    assert len(found) == faults, found


def test_no_name_of_a_state_is_used_twice() -> None:
    """Step Functions wants them unique in the whole machine, in the processors of its Maps too."""
    whole = definition()
    names = list(whole["States"])
    for state in whole["States"].values():
        names += state.get("ItemProcessor", {"States": {}})["States"]
    assert len(names) == len(set(names))
