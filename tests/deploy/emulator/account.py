"""What an emulated account allows, and what is taken in it."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Profile:
    """An account's quotas ("Lambda quotas").

    memory_mb: of a function. concurrency: executions at once in a region, of all functions.
    """

    memory_mb: int = 10_240
    concurrency: int = 1_000


# An account that has been used for a while; one as AWS hands it out ("new AWS accounts have reduced concurrency and
# memory quotas", "Lambda quotas"), where each of the two shows for itself.
USED: Final = Profile()
LITTLE_MEMORY: Final = Profile(memory_mb=3_008)
NEW: Final = Profile(memory_mb=3_008, concurrency=10)
PROFILES: Final = {"used": USED, "little-memory": LITTLE_MEMORY, "new": NEW}


@dataclass(slots=True)
class Account:
    """An account: its profile, and what stacks and tests have taken of it.

    names: of resources, by type and region (or none, where the account has it once), with who has it.
    busy: executions in flight that nobody has started, by function. late_logs: access logs that S3 still delivers, by
    bucket. provisioned: sandboxes, by region, function and alias. digest: of an image by its URI.
    """

    profile: Profile = USED
    digest: Callable[[str], str] = str
    names: dict[tuple[str, str, str], str] = field(default_factory=dict)
    busy: Counter[str] = field(default_factory=Counter)
    late_logs: Counter[str] = field(default_factory=Counter)
    provisioned: dict[tuple[str, str, str], int] = field(default_factory=dict)

    @contextmanager
    def working(self, function: str, executions: int) -> Iterator[None]:
        """While the block runs, this many executions of a function are in flight."""
        self.busy[function] += executions
        try:
            yield
        finally:
            self.busy[function] -= executions
