"""What the images are made of, as far as it can be told without an engine."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING

import pytest

import skysort
from infra import ROOT
from infra.containers import DOCKERFILE, IMAGES, recipe
from infra.containers.base import BASE_IMAGE_SETTING
from infra.containers.steps import packages, place
from infra.stages.deployments import STAGES
from skysort.custom.networks import NETWORKS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

START = 'AWS_EXECUTION_ENV=AWS_Lambda_python{python} exec python3 -m awslambdaric "$@"'
TEXT = DOCKERFILE.read_text(encoding="utf-8")


def write(folder: Path, *names: str, text: str = "same") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def distribution(folder: Path, name: str, requires: Collection[str]) -> None:
    """A package of one module, as pip leaves it, with a program beside it."""
    module, record = f"{name.replace('-', '_')}.py", f"{name.replace('-', '_')}-1.0.dist-info"
    write(folder, module)
    lines = [f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {one}" for one in requires)]
    write(folder, f"{record}/METADATA", text="\n".join(["Metadata-Version: 2.1", *lines, ""]))
    write(folder, f"{record}/RECORD", text=f"{module},,\n{record}/METADATA,,\n../../bin/{name},,\n")


def lineage(target: str, bases: Mapping[str, str]) -> Iterator[str]:
    """A build stage and those that it builds on."""
    while target in bases:
        yield target
        target = bases[target]


def imported(target: str) -> set[str]:
    """The distributions that pyproject.toml names for an image, of which none is another's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted, names = [target], set()
    for extra in wanted:
        for requirement in extras[extra]:
            if within := re.fullmatch(r"skysort\[(.+)\]", requirement):
                wanted += within[1].split(",")
            elif "== 'darwin'" not in requirement:
                names.add(re.split("[<>=;]", requirement)[0])
    return names | {re.split("[<>=;]", one)[0] for one in project["dependency-groups"]["lambda"]}


def test_every_function_has_an_image() -> None:
    described = re.findall(r"^FROM \S+ AS (\S+)$", TEXT, re.MULTILINE)
    assert {recipe(image)[0] for image in IMAGES} <= set(described)
    for stage in (make() for make in STAGES.values()):
        assert {function.image for function in stage.functions.values()} == set(IMAGES)


@pytest.mark.parametrize(
    ("image", "target", "model"),
    [
        ("control", "control", None),
        ("star", "rows", "star"),
        ("star-drop", "rows-drop", "star"),
        ("image", "pictures", "image"),
        ("image-bulk", "pictures-bulk", "image"),
        ("custom", "custom", None),
        ("custom-bulk", "custom-bulk", None),
        ("bulk", "bulk", None),
    ],
)
def test_what_an_image_is_built_from(
    image: str, target: str, model: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BASE_IMAGE_SETTING, "python:3.13")
    arguments = {"VERSION": skysort.__version__, "BASE_IMAGE": "python:3.13"} | ({"MODEL": model} if model else {})
    assert recipe(image) == (target, arguments)


@pytest.mark.parametrize("target", sorted({recipe(image)[0] for image in IMAGES}))
def test_a_target_has_the_layers_of_what_it_imports(target: str) -> None:
    # Given the layers that an image is made of, and what pyproject.toml says of its function
    named = re.findall(r"^FROM (\S+) AS (\S+)\n((?:(?!FROM ).*\n)*)", TEXT, re.MULTILINE)
    bases, steps = {name: base for base, name, _ in named}, {name: text for _, name, text in named}
    layers = {
        layer for stage in lineage(target, bases) for layer in re.findall(r"/roots/packages/(\S+) /", steps[stage])
    }

    # Then
    assert {root for layer in layers for root in packages.LAYERS[layer]} == imported(target)


def test_the_image_that_answers_with_csv_says_which_runtime_it_is() -> None:
    """By this the runtime client writes UTF-8; Lambda's own word for images, AWS_Lambda_Image, would be in its way."""
    base = re.search(r"^ARG BASE_IMAGE=python:([\d.]+)-slim$", TEXT, re.MULTILINE)
    control = re.search(r"^FROM common AS control\n(?:(?!FROM ).*\n)*?ENTRYPOINT (.+)\nCMD (.+)\n", TEXT, re.MULTILINE)
    assert base is not None
    assert control is not None
    assert json.loads(control[1]) == ["sh", "-c", START.format(python=base[1]), "sh"]
    # An entry point takes the command away that it stands above.
    assert json.loads(control[2]) == ["app.handler"]


def test_the_networks_that_are_placed_are_those_that_others_take_features_from() -> None:
    assert set(place.NETWORKS) == set(NETWORKS)


def test_the_services_that_are_called_are_kept() -> None:
    sources = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers" / "skysort").rglob("*.py")]
    called = {name for path in sources for name in re.findall(r'\bclient\(\s*"([\w-]+)"', path.read_text("utf-8"))}
    assert called == set(packages.SERVICES)


def test_every_package_goes_into_the_first_layer_that_needs_it(tmp_path: Path) -> None:
    # Given what pip installed: each layer's own, one that two of them need, one that needs what is left out
    for name in (name for roots in packages.LAYERS.values() for name in roots):
        distribution(tmp_path, name, {"boto3": ("urllib3>=2", "botocore"), "xgboost-cpu": ("scipy",)}.get(name, ()))
    distribution(tmp_path, "botocore", ["urllib3!=2.2.0,<3; python_version >= '3.10'", "awscrt; extra == 'crt'"])
    distribution(tmp_path, "Urllib3", [])

    # When
    packages.share(tmp_path, tmp_path / "layers")

    # Then
    assert {"boto3.py", "botocore.py", "Urllib3.py"} <= files(tmp_path / "layers" / "aws")
    assert {name for name in files(tmp_path / "layers" / "stars") if "/" not in name} == {"xgboost_cpu.py"}
    assert {folder.name for folder in (tmp_path / "layers").iterdir()} == set(packages.LAYERS)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"numpy"}, "functions/requirements.txt lacks numpy of the layer numeric"),
        ({"pandas"}, "no layer needs pandas of functions/requirements.txt"),
    ],
)
def test_lock_and_layers_that_do_not_match_stop_the_build(tmp_path: Path, changed: set[str], complaint: str) -> None:
    for name in {name for roots in packages.LAYERS.values() for name in roots} ^ changed:
        distribution(tmp_path, name, [])
    with pytest.raises(SystemExit, match=complaint):
        packages.share(tmp_path, tmp_path / "layers")


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
