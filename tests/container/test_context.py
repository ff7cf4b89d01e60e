"""What an image's asset hash depends on: the files that go into it and nothing else."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from infra import ROOT, node
from infra.containers import DOCKERFILE

node.use()
from aws_cdk import App, IgnoreMode, Stack  # noqa: E402 - Node.js has to be chosen first
from aws_cdk.aws_ecr_assets import DockerImageAsset  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The part of the repository that an image build could see, and some of what it should not."""
    root = tmp_path / "clone"
    for folder in ("functions", "layers", "infra/containers"):
        shutil.copytree(ROOT / folder, root / folder)
    shutil.copy2(ROOT / ".dockerignore", root)
    return root


def asset_hash(root: Path) -> str:
    """CDK's hash of a target's image, from a copy of the repository."""
    asset = DockerImageAsset(
        Stack(App(), "Stack"),
        "Image",
        directory=str(root),
        file=str(DOCKERFILE.relative_to(ROOT)),
        target="rows",
        ignore_mode=IgnoreMode.DOCKER,
    )
    return str(asset.asset_hash)


def test_the_same_sources_give_the_same_hash(clone: Path, tmp_path: Path) -> None:
    # Given a second copy: other times, by-products of tests and tools, parts that no image holds
    second = tmp_path / "second"
    shutil.copytree(clone, second, copy_function=shutil.copy)
    (second / "functions" / "star" / "__pycache__").mkdir(exist_ok=True)
    for name in (
        "functions/star/__pycache__/app.cpython-313.pyc",
        "functions/site/added.html",
        "functions/notes.md",
        "infra/containers/added.json",
        "layers/skysort_cli/added.py",
        "added.txt",
    ):
        (second / name).parent.mkdir(parents=True, exist_ok=True)
        (second / name).write_text("a by-product")

    # Then
    assert asset_hash(second) == asset_hash(clone)


@pytest.mark.parametrize(
    "name",
    ["functions/star/app.py", "functions/image/model/card.json", "layers/skysort/limits.py", "functions/Dockerfile"],
)
def test_a_changed_source_gives_another_hash(clone: Path, name: str) -> None:
    before = asset_hash(clone)
    with (clone / name).open("a") as file:
        file.write("\n")
    assert asset_hash(clone) != before
