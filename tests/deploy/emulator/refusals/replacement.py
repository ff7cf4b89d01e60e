"""A resource that has a name of its own, and must be replaced.

"You can't perform an update that causes a custom-named resource to be replaced. If you must replace the resource,
specify a new name" ("Name type", AWS CloudFormation User Guide): CloudFormation makes the new one before it deletes the
old one, and both would have the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.deploy.emulator.formation.schema import at, create_only
from tests.deploy.emulator.refusals.errors import RefusedError
from tests.deploy.emulator.refusals.names import name

if TYPE_CHECKING:
    from collections.abc import Mapping


def replaces(type_: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a change makes a new resource; raises RefusedError where its name would be the old one's."""
    if all(at(before, path) == at(after, path) for path in create_only(type_)):
        return False
    named = name(type_, after)
    if named is not None and named == name(type_, before):
        raise RefusedError(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {named} and update the stack again."
        )
    return True
