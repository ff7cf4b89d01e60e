"""Nobody may do more than is needed, and a change of what may be done is a change of lines in policies.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.policies import STOPPED, TABLE, resource_rows, role_rows, table
from tests.infra.synth import flat

if TYPE_CHECKING:
    from tests.infra.synth import Synthesised

# What a role may do on every resource: actions that AWS offers on no single one.
ON_EVERYTHING = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# The roles that AWS has a managed policy for, and nothing narrower.
MANAGED = {
    "Api/Rest/CloudWatchRole": "AmazonAPIGatewayPushToCloudWatchLogs",
    "RollOut/control-shift/ServiceRole": "AWSCodeDeployRoleForLambdaLimited",
}
# What the state machine's role needs besides, for its own logs and traces; no code runs by it.
OF_THE_MACHINE = {
    *(f"logs:{action}LogDelivery" for action in ("Create", "Delete", "Get", "Update")),
    *("logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:ListLogDeliveries", "logs:PutResourcePolicy"),
    *("xray:GetSamplingRules", "xray:GetSamplingTargets"),
}


def test_the_committed_table_is_what_the_templates_say(dev: Synthesised, prod: Synthesised) -> None:
    assert table([dev, prod]) == TABLE.read_text(), "permissions changed: make policies, and read the difference"


def test_no_action_has_a_wildcard(stage: Synthesised) -> None:
    actions = [action for _, action, _, _ in role_rows(stage)]
    assert actions
    assert [action for action in actions if "*" in action] == []


def allowed(stage: Synthesised) -> set[tuple[str, str, str]]:
    """Role, action and resource of what the code that runs by a role may do: without what it is denied always."""
    rows = [(role, action, on) for role, action, on, condition in role_rows(stage) if not condition.startswith(STOPPED)]
    denied = {(role, action.removeprefix("deny "), on) for role, action, on in rows if action.startswith("deny ")}
    return {row for row in rows if not row[1].startswith("deny ")} - denied


def test_only_traces_are_allowed_on_every_resource(stage: Synthesised) -> None:
    """What Lambda needs for the interfaces of an isolated function is denied to the function itself."""
    everywhere = {(role, action) for role, action, on in allowed(stage) if on == "*"}
    assert {action for _, action in everywhere} - OF_THE_MACHINE == ON_EVERYTHING
    assert {role for role, action in everywhere if action in OF_THE_MACHINE} == {"Bulk/Jobs/Role", "Trainings/Role"}
    others = {action for _, action, on, _ in role_rows(stage) if on == "*"} - ON_EVERYTHING - OF_THE_MACHINE
    assert not [action for action in others if not action.removeprefix("deny ").startswith("ec2:")]


def test_managed_policies_are_only_where_aws_offers_nothing_narrower(stage: Synthesised) -> None:
    found = [(role, on) for role, action, on, _ in role_rows(stage) if action == "managed policy"]
    assert [(role, on) for role, on in found if not on.endswith("/" + MANAGED.get(role, "?"))] == []


def test_every_function_has_a_role_of_its_own(stage: Synthesised) -> None:
    roles = [flat(function.properties["Role"]) for function in stage.resources("AWS::Lambda::Function")]
    assert len(set(roles)) == len(roles)


def test_only_named_services_are_allowed_from_outside(stage: Synthesised) -> None:
    """An allow for everybody would be the door; whoever is no service is this account's root, in its own key."""
    let_in = [(on, who, action) for on, who, action, _ in resource_rows(stage) if not action.startswith("deny ")]
    strangers = [(who, action) for _, who, action in let_in if not who.endswith(".amazonaws.com")]
    assert set(strangers) <= {("arn:aws:iam::<account>:root", "kms:*")}


def test_services_act_for_this_account_only(stage: Synthesised) -> None:
    """Each allow names the account or the very resource that it is about, so that nobody else's bucket can send."""
    let_in = [row for row in resource_rows(stage) if not row[2].startswith("deny ") and row[1].endswith(".com")]
    assert let_in
    assert [row for row in let_in if "SourceA" not in row[3]] == []


@pytest.mark.parametrize("model", ["star", "galaxy", "image", "custom"])
def test_a_drop_function_touches_its_own_models_files_only(stage: Synthesised, model: str) -> None:
    rows = [(action, on) for role, action, on in allowed(stage) if role == f"{model.title()}DropFunction/Role"]
    objects = {on.partition("<region>")[2] for action, on in rows if action.startswith("s3:") and "/" in on}
    folders = [model, "custom-star"] if model == "star" else [model]
    trained = {"/models/*", "/pointers/*"} if model in {"star", "custom"} else set()
    assert objects == {key for folder in folders for key in (f"/incoming/{folder}/*", f"/{folder}/*")} | trained
    # and may change results only
    changing = {on for action, on in rows if action in {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"}}
    assert [on for on in changing if "skysort-results-" not in on] == []


@pytest.mark.parametrize("role", ["Star", "Galaxy", "Image", "Custom"])
def test_functions_that_answer_http_change_nothing(stage: Synthesised, role: str) -> None:
    actions = {action for name, action, _ in allowed(stage) if name == f"{role}Function/Role"}
    assert actions - ON_EVERYTHING - {"logs:CreateLogStream", "logs:PutLogEvents"} <= {"s3:GetObject", "s3:ListBucket"}
