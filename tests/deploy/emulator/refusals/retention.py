"""What outlives its stack, or a roll-back: where it is in the way of the next deployment.

"RetainExceptOnCreate behaves the same as Retain except for the stack operation that initially creates the resource. If
the stack operation that created the resource is rolled back, CloudFormation deletes the resource" ("DeletionPolicy
attribute", AWS CloudFormation User Guide). "Retain also preserves resources ... that are deleted immediately after
creation during rollbacks. These resources interfere with retries of the stack operation" ("AWS CloudFormation enhances
deletion policies to accelerate dev-test cycle").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_RETAIN: Final = "Retain"


def survives_deletion(resource: Mapping[str, Any]) -> bool:
    """Whether a resource stays where its stack, or its entry in the template, goes."""
    return str(resource.get("DeletionPolicy", "Delete")).startswith(_RETAIN)


def survives_rollback(resource: Mapping[str, Any]) -> bool:
    """Whether a resource stays where the operation that made it is rolled back."""
    return resource.get("DeletionPolicy") == _RETAIN


def survives_replacement(resource: Mapping[str, Any]) -> bool:
    """Whether the old resource stays where a new one replaces it ("UpdateReplacePolicy attribute")."""
    return resource.get("UpdateReplacePolicy") == _RETAIN
