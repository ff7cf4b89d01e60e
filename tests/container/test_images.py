"""What is in an image, and what is not."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

import skysort
from infra import ROOT
from infra.containers import IMAGES
from infra.containers.modules import needed
from skysort.models import MODELS, NETWORKS
from tests.container.conftest import inspected, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The first of them waits for all images to be built.
pytestmark = [pytest.mark.needs_engine, pytest.mark.timeout(900)]

START = ["python3", "-m", "awslambdaric"]
# A shell that says which runtime this is, as AWS's own images do, and makes way for the client.
START_IN_UTF8 = ["sh", "-c", 'AWS_EXECUTION_ENV=AWS_Lambda_python3.13 exec python3 -m awslambdaric "$@"', "sh"]
FUNCTIONS = ROOT / "functions"
# Walks the whole file system as nobody in particular, and prints what it finds as one document.
SURVEY = """
import json, os, pathlib, stat, sys
from importlib.metadata import distributions
from importlib.util import find_spec
programs, writable, uncompiled = [], [], []
for folder, folders, files in os.walk("/"):
    if folder in ("/proc", "/sys", "/dev", "/tmp"):
        folders.clear()
        continue
    for name in files:
        path = pathlib.Path(folder, name)
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and folder.endswith("bin") and mode & 0o111:
            programs.append(name)
        if name.endswith(".py") and path.is_relative_to("/var/runtime"):
            if not any((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")):
                uncompiled.append(str(path))
        if not stat.S_ISLNK(mode) and os.access(path, os.W_OK):
            writable.append(str(path))
    if os.access(folder, os.W_OK):
        writable.append(folder)
task = [str(path.relative_to("/var/task")) for path in pathlib.Path("/var/task").rglob("*") if path.is_file()]
print(json.dumps({
    "user": [str(os.getuid()), str(os.getgid())],
    "programs": sorted(programs),
    "writable": writable,
    "uncompiled": uncompiled,
    "packages": sorted(f"{one.name.lower().replace('_', '-')}=={one.version}" for one in distributions()),
    "importable": [name for name in ("pip", "ensurepip", "setuptools", "scipy", "pytest") if find_spec(name)],
    "task": sorted(name for name in task if not name.endswith(".pyc")),
    "layer": sorted(str(path.relative_to("/opt/python")) for path in pathlib.Path("/opt/python").rglob("*.py")),
}))
"""


@pytest.fixture(scope="module")
def surveys(images: Mapping[str, str]) -> dict[str, dict[str, list[str]]]:
    """What each image's own Python finds in it."""
    return {target: json.loads(run(image, SURVEY)) for target, image in images.items()}


@pytest.mark.parametrize("target", IMAGES)
def test_it_runs_as_a_user_who_can_write_nothing(target: str, surveys: dict[str, dict[str, list[str]]]) -> None:
    assert surveys[target]["user"] == ["65532", "65532"]
    # Devices and files of the engine's own, such as /etc/hosts, are not the image's.
    assert [path for path in surveys[target]["writable"] if not path.startswith("/dev")] == []


@pytest.mark.parametrize("target", IMAGES)
def test_there_is_python_a_shell_and_what_sam_local_runs(target: str, surveys: dict[str, dict[str, list[str]]]) -> None:
    """No package manager, no compiler, no pip, no way to fetch anything but Python's own."""
    programs = [name for name in surveys[target]["programs"] if not re.fullmatch(r"python3\.\d+", name)]
    assert set(programs) <= {"sh", "dash", "mv", "chmod"}
    assert surveys[target]["importable"] == []


def test_the_packages_are_the_locked_ones(surveys: dict[str, dict[str, list[str]]]) -> None:
    locked = set()
    for line in (FUNCTIONS / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"(?P<pin>[\w.-]+==[\w.]+)(?: ; (?P<marker>.*?))? \\", line):
            # Of a package with two versions, the one for this Python and Linux.
            marker = found["marker"] or ""
            if "< '3.12'" not in marker and "== 'darwin'" not in marker:
                locked.add(found["pin"].lower())
    assert {pin for survey in surveys.values() for pin in survey["packages"]} == locked


@pytest.mark.parametrize("target", IMAGES)
def test_everything_is_byte_compiled(target: str, surveys: dict[str, dict[str, list[str]]]) -> None:
    assert surveys[target]["uncompiled"] == []


@pytest.mark.parametrize("target", IMAGES)
def test_the_code_is_the_repository_s(target: str, surveys: dict[str, dict[str, list[str]]]) -> None:
    # Given
    name = re.sub("-(drop|bulk)$", "", target)
    besides = {
        "control": [f"cards/{name}/model/card.json" for name in MODELS],
        "custom": [f"networks/{name}/{file}" for name in NETWORKS for file in _files(FUNCTIONS / name / "model")],
    }

    # Then
    assert surveys[target]["task"] == sorted([*_files(FUNCTIONS / name), *besides.get(name, ())])
    # Of the layer, what its handlers import: the answers of each container prove that it is enough.
    layer = ROOT / "layers" / "skysort"
    imported = needed((FUNCTIONS / name).glob("*.py"), layer)
    assert surveys[target]["layer"] == sorted(str(path.relative_to(layer.parent)) for path in imported)


@pytest.mark.parametrize("target", IMAGES)
def test_labels_command_and_entry_point(target: str, images: Mapping[str, str]) -> None:
    config = inspected(images[target])["Config"]
    assert config["Entrypoint"] == (START_IN_UTF8 if target == "control" else START)
    commands = {"drop": "drop.handler", "bulk": "bulk.handler"}
    assert config["Cmd"] == [commands.get(target.partition("-")[2], "app.handler")]
    assert config["Labels"]["org.opencontainers.image.version"] == skysort.__version__
    assert config["Labels"]["com.amazonaws.lambda.feature.snapstart"] == "Allow"
    assert config["Labels"]["org.opencontainers.image.source"]
    assert config["Labels"]["org.opencontainers.image.base.name"]


def test_targets_share_their_lower_layers(images: Mapping[str, str]) -> None:
    stacks = {target: inspected(image)["RootFS"]["Layers"] for target, image in images.items()}
    assert len({tuple(stack[:2]) for stack in stacks.values()}) == 1
    assert stacks["star"][:4] == stacks["star-drop"][:4]
    assert stacks["galaxy"][:5] == stacks["image"][:5] == stacks["custom"][:5]
    # Not only what is below: model, shared modules and handlers are the same layers in both images of a function.
    for image, other in (("star", "star-drop"), ("galaxy", "galaxy-bulk"), ("custom", "custom-bulk")):
        assert stacks[image][-3:] == stacks[other][-3:]


def _files(folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md"
    ]
