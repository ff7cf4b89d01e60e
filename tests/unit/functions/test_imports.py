"""What a sandbox imports before and while it answers: the cold start, held by counting.

What a route takes must be known before its first call: Powertools' function for it is gone by then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import EXAMPLE_ROW, proxy_event
from tests.factories_images import encode, picture_artefact, render
from tests.unit.functions.loading import STAGE

ROOT = Path(__file__).resolve().parents[3]

POWERTOOLS = {"aws_lambda_powertools", "jmespath"}
PYDANTIC = {"annotated_types", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection"}
OURS = {"app", "skysort"}
BODIES = {"pybase64"}
# Powertools looks whether botocore is there: its empty __init__ alone, 0.3 ms.
PROBED = {"botocore"}
# Not among them, and each 50 ms to a second of cold start: boto3, scipy, xgboost's Python package,
# scikit-learn, pandas, pyarrow, astropy.
PICTURES = {"PIL", "multipart", "numpy", "onnxruntime"}
ALLOWED = {
    "star": OURS | POWERTOOLS | PYDANTIC | BODIES | {"numpy"},
    "galaxy": OURS | POWERTOOLS | PYDANTIC | BODIES | PICTURES,
    "image": OURS | POWERTOOLS | PYDANTIC | BODIES | PICTURES,
    "custom": OURS | POWERTOOLS | PYDANTIC | BODIES | PICTURES,
    "control": OURS | POWERTOOLS | PYDANTIC | BODIES,
}

PROGRAM = """
import json, sys
import app
from aws_lambda_powertools.event_handler.openapi import dependant
dependant.get_dependant = None
from types import SimpleNamespace
context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r")
response = app.handler(json.loads(sys.argv[1]), context)
assert response["statusCode"] == 200, response
print(json.dumps(sorted(sys.modules)))
"""

JPEG, AS_JPEG = encode(render(), "JPEG"), {"Content-Type": "image/jpeg"}
EVENTS = {
    "star": proxy_event(body=json.dumps(EXAMPLE_ROW), query={"explain": "true"}),
    "galaxy": proxy_event(path="/v1/classify/galaxy", body=JPEG, headers=AS_JPEG, query={"explain": "true"}),
    "image": proxy_event(path="/v1/classify/image", body=JPEG, headers=AS_JPEG),
    # Both networks; what reads models is loaded with the function, as every request needs it.
    "custom": proxy_event("GET", "/v1/models/custom/ready"),
    # Signed uploads, without boto3.
    "control": proxy_event(path="/v1/uploads", body='{"model": "star", "files": [{"name": "t.csv", "size": 1}]}'),
}


@pytest.mark.parametrize("function", EVENTS)
def test_only_what_serving_needs_is_imported(function: str, star_folder: Path, tmp_path: Path) -> None:
    # When a fresh interpreter serves one event
    models = {name: str(picture_artefact(tmp_path / name, name)) for name in ("galaxy", "image")}
    path = f"{ROOT / 'functions' / function}:{ROOT / 'layers'}"
    registry = star_folder.parent.parent
    environment = STAGE | {"PYTHONPATH": path, "SKYSORT_STAR_MODEL": str(star_folder), "SKYSORT_CARDS": str(registry)}
    if function in models:  # the others use the shipped ones, or none
        environment |= {f"SKYSORT_{name.upper()}_MODEL": folder for name, folder in models.items()}
    program = [sys.executable, "-c", PROGRAM, json.dumps(EVENTS[function])]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # Then nothing was imported that the function was not meant to pay for
    modules = [module for module in json.loads(done.stdout.splitlines()[-1]) if module not in PROBED]
    imported = {module.partition(".")[0] for module in modules}
    unexpected = imported - ALLOWED[function] - sys.stdlib_module_names - {"__main__"}
    assert {name for name in unexpected if not name.startswith("_")} == set()
    # Nor readers of files that did not come
    assert [module for module in modules if module.startswith("skysort.pictures.fits")] == []
