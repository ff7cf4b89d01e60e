"""The CDK app synthesised once a stage: its templates, and what cdk-nag finds in it."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra import ROOT, node

node.use()

import aws_cdk as cdk  # noqa: E402 - starts Node.js, which has to be chosen first
from cdk_nag import AwsSolutionsChecks  # noqa: E402

from infra.app import build  # noqa: E402
from infra.stages.config import stage as configured  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.stages.stage import AwsStage

CONTEXT: Final[dict[str, Any]] = json.loads((ROOT / "infra" / "cdk.json").read_text())["context"]

# What a deployment has to say of a stage.
SAID: Final[Mapping[str, Mapping[str, str]]] = {"prod": {"mail": "sky@example.org"}}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a template. path: where its construct stands in the tree, without the stack and `Resource`."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    path: str
    whole: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Synthesised:
    """A stage's app.

    templates: by stack; paths: of each the construct paths by logical id; files: where the templates lie.
    findings: of cdk-nag, those without a written reason.
    """

    stage: AwsStage
    app: cdk.App
    templates: Mapping[str, Mapping[str, Any]]
    paths: Mapping[str, Mapping[str, str]]
    files: tuple[Path, ...]
    findings: tuple[str, ...]

    def resources(self, *types: str) -> list[Resource]:
        """Every resource of these types in every stack; of any type without."""
        found = [one for stack, template in self.templates.items() for one in _resources(template, self.paths[stack])]
        return [resource for resource in found if not types or resource.type in types]

    def one(self, logical_id: str) -> Resource:
        """The resource of a logical id."""
        (found,) = [resource for resource in self.resources() if resource.logical_id == logical_id]
        return found

    def named(self, type_: str, name_property: str, start: str) -> Resource:
        """The one resource of a type whose name begins so."""
        (found,) = [
            resource
            for resource in self.resources(type_)
            if flat(resource.properties.get(name_property)).startswith(start)
        ]
        return found


def synthesise(name: str, folder: Path, more: Mapping[str, str] | None = None) -> Synthesised:
    """Synthesise a stage, with more context, into a folder."""
    said = {"stage": name, **(SAID.get(name, {}) if more is None else more)}
    app = cdk.App(context={**CONTEXT, **said}, outdir=str(folder))
    build(app)
    report = AwsSolutionsChecks(app).validate_scope(app)
    findings = sorted(
        f"{found.rule_name} at {where.construct_path}: {found.description}"
        for found in report.violations
        for where in found.violating_resources
    )
    assembly = app.synth()
    stacks = assembly.stacks_recursively
    return Synthesised(
        stage=configured(name, said),
        app=app,
        templates={stack.stack_name: stack.template for stack in stacks},
        paths={stack.stack_name: _paths(stack) for stack in stacks},
        files=tuple(Path(stack.template_full_path) for stack in stacks),
        findings=tuple(findings),
    )


@functools.cache
def shared(name: str, **more: str) -> Synthesised:
    """A stage with more context, synthesised once for all tests of this process."""
    folder = tempfile.mkdtemp(prefix="skysort-synth-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return synthesise(name, Path(folder), more or None)


def _paths(stack: Any) -> dict[str, str]:
    """Construct paths by logical id, without the stack's name and the last `Resource`."""
    found = stack.find_metadata_by_type("aws:cdk:logicalId")
    return {entry.data: entry.path.split("/", 2)[2].removesuffix("/Resource") for entry in found}


def _resources(template: Mapping[str, Any], paths: Mapping[str, str]) -> Iterator[Resource]:
    for logical_id, whole in template.get("Resources", {}).items():
        yield Resource(logical_id, whole["Type"], whole.get("Properties", {}), paths[logical_id], whole)


def flat(value: Any) -> str:
    """A value of a template as one reads it: ``arn:<AWS::Partition>:s3:::name``, ``<Queue.Arn>``."""
    if isinstance(value, dict) and len(value) == 1:
        ((kind, of),) = value.items()
        if kind == "Ref":
            return f"<{of}>"
        if kind == "Fn::GetAtt":
            return f"<{'.'.join(of)}>"
        if kind == "Fn::Join":
            return str(of[0]).join(flat(part) for part in of[1])
        if kind == "Fn::Sub" and isinstance(of, str):
            return of
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
