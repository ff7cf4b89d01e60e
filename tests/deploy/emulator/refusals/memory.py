"""A function larger than the account may have.

"'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 3008" is what accounts
answer that AWS has not given more (awslabs/cdk-serverless-clamscan #431; "new AWS accounts have reduced concurrency and
memory quotas", "Lambda quotas").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend

if TYPE_CHECKING:
    import pytest

    from tests.deploy.emulator.account import Account


def refuse(patch: pytest.MonkeyPatch, account: Account) -> None:
    """Make and change no function above the account's memory."""
    create, update = LambdaBackend.create_function, LambdaBackend.update_function_configuration

    def check(memory_mb: Any) -> None:
        most = account.profile.memory_mb
        if memory_mb is not None and int(memory_mb) > most:
            raise InvalidParameterValueException(
                f"'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to {most}"
            )

    def create_within(self: LambdaBackend, spec: dict[str, Any]) -> Any:
        check(spec.get("MemorySize"))
        return create(self, spec)

    def update_within(self: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        check(body.get("MemorySize"))
        return update(self, function_name, qualifier, body)

    patch.setattr(LambdaBackend, "create_function", create_within)
    patch.setattr(LambdaBackend, "update_function_configuration", update_within)
