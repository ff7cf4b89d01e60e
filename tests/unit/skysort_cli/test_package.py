"""The command line as a package: what pip installs, and who may import whom."""

from __future__ import annotations

import ast
import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from skysort_cli import checks
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = ROOT / "layers"
FUNCTION_LOCKS = sorted((ROOT / "functions").glob("*/requirements*.txt"))


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
    assert [path for path in modules if imported(path) & {"skysort_cli", "httpx", "rich"}] == []


def test_the_command_line_knows_nothing_of_functions_and_infra() -> None:
    modules = list((LAYERS / "skysort_cli").rglob("*.py"))
    assert [path for path in modules if imported(path) & {"functions", "infra", "model_export", "tests"}] == []


@pytest.mark.parametrize("lock", FUNCTION_LOCKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_functions_lock_has_nothing_of_the_command_line(lock: Path) -> None:
    assert re.findall(r"^(?:httpx|httpcore|rich)==", lock.read_text(), re.MULTILINE) == []


def test_pip_installs_every_package_and_the_models() -> None:
    # Given what pyproject.toml tells setuptools
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    # Then
    folders = {path.parent.relative_to(LAYERS) for path in LAYERS.rglob("__init__.py")}
    packages = {".".join(folder.parts) for folder in folders}
    models = {f"skysort_cli.models.{model}" for model in ("galaxy", "image", "star")}
    assert set(built["packages"]) == packages | models
    for model in models:
        folder = ROOT / built["package-dir"][model]
        card = (folder / "card.json").read_text()
        shipped = {path.name for pattern in built["package-data"][model] for path in folder.glob(pattern)}
        assert set(re.findall(r'"file": "([\w.]+\.(?:onnx|ubj))"', card)) | {"card.json"} == shipped


def test_the_doctor_looks_for_what_classifying_needs() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {re.split("[<>=;\\[]", one)[0] for extra in ("star", "star-drop", "galaxy") for one in extras[extra]}
    # Of functions alone, and another name of the same package.
    needed = named - {"aws-lambda-powertools", "boto3", "skysort", "xgboost"}
    assert {distribution for distribution, _ in checks._PACKAGES[checks.CLASSIFY]} == needed


def test_pip_makes_the_command() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"skysort": "skysort_cli.main:main"}
    assert [re.split("[<>=]", name)[0] for name in project["dependencies"]] == ["httpx", "rich"]
