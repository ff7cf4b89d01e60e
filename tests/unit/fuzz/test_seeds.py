"""What is harmed is sound: a fuzz run over files that are refused as they are would find nothing."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.fuzz.targets import targets

if TYPE_CHECKING:
    from pathlib import Path


def test_every_seed_is_answered(tmp_path: Path) -> None:
    for target in targets(tmp_path):
        assert target.seeds
        for seed in target.seeds:
            target.run(seed, Random(1))
