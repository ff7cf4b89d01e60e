"""The configuration that infra/README.md shows, and what its settings for a platform become in the templates."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from infra import ROOT
from infra.stages.config import stage
from infra.stages.functions import StageError
from tests.infra.synth import Synthesised, flat, synthesise

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECTION = (
    (ROOT / "infra" / "README.md").read_text(encoding="utf-8").partition("## Configuration\n")[2].partition("\n## ")[0]
)
(EXAMPLE,) = re.findall(r"```toml\n(.*?)```", SECTION, re.DOTALL)
STAGES = tuple(tomllib.loads(EXAMPLE)["stages"])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The README's example as a file."""
    path = tmp_path_factory.mktemp("configuration") / "stages.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def survey(file: str, tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """Its stage in an account with a platform team's rules."""
    return synthesise("survey", tmp_path_factory.mktemp("survey"), {"config": file})


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_of_the_example_can_be_deployed(file: str, name: str) -> None:
    found = stage(name, {"config": file})
    assert found.name == name
    found.operations.check_recipients(name)


def test_a_small_account_gets_no_function_above_its_quota_and_no_reservation(survey: Synthesised) -> None:
    functions = [function.properties for function in survey.resources("AWS::Lambda::Function")]
    assert max(function["MemorySize"] for function in functions) == 3_008
    assert not [function for function in functions if "ReservedConcurrentExecutions" in function]


def test_every_role_has_the_boundary(survey: Synthesised) -> None:
    roles = survey.resources("AWS::IAM::Role")
    assert len(roles) > 10
    assert {role.properties.get("PermissionsBoundary") for role in roles} == {survey.stage.permissions_boundary}


def test_stacks_use_the_bootstrap_of_their_qualifier(survey: Synthesised) -> None:
    versions = [template["Parameters"]["BootstrapVersion"]["Default"] for template in survey.templates.values()]
    assert versions == ["/cdk-bootstrap/skysort/version"] * 2


def test_outputs_are_parameters_too(survey: Synthesised) -> None:
    outputs: Mapping[str, str] = {
        name: flat(output["Value"])
        for template in survey.templates.values()
        for name, output in template["Outputs"].items()
        if not name.startswith("ExportsOutput")
    }
    parameters = {
        one.properties["Name"]: flat(one.properties["Value"]) for one in survey.resources("AWS::SSM::Parameter")
    }
    assert parameters == {f"/skysort/survey/{name}": value for name, value in outputs.items()}
    assert "/skysort/survey/ApiUrl" in parameters


def test_what_outlives_a_stage_can_be_adopted_by_the_next(survey: Synthesised) -> None:
    """Only static names are imported: "Dynamic names (using !Ref or other functions) are not currently supported"."""
    kept = [one for one in survey.resources() if one.whole.get("DeletionPolicy", "").startswith("Retain")]
    named = [
        value
        for resource in kept
        for key, value in resource.properties.items()
        if key in {"BucketName", "LogGroupName"} and resource.type in {"AWS::S3::Bucket", "AWS::Logs::LogGroup"}
    ]
    assert "skysort-drop-survey-123456789012-eu-west-1" in named
    assert "/aws/lambda/skysort-star-survey" in named
    assert [name for name in named if not isinstance(name, str)] == []


def test_prod_without_recipients_is_not_synthesised(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="stage prod has alarms, but they would notify nobody: name recipients"):
        synthesise("prod", tmp_path, {})
