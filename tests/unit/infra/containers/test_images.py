"""What the images are made of, as far as it can be told without an engine."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import skysort
from infra import ROOT
from infra.containers import DOCKERFILE, TARGETS
from infra.containers.steps import install, packages
from infra.stages.named import STAGES

if TYPE_CHECKING:
    from pathlib import Path

START = 'AWS_EXECUTION_ENV=AWS_Lambda_python{python} exec python3 -m awslambdaric "$@"'
LOCKS = sorted((ROOT / "functions").glob("*/requirements*.txt"))
PIN = re.compile(r"^([\w.-]+)==(\S+)(?: ; (.+?))? \\", re.MULTILINE)


def write(folder: Path, *names: str, text: str = "same") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_every_function_has_a_target() -> None:
    described = re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(TARGETS) <= set(described)
    for stage in (make() for make in STAGES.values()):
        assert {function.target for function in stage.functions.values()} == set(TARGETS)


def test_every_target_has_a_lock() -> None:
    assert {install.target_of(lock) for lock in LOCKS} == set(TARGETS) == set(packages.SHARED["common"])


def test_the_label_is_the_version() -> None:
    labelled = re.search(r'image\.version="([^"]+)"', DOCKERFILE.read_text(encoding="utf-8"))
    assert labelled is not None
    assert labelled[1] == skysort.__version__


def test_the_image_that_answers_with_csv_says_which_runtime_it_is() -> None:
    """By this the runtime client writes UTF-8; Lambda's own word for images, AWS_Lambda_Image, would be in its way."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    base = re.search(r"^ARG BASE_IMAGE=python:([\d.]+)-slim$", text, re.MULTILINE)
    control = re.search(r"^FROM common AS control\n(?:(?!FROM ).*\n)*?ENTRYPOINT (.+)\nCMD (.+)\n", text, re.MULTILINE)
    assert base is not None
    assert control is not None
    assert json.loads(control[1]) == ["sh", "-c", START.format(python=base[1]), "sh"]
    # An entry point takes the command away that it stands above.
    assert json.loads(control[2]) == ["app.handler"]


def test_all_locks_agree_and_have_the_runtime_client() -> None:
    """Images share a package as one layer only when they have the same version of it."""
    pins: dict[tuple[str, str], set[str]] = {}
    for lock in LOCKS:
        found = PIN.findall(lock.read_text(encoding="utf-8"))
        assert "awslambdaric" in {name for name, _, _ in found}, lock
        for name, version, marker in found:
            pins.setdefault((name, marker), set()).add(version)
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}


def test_the_services_that_are_called_are_kept() -> None:
    sources = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers" / "skysort").rglob("*.py")]
    called = {name for path in sources for name in re.findall(r'boto3\.client\(\s*"([\w-]+)"', path.read_text("utf-8"))}
    assert called == set(packages.SERVICES)


def test_files_that_targets_have_alike_are_shared(tmp_path: Path) -> None:
    # Given
    for target in TARGETS:
        write(tmp_path / target, "typing.py", f"{target}.py")
        write(tmp_path / target, "version.py", text=target)
    for target in ("galaxy", "image"):
        write(tmp_path / target, "onnx/lib.so")

    # When
    packages.share(tmp_path)

    # Then
    assert files(tmp_path / "common") == {"typing.py"}
    assert files(tmp_path / "pictures") == {"onnx/lib.so"}
    assert files(tmp_path / "galaxy") == {"galaxy.py", "version.py"}
    assert not (tmp_path / "galaxy" / "onnx").exists()


def test_what_serving_never_imports_is_left_out(tmp_path: Path) -> None:
    # Given
    write(tmp_path, "numpy/core.py", "numpy/core.pyi", "numpy/ma/tests/test_core.py", "numpy/f2py/main.py", "bin/f2py")
    write(tmp_path, "xgboost/__init__.py", "xgboost/core.py", "xgboost/lib/libxgboost.so")
    write(tmp_path, "botocore/data/s3/service.json", "botocore/data/ec2/service.json", "botocore/data/endpoints.json")

    # When
    packages.prune(tmp_path)

    # Then
    assert files(tmp_path) == {
        "numpy/core.py",
        "xgboost/__init__.py",
        "xgboost/lib/libxgboost.so",
        "botocore/data/s3/service.json",
        "botocore/data/endpoints.json",
    }
