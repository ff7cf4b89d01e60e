"""Import a function's app.py by its folder, as a sandbox does."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

FUNCTIONS = Path(__file__).resolve().parents[3] / "functions"


def load_function(name: str, module: str = "app") -> ModuleType:
    """Import functions/<name>/<module>.py afresh, so that its settings are read again."""
    spec = importlib.util.spec_from_file_location(f"{name}_{module}", FUNCTIONS / name / f"{module}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded
