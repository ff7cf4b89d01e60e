"""What others' rules say of the templates: cdk-nag's AwsSolutions pack and cfn-lint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cfnlint.api import ManualArgs, lint

if TYPE_CHECKING:
    from tests.infra.synth import Synthesised

# W3005: a dependency named twice. CDK lets a function wait for its role and for the role's policy, by one list.
WITH_A_REASON = ["W3005"]


def test_every_finding_of_cdk_nag_has_a_written_reason(stage: Synthesised) -> None:
    assert stage.findings == ()


def test_a_reason_is_a_sentence_and_stands_on_the_part_that_it_is_about(stage: Synthesised) -> None:
    # Given every reason that was written down, and where
    reasons = {
        (construct.node.path, rule): reason
        for construct in stage.app.node.find_all()
        for entry in construct.node.metadata
        if entry.type == "aws:cdk:acknowledged-rules"
        for rule, reason in entry.data.items()
    }
    assert reasons
    # Then none is about a whole stack, and each says why
    assert [path for path, _ in reasons if path.count("/") < 2] == []
    assert [reason for reason in reasons.values() if len(reason.split()) < 6] == []


def test_cfn_lint_finds_nothing(stage: Synthesised) -> None:
    wanted = ManualArgs(ignore_checks=WITH_A_REASON, regions=[stage.stage.region or "us-east-1"])
    found = [match for file in stage.files for match in lint(file.read_text(), config=wanted)]
    assert [f"{match.rule.id} {match.message}" for match in found] == []


def test_cfn_lint_would_find_something() -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 50_000}}
    assert lint(json.dumps({"Resources": {"Queue": queue}}), config=ManualArgs(regions=["us-east-1"]))
