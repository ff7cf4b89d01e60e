"""What AWS's own resource schemas say of a type, as cfn-lint carries them."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMAS: Final = resources.files("cfnlint") / "data" / "schemas"
_PROPERTIES: Final = "/properties/"


@cache
def _provider() -> Mapping[str, str]:
    found: Mapping[str, str] = json.loads((_SCHEMAS / "providers" / "us-east-1.json").read_text(encoding="utf-8"))
    return found


@cache
def _schema(type_: str) -> Mapping[str, Any]:
    file = _provider().get(type_)
    if file is None:
        return {}
    found: Mapping[str, Any] = json.loads((_SCHEMAS / "resources" / f"{file}.json").read_text(encoding="utf-8"))
    return found


@cache
def create_only(type_: str) -> frozenset[str]:
    """The properties that cannot change in place: `BucketName`, `Budget/BudgetName`."""
    return frozenset(path.removeprefix(_PROPERTIES) for path in _schema(type_).get("createOnlyProperties", ()))


def at(properties: Mapping[str, Any], path: str) -> Any:
    """The value at a path of properties, None where there is none."""
    value: Any = properties
    for part in path.split("/"):
        value = value.get(part) if isinstance(value, dict) else None
    return value
