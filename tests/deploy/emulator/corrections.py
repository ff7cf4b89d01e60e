"""What moto does otherwise than AWS, where a deployment would notice; corrected in this process.

The corrections reach into moto's own classes, as it has no hooks for them: they hold for the moto that
requirements.txt locks.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from moto.cloudformation import parsing
from moto.cloudformation.models import ChangeSet, CloudFormationBackend, cloudformation_backends
from moto.cloudformation.parsing import ResourceMap
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from tests.deploy.emulator.custom import CustomResource

if TYPE_CHECKING:
    from collections.abc import Iterable


def correct_moto() -> None:
    """Change moto's CloudFormation and S3 in this process."""
    _make_dependencies_first()
    _delete_dependents_first()
    _refuse_unknown_types()
    _show_outputs_of_change_sets()
    _roll_back()
    _read_no_conditions_as_always()
    _log_before_the_policy()


def _make_dependencies_first() -> None:
    """AWS makes what DependsOn names first; moto follows references alone when it executes a change set."""
    make_one = ResourceMap.__getitem__

    def make(self: ResourceMap, key: str) -> Any:
        resource = self._resource_json_map.get(key)
        if resource is not None and key not in self._parsed_resources:
            for dependency in _names(resource.get("DependsOn", ())):
                self[dependency]
        return make_one(self, key)

    ResourceMap.__getitem__ = make  # type: ignore[method-assign]


def _delete_dependents_first() -> None:
    """AWS deletes in the reverse order; moto in any, until nothing is left that fails."""

    def delete(self: ResourceMap) -> None:
        for logical_id, resource in reversed(list(self._parsed_resources.items())):
            template = self._resource_json_map.get(logical_id)
            if template is not None and resource is not None and template.get("DeletionPolicy") != "Retain":
                self._delete_resource(resource, template)
                del self._parsed_resources[logical_id]

    ResourceMap.delete = delete  # type: ignore[method-assign]


def _refuse_unknown_types() -> None:
    """Moto leaves out a resource of a type that it does not know, and everything goes on as if it were there."""
    find = parsing.resource_class_from_type

    def find_or_refuse(resource_type: str) -> Any:
        if resource_type.startswith("Custom::"):
            return CustomResource
        found: Any = find(resource_type)
        if found is None and resource_type not in parsing.NULL_MODELS:
            raise LookupError(f"the emulated CloudFormation has no {resource_type}: see tests/deploy/emulator")
        return found

    parsing.resource_class_from_type = find_or_refuse


def _roll_back() -> None:
    """AWS rolls a stack back and says why in its events; moto answers the caller with an error page."""
    execute = CloudFormationBackend.execute_change_set

    def execute_or_roll_back(self: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
        try:
            execute(self, change_set_name, stack_name)
        except Exception as error:
            logging.getLogger(__name__).exception("%s failed", change_set_name)
            change_set = self.change_sets.get(change_set_name) or next(
                found for found in self.change_sets.values() if found.change_set_name == change_set_name
            )
            kind = "" if change_set.change_set_type == "CREATE" else "UPDATE_"
            change_set.stack._add_stack_event(f"{kind}ROLLBACK_COMPLETE", f"{type(error).__name__}: {error}")
            change_set.stack.status = f"{kind}ROLLBACK_COMPLETE"

    CloudFormationBackend.execute_change_set = execute_or_roll_back  # type: ignore[method-assign]


def _show_outputs_of_change_sets() -> None:
    """AWS shows a stack's template and outputs after a change set, and other stacks its exports; moto neither."""
    apply = ChangeSet.apply

    def apply_whole(self: ChangeSet) -> None:
        exports = cloudformation_backends[self.stack.account_id][self.stack.region_name].exports
        self.stack.resource_map.cross_stack_resources = exports
        apply(self)
        self.stack.template = self.template
        self.stack._parse_template()
        self.stack.output_map = self.stack._create_output_map()
        exports.update({export.name: export for export in self.stack.exports})

    ChangeSet.apply = apply_whole  # type: ignore[method-assign]


def _read_no_conditions_as_always() -> None:
    """AWS denies what is not sent by TLS; moto reads no conditions, and would deny everything to everybody."""

    def permission(self: FakeBucket, action: str, resource: str) -> PermissionResult:
        statements = json.loads(self.policy)["Statement"] if self.policy else []
        unconditional = [statement for statement in statements if "Condition" not in statement]
        if not unconditional:
            return PermissionResult.NEUTRAL
        return IAMPolicy({"Version": "2012-10-17", "Statement": unconditional}).is_action_permitted(action, resource)

    FakeBucket.get_permission = permission  # type: ignore[method-assign]


def _log_before_the_policy() -> None:
    """AWS takes a bucket's log settings before the policy that lets the logs in, which names that bucket; moto not."""
    FakeBucket._log_permissions_enabled_policy = staticmethod(lambda **_: True)  # type: ignore[method-assign,assignment]


def _names(dependencies: str | Iterable[str]) -> Iterable[str]:
    return (dependencies,) if isinstance(dependencies, str) else dependencies
