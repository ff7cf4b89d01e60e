"""A bulk function's handler module, whose engine does what the lines say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from skysort.bulk.job_store import FolderJobStore
from skysort.bulk.part import Parts, PartSteps
from skysort.bulk.store import FolderSources
from tests.fakes.bulk import LinesEngine, LinesEngines
from tests.fakes.poisoned import ACTIONS

FOLDER: Final = "POISONED_FOLDER"  # the setting that names the folder of the job and its sources
MEMORY_MB: Final = 512


def steps_of(folder: Path, engine: LinesEngine) -> PartSteps:
    engines = LinesEngines(engine, MEMORY_MB)
    return PartSteps(Parts(FolderJobStore(folder / "results"), FolderSources(folder / "drop"), engines), __file__)


if FOLDER in os.environ:
    steps = steps_of(Path(os.environ[FOLDER]), LinesEngine({**ACTIONS, b"unreadable": ACTIONS[b"aborts"]}))
