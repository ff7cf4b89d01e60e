"""Every CloudFormation type that the emulator adds to moto's, or makes better than moto does."""

from __future__ import annotations

from typing import Final

from tests.deploy.emulator.catalogue import (
    compute,
    gateway,
    guarding,
    network,
    page,
    storage,
    tables,
    trainings,
    watching,
)

TYPES: Final = (
    *storage.TYPES,
    *compute.TYPES,
    *gateway.TYPES,
    *guarding.TYPES,
    *network.TYPES,
    *page.TYPES,
    *tables.TYPES,
    *trainings.TYPES,
    *watching.TYPES,
)
