"""The command line as a package: what pip installs, and who may import whom."""

from __future__ import annotations

import ast
import re
import tomllib
from typing import TYPE_CHECKING

from skysort.models import MODELS
from skysort_cli.commands import doctor as checks
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = ROOT / "layers"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").partition(".")[0])
    return names


def test_what_goes_into_lambda_knows_nothing_of_the_command_line() -> None:
    modules = [*(LAYERS / "skysort").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    assert len(modules) > 50
    assert [path for path in modules if imported(path) & {"skysort_cli", "skysort_client", "httpx", "rich"}] == []


def test_the_command_line_knows_nothing_of_functions_and_infra() -> None:
    modules = list((LAYERS / "skysort_cli").rglob("*.py"))
    assert [path for path in modules if imported(path) & {"functions", "infra", "model_export", "tests"}] == []


def test_the_functions_lock_has_nothing_of_the_command_line() -> None:
    lock = (ROOT / "functions" / "requirements.txt").read_text("utf-8")
    assert re.findall(r"^(?:httpx|httpcore|rich)==", lock, re.MULTILINE) == []
    assert re.findall(r"^awslambdaric==", lock, re.MULTILINE) != []


def test_every_environment_has_one_version_of_a_package() -> None:
    laptop, functions = (
        set(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("requirements.txt", "functions/requirements.txt")
    )
    # The runtime client and what it requires are in images alone.
    assert {name for name, _ in functions - laptop} == {"awslambdaric", "simplejson", "snapshot-restore-py"}


def test_pip_installs_every_package_and_the_models() -> None:
    # Given
    wheel = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    # Then
    packages = {path.parent for path in LAYERS.glob("*/__init__.py")}
    assert {ROOT / folder for folder in wheel["packages"]} == packages
    assert all((package / "py.typed").is_file() for package in packages)
    for model in MODELS:
        folder = ROOT / "functions" / model / "model"
        assert wheel["force-include"].get(str(folder.relative_to(ROOT))) == f"skysort_cli/models/{model}"
        card = (folder / "card.json").read_text("utf-8")
        shipped = {path.name for path in folder.iterdir()}
        assert set(re.findall(r'"file": "([\w.]+\.(?:onnx|ubj|npz))"', card)) | {"card.json"} == shipped


def test_the_doctor_looks_for_what_classifying_needs() -> None:
    extras = PYPROJECT["project"]["optional-dependencies"]
    named = {re.split("[<>=;\\[]", one)[0] for extra in ("rows", "rows-drop", "pictures") for one in extras[extra]}
    # Of functions alone, and another name of the same package.
    needed = named - {"aws-lambda-powertools", "boto3", "skysort", "xgboost"}
    assert {distribution for distribution, _ in checks._PACKAGES[checks.CLASSIFY]} == needed


def test_pip_makes_the_command() -> None:
    project = PYPROJECT["project"]
    assert project["scripts"] == {"skysort": "skysort_cli.main:main"}
    assert [re.split("[<>=]", name)[0] for name in project["dependencies"]] == ["httpx", "rich"]
