"""The second deployment: what changed moves, and CloudFormation touches nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra import ROOT
from infra.containers import IMAGES, fingerprint
from tests.infra.synth import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.infra.synth import Synthesised

SERVICE = "skysort-service-dev"
# The functions that are made of star's folder.
STAR = {"star", "star-drop", "star-train", "star-bulk"}
# Larger files are models, which no change here writes to, so the copy only refers to them.
LARGE_BYTES = 1_000_000


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the project, as far as it is deployed."""

    def copy(source: str, target: str) -> None:
        if Path(source).stat().st_size > LARGE_BYTES:
            Path(target).symlink_to(source)
        else:
            shutil.copyfile(source, target)

    left_out = shutil.ignore_patterns("node_modules", "__pycache__")
    for part in ("functions", "infra", "layers"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=left_out, copy_function=copy)
    shutil.copyfile(ROOT / ".dockerignore", tmp_path / ".dockerignore")
    return tmp_path


def synthesised_in(folder: Path) -> Mapping[str, Any]:
    """The service's resources in the template of a project's dev stage."""
    context = {"CDK_OUTDIR": str(folder / "cdk.out"), "CDK_CONTEXT_JSON": json.dumps({**CONTEXT, "stage": "dev"})}
    path = os.pathsep.join((str(folder / "layers"), str(folder)))
    subprocess.run(
        [sys.executable, "-P", "-m", "infra.app"],
        cwd=folder,
        env=os.environ | context | {"PYTHONPATH": path},
        check=True,
    )
    resources: Mapping[str, Any] = json.loads((folder / "cdk.out" / f"{SERVICE}.template.json").read_text())[
        "Resources"
    ]
    return resources


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, set[str]]:
    """What CloudFormation would touch: the names of functions by type of resource, or logical ids of anything else."""
    names = {
        logical: str(one["Properties"]["FunctionName"]).removeprefix("skysort-").removesuffix("-dev")
        for logical, one in before.items()
        if one["Type"] == "AWS::Lambda::Function"
    }
    touched: dict[str, set[str]] = {}
    for logical in before.keys() | after.keys():
        if before.get(logical) != after.get(logical):
            one = after.get(logical) or before[logical]
            of = one["Properties"].get("FunctionName")
            name = names[of["Ref"]] if isinstance(of, dict) else one["Properties"].get("Function", names.get(logical))
            touched.setdefault(one["Type"].rpartition(":")[2], set()).add(name or logical)
    return touched


def test_a_change_of_one_model_moves_its_functions_alone(dev: Synthesised, copied: Path) -> None:
    # Given what is deployed, and a line more in star's code
    before = dev.templates[SERVICE]["Resources"]
    with (copied / "functions" / "star" / "drop.py").open("a") as code:
        code.write("\n# Changed.\n")

    # When it is deployed again
    after = synthesised_in(copied)

    # Then star's functions get new versions, and nothing else is touched
    assert moved(before, after) == {"Function": STAR, "Version": STAR, "Alias": STAR, "Proof": STAR}
    # And each can be published, since its function's description is another one
    for logical, one in after.items():
        if one["Type"] == "AWS::Lambda::Function" and one != before[logical]:
            assert one["Properties"]["Description"] != before[logical]["Properties"]["Description"]


def test_a_model_that_was_trained_anew_moves_what_proves_it_too(copied: Path) -> None:
    """The release hook, of control's image, compares answers with the deployed card."""
    before = {image: fingerprint(image, copied) for image in IMAGES}
    card = copied / "functions" / "star" / "model" / "card.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "version": "9.0.0"}))
    changed = {image for image in IMAGES if fingerprint(image, copied) != before[image]}
    assert changed == {"star", "star-drop", "control"}
