"""Concurrency that a deployment needs, beside what the deployed stage uses.

A new version is proven while the old one works, and both run in what is reserved for their function ("Configuring
reserved concurrency", AWS Lambda). Stages without that room raise StageError on construction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.stages.functions import Canary, Provisioned, require

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.stages.functions import FunctionSettings

# Sandboxes of a function that neither its queue, its bulk jobs nor those kept warm take.
SPARE: Final = 1
# New versions that are proven at once. Each takes two sandboxes, the hook's and its own, of ten in new accounts.
PROOFS_AT_ONCE: Final = 3


def check_spare(functions: Mapping[str, FunctionSettings], taken: Iterable[tuple[str, int, str]]) -> None:
    """Reject a function that may be too busy to be deployed; taken: its name, how many sandboxes, and by what."""
    warm = [
        (name, function.warm.ceiling, "provisioned concurrency")
        for name, function in functions.items()
        if isinstance(function.warm, Provisioned)
    ]
    for name, count, by in (*taken, *warm):
        reserved = functions[name].reserved_concurrency
        require(
            reserved is None or count + SPARE <= reserved,
            f"{name}: {by} may take {count} of the {reserved} sandboxes reserved for it, which leaves none to prove a "
            f"new version in; reserve at least {count + SPARE}",
        )


def check_release_hook(functions: Mapping[str, FunctionSettings], reserved: int | None) -> None:
    """Reject a release hook that has to keep CloudFormation waiting, whose time limit runs meanwhile."""
    roll_outs = [function.roll_out for function in functions.values()]
    long = sum(isinstance(one, Canary) or one.watch_minutes > 0 for one in roll_outs)
    least = PROOFS_AT_ONCE + long
    require(
        reserved is None or reserved >= least,
        f"release_hook_concurrency is {reserved}, and the hook proves {PROOFS_AT_ONCE} functions at once, and watches "
        f"or shifts {long}; reserve at least {least}",
    )
