"""Templates for deployments in this process: the synthesised ones, parts of them, and what they were before."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from tests.deploy.emulator.formation.order import needs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Template = dict[str, Any]
REPOSITORY: Final = "123456789012.dkr.ecr.us-east-1.amazonaws.com/cdk-hnb659fds-container-assets-123456789012-us-east-1"


def part(template: Mapping[str, Any], *wanted: str) -> Template:
    """These resources of a template with what they need, and nothing else of it."""
    resources, found, left = template["Resources"], set[str](), list(wanted)
    while left:
        logical_id = left.pop()
        if logical_id not in found:
            found.add(logical_id)
            left += needs(resources[logical_id], resources)
    kept = {name: copy.deepcopy(resource) for name, resource in resources.items() if name in found}
    others = {name: template[name] for name in ("Parameters", "Conditions", "Mappings") if name in template}
    return {**others, "Resources": kept}


def of_type(template: Mapping[str, Any], type_: str, start: str = "") -> list[str]:
    """The logical ids of a type that begin so."""
    return [name for name, one in template["Resources"].items() if one["Type"] == type_ and name.startswith(start)]


def version_of(template: Mapping[str, Any], function: str) -> str:
    """The logical id of a function's version."""
    resources = template["Resources"]
    versions = of_type(template, "AWS::Lambda::Version")
    (found,) = [name for name in versions if resources[name]["Properties"]["FunctionName"] == {"Ref": function}]
    return found


def alias_of(template: Mapping[str, Any], function: str) -> str:
    """The logical id of a function's alias."""
    resources = template["Resources"]
    aliases = of_type(template, "AWS::Lambda::Alias")
    (found,) = [name for name in aliases if resources[name]["Properties"]["FunctionName"] == {"Ref": function}]
    return found


def released(template: Mapping[str, Any], function: str, tag: str, **properties: Any) -> Template:
    """The next release of a function: an image under this tag, and a version of it, as CDK names versions."""
    version = version_of(template, function)
    code = {"ImageUri": f"{REPOSITORY}:{tag}"}
    return renamed(with_properties(template, function, Code=code, **properties), version, f"{function}Version{tag}")


def without_imports(template: Mapping[str, Any]) -> Template:
    """A template with words in place of what other stacks export."""

    def given(value: Any) -> Any:
        if isinstance(value, dict):
            return "imported" if "Fn::ImportValue" in value else {key: given(part) for key, part in value.items()}
        return [given(part) for part in value] if isinstance(value, list) else value

    found: Template = given(dict(template))
    found.pop("Outputs", None)
    return found


def with_properties(template: Mapping[str, Any], logical_id: str, **properties: Any) -> Template:
    """A template whose resource has other properties."""
    changed: Template = copy.deepcopy(dict(template))
    changed["Resources"][logical_id]["Properties"] |= properties
    return changed


def with_policies(template: Mapping[str, Any], policy: Callable[[str | None], str | None]) -> Template:
    """A template whose resources have other deletion policies, by the ones that they have."""
    changed: Template = copy.deepcopy(dict(template))
    for resource in changed["Resources"].values():
        found = policy(resource.get("DeletionPolicy"))
        if found is not None:
            resource["DeletionPolicy"] = found
    return changed


def retained(template: Mapping[str, Any]) -> Template:
    """A template as it was when everything that outlives its stack was retained from the beginning."""
    return with_policies(template, lambda policy: "Retain" if policy and policy.startswith("Retain") else None)


def renamed(template: Mapping[str, Any], before: str, after: str) -> Template:
    """A template with another logical id for a resource, wherever it is named."""

    def rename(value: Any) -> Any:
        if isinstance(value, dict):
            return {rename(key): rename(part) for key, part in value.items()}
        if isinstance(value, list):
            return [rename(part) for part in value]
        return after if value == before else value

    found: Template = rename(copy.deepcopy(dict(template)))
    return found
