"""Stacks as moto's CloudFormation has them, with operations that succeed or roll back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.cloudformation import models
from moto.cloudformation.models import ChangeSet, CloudFormationBackend, Stack
from moto.cloudformation.parsing import OutputMap
from moto.core.utils import utcnow

from tests.deploy.emulator.formation.operation import Operation
from tests.deploy.emulator.refusals.errors import RefusedError

if TYPE_CHECKING:
    import pytest

    from tests.deploy.emulator.account import Account


def operate(patch: pytest.MonkeyPatch, account: Account) -> None:
    """Have moto execute change sets and delete stacks by `Operation`."""

    def execute(self: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
        del stack_name
        change_set = _find(self, change_set_name)
        stack, creates = change_set.stack, change_set.change_set_type == "CREATE"
        if not creates:
            stack.__dict__["last_updated_time"] = utcnow()
        stack._add_stack_event("CREATE_IN_PROGRESS" if creates else "UPDATE_IN_PROGRESS", "User Initiated")
        stack.resource_map.cross_stack_resources = self.exports
        operation = Operation(account, stack)
        try:
            operation.apply(change_set.template_dict, change_set.parameters)
        except RefusedError as error:
            change_set.execution_status = "EXECUTE_FAILED"
            settled = "COMPLETE" if operation.rolled_back else "FAILED"
            _settle(stack, f"{'' if creates else 'UPDATE_'}ROLLBACK_{settled}", str(error))
            return
        change_set.execution_status = "EXECUTE_COMPLETE"
        stack.template = change_set.template
        stack._parse_template()
        stack.output_map = stack._create_output_map()
        self.exports.update({export.name: export for export in stack.exports})
        _settle(stack, "CREATE_COMPLETE" if creates else "UPDATE_COMPLETE", None)

    def delete(self: CloudFormationBackend, name_or_stack_id: str) -> None:
        for stack in list(self.stacks.values()):
            if name_or_stack_id not in {stack.name, stack.stack_id}:
                continue
            stack._add_stack_event("DELETE_IN_PROGRESS", "User Initiated")
            exports = [export.name for export in stack.exports] if stack.template else []
            # Outputs name resources that will not be there.
            stack.output_map = OutputMap(stack.resource_map, {"Outputs": {}}, stack.stack_id)
            try:
                Operation(account, stack).delete()
            except RefusedError as error:
                _settle(stack, "DELETE_FAILED", str(error))
                continue
            _settle(stack, "DELETE_COMPLETE", None)
            self.deleted_stacks[stack.stack_id] = self.stacks.pop(stack.stack_id)
            for name in exports:
                self.exports.pop(name, None)

    patch.setattr(CloudFormationBackend, "execute_change_set", execute)
    patch.setattr(CloudFormationBackend, "delete_stack", delete)
    _read_json_first(patch)


def _find(backend: CloudFormationBackend, name: str) -> ChangeSet:
    by_id = backend.change_sets.get(name)
    return by_id or next(found for found in backend.change_sets.values() if found.change_set_name == name)


def _settle(stack: Stack, status: str, reason: str | None) -> None:
    stack._add_stack_event(status, reason)
    stack.status = status


def _read_json_first(patch: pytest.MonkeyPatch) -> None:
    """Templates are JSON; moto reads them as YAML, which takes seconds for each."""
    as_yaml = models.Stack.parse_template

    def parse(template: Any) -> Any:
        try:
            return json.loads(template)
        except ValueError:
            return as_yaml(template)

    def parse_change_set(self: ChangeSet) -> None:
        self.template_dict = parse(self.template)

    patch.setattr(models.Stack, "parse_template", staticmethod(parse))
    patch.setattr(ChangeSet, "_parse_template", parse_change_set)
