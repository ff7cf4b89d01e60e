"""In which order a template's resources are made: what a resource refers to, or depends on, comes first."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_IN_TEXT: Final = re.compile(r"\$\{([^!.}][^.}]*)")


def order(resources: Mapping[str, Any]) -> list[str]:
    """The logical ids of a template's resources, each after those that it needs."""
    return [logical_id for wave in waves(resources) for logical_id in wave]


def waves(resources: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The logical ids in groups: CloudFormation makes those of a group at once."""
    sorter = TopologicalSorter({logical_id: needs(resource, resources) for logical_id, resource in resources.items()})
    sorter.prepare()
    while sorter.is_active():
        ready = sorter.get_ready()
        yield ready
        sorter.done(*ready)


def needs(resource: Mapping[str, Any], resources: Mapping[str, Any]) -> set[str]:
    """The logical ids that a resource refers to or depends on."""
    depends = resource.get("DependsOn", ())
    named = {depends} if isinstance(depends, str) else set(depends)
    return (named | set(_references(resource.get("Properties", {})))) & resources.keys()


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for part in value:
            yield from _references(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _named(key, part)
            yield from _references(part)


def _named(key: str, part: Any) -> Iterable[str]:
    if key == "Ref":
        return (part,)
    if key == "Fn::GetAtt":
        return (part[0] if isinstance(part, list) else part.partition(".")[0],)
    if key == "Fn::Sub":
        return _IN_TEXT.findall(part if isinstance(part, str) else part[0])
    return ()
