"""Reserved concurrency that the account has not got.

"Lambda keeps 100 units of concurrency for functions that don't reserve any" ("Configuring reserved concurrency for a
function").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend

if TYPE_CHECKING:
    import pytest

    from tests.deploy.emulator.account import Account

UNRESERVED: Final = 100


def refuse(patch: pytest.MonkeyPatch, account: Account) -> None:
    """Reserve nothing that the account keeps for functions without."""
    put = LambdaBackend.put_function_concurrency

    def put_what_is_left(self: LambdaBackend, function_name: str, reserved_concurrency: Any) -> Any:
        others = [
            int(function.reserved_concurrency or 0)
            for function in self.list_functions()
            if function.function_name != function_name
        ]
        if account.profile.concurrency - sum(others) - int(reserved_concurrency) < UNRESERVED:
            raise InvalidParameterValueException(
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
                f"below its minimum value of [{UNRESERVED}]."
            )
        return put(self, function_name, reserved_concurrency)

    patch.setattr(LambdaBackend, "put_function_concurrency", put_what_is_left)
