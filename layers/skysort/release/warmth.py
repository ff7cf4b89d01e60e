"""The number of sandboxes kept warm, which a deployment would set back to the stage's constant.

Application Auto Scaling changes the provisioned concurrency of an alias by day and by load, and CloudFormation sets
what the template says whenever it updates the alias. So the number is read before the alias moves, and restored after;
not by the alias's own property, because Lambda refuses another number while it moves the alias to the new version's
sandboxes (hashicorp/terraform #24957).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skysort.observability import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Warmth:
    """Keeps the number. provisioned: of a function and alias, None if none. provision: sets it for both."""

    provisioned: Callable[[str, str], int | None]
    provision: Callable[[str, str, int], None]

    def data(self, properties: Mapping[str, Any]) -> dict[str, str]:
        """The number before the alias moves, at least the stage's constant, as the attribute of a proof."""
        constant = int(properties["Provisioned"])
        try:
            count = self.provisioned(properties["Deployed"], properties["Alias"]) or constant
        except Exception:  # no reason to refuse a version that was verified
            logger.exception("the provisioned concurrency cannot be read")
            count = constant
        return {"Provisioned": str(max(count, constant))}

    def keep(self, properties: Mapping[str, Any]) -> None:
        """Restore the number if there are fewer after the move; a failure is logged, since load raises it anyway."""
        function, alias, before = properties["Deployed"], properties["Alias"], int(properties["Provisioned"])
        try:
            now = self.provisioned(function, alias)
            if now is not None and now < before:
                self.provision(function, alias, before)
                logger.info("provisioned concurrency restored", extra={"function": function, "count": before})
        except Exception:  # a version that serves is not turned back for it
            logger.exception("the provisioned concurrency cannot be restored")
