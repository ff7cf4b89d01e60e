"""Every permission of the deployed service as one table: `make policies` writes it, a test holds it to the templates.

A change of permissions is thereby a change of lines that a reviewer reads.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.infra.synth import Synthesised, flat, synthesise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

TABLE: Final = Path(__file__).with_name("policies.md")
_HEAD: Final = """# Permissions

Written by `make policies` from the templates of every stage. `<stage>` stands for the stage's name; the last column
says which stages have the line.

## What each role may do

No action has a wildcard. A resource that ends in one has a written reason where the permission is given.

| role | action | on | if | stages |
|---|---|---|---|---|
"""
_RESOURCES: Final = """
## Who may do what with a resource

What resources themselves allow (buckets, queues, topic, key, functions) and refuse: `deny` lines hold for everybody.

| resource | who | action | if | stages |
|---|---|---|---|---|
"""
# The condition of what a stopped stage may not do (infra/constructs/brake.py).
STOPPED: Final = "a brake has stopped the stage"
_OF_RESOURCES: Final = {
    "AWS::S3::BucketPolicy": "Bucket",
    "AWS::SQS::QueuePolicy": "Queues",
    "AWS::SNS::TopicPolicy": "Topics",
    "AWS::KMS::Key": "KeyPolicy",
}
_PSEUDO: Final = {"<AWS::Partition>": "aws", "<AWS::AccountId>": "<account>", "<AWS::Region>": "<region>"}
Row = tuple[str, ...]


def table(stages: Iterable[Synthesised]) -> str:
    """Both tables as Markdown."""
    roles: dict[Row, list[str]] = defaultdict(list)
    resources: dict[Row, list[str]] = defaultdict(list)
    for stage in stages:
        for found, rows in ((roles, role_rows(stage)), (resources, resource_rows(stage))):
            for row in sorted(set(rows)):
                found[row].append(stage.stage.name)
    return _HEAD + _markdown(roles) + _RESOURCES + _markdown(resources)


def role_rows(stage: Synthesised) -> Iterator[Row]:
    """Role, action, resource, condition of everything that a role may do."""
    names = {resource.logical_id: resource.path for resource in stage.resources()}
    for role in stage.resources("AWS::IAM::Role"):
        for policy in role.properties.get("Policies", ()):
            yield from _statements(stage, names, role.path, policy["PolicyDocument"])
        for managed in role.properties.get("ManagedPolicyArns", ()):
            yield role.path, "managed policy", _spelled(stage, names, managed), ""
    for policy in stage.resources("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for role in policy.properties.get("Roles", ()):
            yield from _statements(stage, names, names[role["Ref"]], policy.properties["PolicyDocument"])
    yield from _brake_rows(stage, names)


def invoked_by(stage: Synthesised, role: Mapping[str, Any]) -> list[str]:
    """What the role of an ARN may invoke."""
    (invoked,) = [
        statement["Resource"]
        for policy in stage.resources("AWS::IAM::Policy")
        if policy.properties["Roles"] == [{"Ref": role["Fn::GetAtt"][0]}]
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Action"] == "lambda:InvokeFunction"
    ]
    return sorted(map(flat, invoked))


def _brake_rows(stage: Synthesised, names: Mapping[str, str]) -> Iterator[Row]:
    """What roles may not do any more once a brake has stopped the stage."""
    for action in stage.resources("AWS::Budgets::BudgetsAction"):
        definition = action.properties["Definition"]["IamActionDefinition"]
        policy = stage.one(definition["PolicyArn"]["Ref"])
        for role in definition["Roles"]:
            for path, what, on, condition in _statements(
                stage, names, names[role["Ref"]], policy.properties["PolicyDocument"]
            ):
                yield path, what, on, f"{STOPPED}, {condition}" if condition else STOPPED


def _statements(stage: Synthesised, names: Mapping[str, str], role: str, document: Mapping[str, Any]) -> Iterator[Row]:
    for statement in document["Statement"]:
        deny = "deny " if statement["Effect"] == "Deny" else ""
        for action in _listed(statement["Action"]):
            for on in _listed(statement["Resource"]):
                condition = _condition(stage, names, statement)
                yield role, deny + action, _spelled(stage, names, on), condition


def resource_rows(stage: Synthesised) -> Iterator[Row]:
    """Resource, principal, action, condition of everything that resources themselves say."""
    names = {resource.logical_id: resource.path for resource in stage.resources()}
    for found in stage.resources(*_OF_RESOURCES):
        at = found.properties.get(_OF_RESOURCES[found.type])
        document = found.properties.get("PolicyDocument") or found.properties["KeyPolicy"]
        ours = found.type == "AWS::KMS::Key"
        targets = [f"<{found.path}>"] if ours else [_spelled(stage, names, one) for one in _listed(at)]
        for statement in document["Statement"]:
            deny = "deny " if statement["Effect"] == "Deny" else ""
            for target in targets:
                for who in _principals(stage, names, statement["Principal"]):
                    for action in _listed(statement["Action"]):
                        yield target, who, deny + action, _condition(stage, names, statement)
    for permission in stage.resources("AWS::Lambda::Permission"):
        properties = permission.properties
        function = _spelled(stage, names, properties["FunctionName"])
        source = _spelled(stage, names, properties.get("SourceArn", ""))
        yield function, properties["Principal"], properties["Action"], f"SourceArn {source}" if source else ""


def _principals(stage: Synthesised, names: Mapping[str, str], principal: Any) -> list[str]:
    if isinstance(principal, str):
        return [principal]
    return [_spelled(stage, names, one) for many in principal.values() for one in _listed(many)]


def _condition(stage: Synthesised, names: Mapping[str, str], statement: Mapping[str, Any]) -> str:
    parts = [
        f"{key} {operator} {_spelled(stage, names, value)}"
        for operator, terms in statement.get("Condition", {}).items()
        for key, value in terms.items()
    ]
    return ", ".join(sorted(parts))


def _spelled(stage: Synthesised, names: Mapping[str, str], value: Any) -> str:
    """A value with logical ids as construct paths, and the stage's name as <stage>."""
    text = re.sub(r"<([A-Za-z0-9]+)((?:\.[A-Za-z]+)*)>", lambda at: f"<{names.get(at[1], at[1])}{at[2]}>", flat(value))
    for pseudo, short in _PSEUDO.items():
        text = text.replace(pseudo, short)
    return re.sub(rf"-{stage.stage.name}\b", "-<stage>", text)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _markdown(rows: Mapping[Row, list[str]]) -> str:
    lines = (" | ".join((*(f"`{cell}`" if cell else "" for cell in row), ", ".join(rows[row]))) for row in sorted(rows))
    return "".join(f"| {line} |\n" for line in lines)


def main() -> None:
    """Write the table anew."""
    with tempfile.TemporaryDirectory() as folder:
        stages = [synthesise(name, Path(folder) / name) for name in ("dev", "prod")]
        TABLE.write_text(table(stages))
    sys.stdout.write(f"{TABLE.name}: {TABLE.read_text().count(chr(10))} lines\n")


if __name__ == "__main__":
    main()
