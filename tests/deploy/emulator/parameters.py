"""A resource's properties, spelled as CloudFormation does, as the parameters of its service's API call.

CloudFormation hands most properties on under the same name; what differs is regular, and told by the call's own
description in botocore: the case of names, lists of tags for maps, counted lists, policy documents for text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.model import ListShape, MapShape, StructureShape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import Shape

_COUNTED = {"Quantity", "Items"}
_WHOLE = {"integer", "long"}


class UnknownPropertyError(ValueError):
    """A property that the service's call has no parameter for: this emulator would silently drop it."""


def parameters(shape: Shape, value: Any, path: str) -> Any:
    """Convert a property's value to what the call's parameter takes.

    path: the property's, for the UnknownPropertyError that says which one cannot be handed on.
    """
    if isinstance(shape, StructureShape):
        return _structure(shape, value, path)
    if isinstance(shape, MapShape):
        if isinstance(value, list):
            return {tag["Key"]: tag["Value"] for tag in value}
        return {key: parameters(shape.value, part, f"{path}.{key}") for key, part in value.items()}
    if isinstance(shape, ListShape):
        return [parameters(shape.member, part, f"{path}[{i}]") for i, part in enumerate(value)]
    return _scalar(shape.type_name, value)


def _structure(shape: StructureShape, value: Any, path: str) -> Any:
    members: Mapping[str, Shape] = shape.members
    if isinstance(value, list) and set(members) >= _COUNTED:
        return {"Quantity": len(value), "Items": parameters(members["Items"], value, path)}
    by_name = {name.lower(): name for name in members}
    converted = {}
    for name, part in value.items():
        member = by_name.get(name.lower())
        if member is None:
            raise UnknownPropertyError(f"{path}.{name}: the API has no such parameter; it has {', '.join(members)}")
        converted[member] = parameters(members[member], part, f"{path}.{name}")
    return converted


def _scalar(kind: str, value: Any) -> Any:
    if kind == "string":
        return value if isinstance(value, str) else json.dumps(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else value == "true"
    if kind in _WHOLE:
        return int(value)
    return float(value) if kind in {"double", "float"} else value
