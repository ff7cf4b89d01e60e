"""Stacks that cannot be deleted, or not be updated.

"If you attempt to delete a stack with termination protection enabled, the deletion fails and the stack, including its
status, remains unchanged" ("Protect CloudFormation stacks from being deleted"). A stack whose creation was rolled back
can only be deleted ("ROLLBACK_COMPLETE", "Understand CloudFormation stack creation events").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

if TYPE_CHECKING:
    import pytest
    from moto.cloudformation.models import Stack

_ONLY_DELETED: Final = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})
_UNSETTLED: Final = frozenset({"UPDATE_ROLLBACK_FAILED"})


def refuse(patch: pytest.MonkeyPatch) -> None:
    """Keep protected stacks, and update none that never came to be."""
    delete, change = CloudFormationBackend.delete_stack, CloudFormationBackend.create_change_set

    def delete_unprotected(self: CloudFormationBackend, name_or_stack_id: str) -> None:
        for stack in self.stacks.values():
            if name_or_stack_id in {stack.name, stack.stack_id} and stack.enable_termination_protection:
                raise ValidationError(
                    message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
                )
        delete(self, name_or_stack_id)

    def change_settled(self: CloudFormationBackend, stack_name: str, *arguments: Any, **named: Any) -> Any:
        for stack in self.stacks.values():
            if stack_name in {stack.name, stack.stack_id}:
                _check(stack)
        return change(self, stack_name, *arguments, **named)

    def update_termination_protection(self: CloudFormationResponse) -> ActionResult:
        stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
        stack.enable_termination_protection = bool(self._get_param("EnableTerminationProtection"))
        return ActionResult({"StackId": stack.stack_id})

    patch.setattr(CloudFormationBackend, "delete_stack", delete_unprotected)
    patch.setattr(CloudFormationBackend, "create_change_set", change_settled)
    patch.setattr(CloudFormationResponse, "update_termination_protection", update_termination_protection, raising=False)


def _check(stack: Stack) -> None:
    if stack.status in _ONLY_DELETED | _UNSETTLED:
        raise ValidationError(message=f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")
