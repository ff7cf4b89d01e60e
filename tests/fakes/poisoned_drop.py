"""A drop function's handler module, whose classifier does what the dropped file says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from skysort.drop.worker import DropWorker
from tests.fakes.poisoned import STORE, Obedient
from tests.fakes.shared_store import SharedStore

if os.environ.get("POISONED_START"):
    sys.exit("no model")
worker = DropWorker(SharedStore(Path(os.environ[STORE])), "results", Obedient())
