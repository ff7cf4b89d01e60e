"""What AWS refuses, a rule a module, in AWS's words; moto accepts all of it.

Rules of services change moto's model of the service. Rules of CloudFormation are asked by `formation.operation` before
it acts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.deploy.emulator.refusals import (
    buckets,
    concurrency,
    invocations,
    memory,
    protection,
    versions,
)

if TYPE_CHECKING:
    import pytest

    from tests.deploy.emulator.account import Account


def refuse(patch: pytest.MonkeyPatch, account: Account) -> None:
    """Have moto's services refuse what AWS refuses."""
    versions.refuse(patch, account)
    memory.refuse(patch, account)
    concurrency.refuse(patch, account)
    invocations.refuse(patch, account)
    buckets.refuse(patch, account)
    protection.refuse(patch)
