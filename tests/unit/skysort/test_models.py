"""The registry: what a model takes, and that one entry and its folder are all that a further model needs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from infra import ROOT
from skysort.models import ANY_TYPE, MODELS, PICTURES, ROWS, UNCLASSIFIED, of_kind

if TYPE_CHECKING:
    from pathlib import Path

# Everything that names models, asked where the registry has one more.
PROGRAM = """
import json, os, sys
from pathlib import Path
from infra.api.document import build
from infra.api.routes import ROUTES
from infra.stages.{stages} import STAGES
from skysort.model_card import ModelRegistry
from skysort_cli.parser import build as parser

stages = {{name: stage() for name, stage in STAGES.items()}}
document = build()
parameters = document["paths"]["/v1/batches/{{batch}}"]["get"]["parameters"]
listed = next(each for each in ModelRegistry(Path("functions")).summaries() if each["name"] == "nebula")
print(json.dumps({{
    "routes": [[route.method, route.path] for route in ROUTES if route.function == "nebula"],
    "functions": [all({{"nebula", "nebula-drop"}} <= set(stage.functions) for stage in stages.values())],
    "queues": [[queue.queue for queue in stage.drop_queues if "nebula" in queue.queue] for stage in stages.values()],
    "paths": [path for path in document["paths"] if "nebula" in path],
    "uploads": document["components"]["schemas"]["UploadRequest"]["properties"]["model"]["anyOf"][0]["enum"],
    "batches": next(each["schema"]["anyOf"][0]["enum"] for each in parameters if each["name"] == "model"),
    "listed": listed,
    "command": parser().parse_args(["classify", "nebula", "m42.jpg"]).model,
}}))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with one more entry in the registry, and the folder that goes with it."""
    for name in ("layers", "infra", "functions", "events"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    shutil.copy(ROOT / "README.md", tmp_path)
    registry = tmp_path / "layers" / "skysort" / "models.py"
    entry = 'Model("nebula", "Nebula", "Which nebula?", "Drop nebulae.", "Nebulae by kind.", PICTURES),\n'
    registry.write_text(
        registry.read_text("utf-8").replace("_REGISTERED: Final = (\n", f"_REGISTERED: Final = (\n{entry}")
    )
    folder = shutil.copytree(tmp_path / "functions" / "galaxy", tmp_path / "functions" / "nebula")
    for file in (*folder.glob("*.py"), folder / "model" / "card.json"):
        file.write_text(file.read_text("utf-8").replace('"galaxy"', '"nebula"').replace("/galaxy", "/nebula"), "utf-8")
    return tmp_path


def test_a_further_model_is_one_entry_and_its_folder(project: Path) -> None:
    # Given a project whose registry has a fourth model
    environment = {"PYTHONPATH": f"{project / 'layers'}:{project}", "PATH": os.environ["PATH"]}

    # When everything that knows models is asked
    program = PROGRAM.format(stages="deployments")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])

    # Then each has it, without another edit
    assert answer["routes"] == [["POST", "/v1/classify/nebula"], ["GET", "/v1/models/nebula/ready"]]
    assert answer["functions"] == [True]
    assert answer["queues"] == [[f"skysort-nebula-drop-{stage}"] for stage in ("local", "dev", "prod")]
    assert answer["paths"] == ["/v1/classify/nebula", "/v1/models/nebula/ready"]
    assert answer["uploads"] == answer["batches"]
    assert answer["batches"] == ["nebula", *MODELS, *UNCLASSIFIED]
    assert answer["listed"]["input"] == "pictures"
    assert answer["listed"]["title"] == "Nebula"
    assert answer["command"] == "nebula"


def test_every_model_has_its_folder_with_its_card() -> None:
    for name, model in MODELS.items():
        assert name == model.name
        assert json.loads((ROOT / model.folder / "model" / "card.json").read_bytes())["name"] == name
        for sample in model.samples:
            assert (sample.file is None) != (sample.row is None)
            assert sample.file is None or (ROOT / "functions" / "site" / "samples" / sample.file).is_file()


def test_models_are_named_nowhere_but_in_the_registry_and_their_own_folders() -> None:
    """Program text that spells a model's name as a string: what stands here has its reason beside it."""
    allowed = {
        "layers/skysort/models.py",
        "layers/skysort/registry/names.py",  # the kinds of trained models
        "layers/skysort/custom/networks.py",  # the two networks whose features heads are trained on
        "layers/skysort_cli/parser.py",  # the two kinds of training
        "layers/skysort_client/client.py",  # the model of a table, where none is said
        "infra/stages/deployments.py",  # which models observers ask for at night
        "infra/local/demo.py",  # shows particular pictures
        "infra/local/__main__.py",  # an example of a path
        "infra/api/page.py",  # an address in an example
        "infra/commands/bulk_costs.py",  # the two sources whose costs are worked out
        "infra/commands/warm_costs.py",  # the function whose costs are worked out
        "infra/containers/steps/place.py",  # runs where an image is built, without the package that names the networks
    }
    spelt = re.compile(r"""["'](galaxy|star)["']""")
    naming = {
        str(path.relative_to(ROOT))
        for folder in ("layers", "infra")
        for path in (ROOT / folder).rglob("*.py")
        if spelt.search(path.read_text("utf-8"))
    }
    assert naming <= allowed


@pytest.mark.parametrize(
    ("name", "declared", "stored_as"),
    [
        ("a.JPG", None, "image/jpeg"),
        ("a.fits.gz", None, "application/gzip"),
        ("a.jpg", "image/png; q=1", "image/png"),
        ("a.csv", None, ANY_TYPE),
        ("a.zip", "text/html", ANY_TYPE),
    ],
)
def test_a_picture_is_stored_under_a_known_type(name: str, declared: str | None, stored_as: str) -> None:
    assert PICTURES.content_type(name, declared) == stored_as


def test_a_file_above_its_types_size_is_told_what_would_be_right() -> None:
    assert PICTURES.size_fault("image/jpeg", PICTURES.file_bytes) is None
    fault = PICTURES.size_fault("image/jpeg", PICTURES.file_bytes + 1)
    assert fault is not None
    assert "may have 64 MiB" in fault
    assert PICTURES.size_fault(ANY_TYPE, PICTURES.file_bytes + 1) is None


def test_kinds_of_input_have_their_models() -> None:
    assert {"galaxy", "image"} <= set(of_kind(PICTURES))
    assert "star" in of_kind(ROWS)
    assert {*of_kind(PICTURES), *of_kind(ROWS)} == set(MODELS)
