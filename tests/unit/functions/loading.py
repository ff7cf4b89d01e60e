"""Import a function's app.py by its folder, as a sandbox does."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from types import ModuleType

# What a stage gives the functions, where a test has not set it; each reads it once, while it is imported.
STAGE = {
    "SKYSORT_DROP_BUCKET": "drop",
    "SKYSORT_RESULTS_BUCKET": "results",
    "SKYSORT_MODELS_BUCKET": "models",
    "SKYSORT_CLIENTS": "shared",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
}
FUNCTIONS = Path(__file__).resolve().parents[3] / "functions"


def load_function(name: str, module: str = "app") -> ModuleType:
    """Import functions/<name>/<module>.py afresh, so that its settings are read again."""
    spec = importlib.util.spec_from_file_location(f"{name}_{module}", FUNCTIONS / name / f"{module}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    with patch.dict(os.environ, {name: value for name, value in STAGE.items() if name not in os.environ}):
        spec.loader.exec_module(loaded)
    return loaded
