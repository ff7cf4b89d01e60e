"""checkov on the templates, and the deployer's policies against IAM's own list of actions, which comes with it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from infra import ROOT
from infra.commands.deployer.policies import Account, execution
from tests.infra.checkov_environment import findings, resource_types
from tests.infra.checkov_reasons import REASONS

if TYPE_CHECKING:
    from tests.infra.synth import Synthesised

# Its start alone takes seconds, so all templates are read at once.
pytestmark = pytest.mark.timeout(300)


OPEN = "AWS::S3::Bucket.OpenToEverybody"


@pytest.fixture(scope="module")
def all_found(dev: Synthesised, prod: Synthesised, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """What checkov finds in both stages, in the roles of continuous deployment, and in a template to be refused."""
    template = tmp_path_factory.mktemp("checkov") / "open.template.json"
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"AccessControl": "PublicRead"}}
    document = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {OPEN.partition(".")[2]: bucket}}
    template.write_text(json.dumps(document), encoding="utf-8")
    return findings([*dev.files, *prod.files, ROOT / "infra" / "github" / "roles.yaml", template])


@pytest.fixture(scope="module")
def found(all_found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What it finds in what is ours."""
    return [(check, resource) for check, resource in all_found if resource != OPEN]


def test_every_finding_has_a_written_reason(found: list[tuple[str, str]]) -> None:
    unexplained = [
        (check, resource)
        for check, resource in found
        if not any(check == one.check and re.fullmatch(one.resources, resource) for one in REASONS)
    ]
    assert unexplained == []


def test_every_reason_is_a_sentence_that_is_needed(found: list[tuple[str, str]]) -> None:
    checks = {check for check, _ in found}
    assert [reason.check for reason in REASONS if reason.check not in checks] == []
    assert [reason.check for reason in REASONS if len(reason.sentence.split()) < 6] == []


def test_it_would_find_something(all_found: list[tuple[str, str]]) -> None:
    assert ("CKV_AWS_20", OPEN) in all_found


def test_a_deployer_s_action_has_a_star_if_and_only_if_it_takes_no_resource(prod: Synthesised) -> None:
    # Given the statements of CloudFormation's role, and what IAM says of their actions
    policies = execution(list(prod.templates.values()), Account("123456789012", "eu-west-1"))
    anywhere = {
        action: statement["Resource"] == ["*"]
        for policy in policies
        for statement in policy["Statement"]
        for action in statement["Action"]
    }
    known = resource_types(anywhere)
    assert len(known) > 150
    # Then
    assert {action: kinds for action, kinds in known.items() if anywhere[action] and kinds} == {}
    assert [action for action, kinds in known.items() if not anywhere[action] and not kinds] == []
