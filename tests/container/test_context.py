"""What an image's asset hash depends on: the files that go into it and nothing else."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from infra import ROOT, node
from infra.containers import DOCKERFILE, IMAGES, context, fingerprint, recipe
from infra.containers.base import BASE_IMAGE_SETTING

node.use()
from aws_cdk import App, IgnoreMode, Stack  # noqa: E402 - Node.js has to be chosen first
from aws_cdk.aws_ecr_assets import DockerImageAsset  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STAR = {"star", "star-drop"}
GALAXY = {"galaxy", "galaxy-bulk"}
CUSTOM = {"custom", "custom-bulk"}
ROWS_DROP = {"star-drop"}
ALL = set(IMAGES)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The part of the repository that images are made of, and some of what they are not."""
    root = tmp_path / "clone"
    for folder in ("functions", "layers", "infra/containers"):
        shutil.copytree(ROOT / folder, root / folder)
    return root


def asset_hashes(root: Path) -> dict[str, str]:
    """CDK's hash of every image, from a copy of the repository."""
    stack = Stack(App(), "Stack")
    hashes = {}
    for image in IMAGES:
        target, arguments = recipe(image)
        asset = DockerImageAsset(
            stack,
            image,
            directory=str(context(image, root)),
            file=str(DOCKERFILE.relative_to(ROOT)),
            target=target,
            build_args=arguments,
            ignore_mode=IgnoreMode.DOCKER,
        )
        hashes[image] = str(asset.asset_hash)
    return hashes


def fingerprints(root: Path) -> dict[str, str]:
    """Our own hash of every image."""
    return {image: fingerprint(image, root) for image in IMAGES}


def changed(hashes: Callable[[Path], dict[str, str]], root: Path, change: Callable[[], object]) -> set[str]:
    """The images whose hash a change alters."""
    before = hashes(root)
    change()
    after = hashes(root)
    return {image for image in IMAGES if before[image] != after[image]}


def test_the_same_sources_give_the_same_hash(clone: Path, tmp_path: Path) -> None:
    # Given a second copy: other times, by-products of tests and tools, parts that no image holds
    second = tmp_path / "second"
    shutil.copytree(clone, second, copy_function=shutil.copy)
    (second / "functions" / "star" / "__pycache__").mkdir(exist_ok=True)
    for name in (
        "functions/star/__pycache__/app.cpython-313.pyc",
        "functions/site/added.html",
        "functions/notes.md",
        "functions/star/.DS_Store",
        "infra/containers/added.json",
        "layers/skysort_cli/added.py",
        "layers/skysort/imported_by_nobody.py",
        "added.txt",
    ):
        (second / name).parent.mkdir(parents=True, exist_ok=True)
        (second / name).write_text("a by-product")

    # Then
    assert asset_hashes(second) == asset_hashes(clone)
    assert fingerprints(second) == fingerprints(clone)


@pytest.mark.parametrize("hashes", [asset_hashes, fingerprints])
def test_a_model_belongs_to_its_own_images(hashes: Callable[[Path], dict[str, str]], clone: Path) -> None:
    booster = clone / "functions" / "star" / "model" / "with_redshift.ubj"
    assert changed(hashes, clone, lambda: booster.write_bytes(booster.read_bytes() + b"\0")) == STAR


@pytest.mark.parametrize(
    ("name", "images"),
    [
        ("functions/galaxy/app.py", GALAXY),
        # Networks serve what people train, too; cards are served by the control function.
        ("functions/galaxy/model/galaxy.onnx", GALAXY | CUSTOM),
        ("functions/galaxy/model/card.json", GALAXY | CUSTOM | {"control"}),
        ("functions/star/model/card.json", STAR | {"control"}),
        ("functions/control/openapi.json", {"control"}),
        ("functions/bulk/app.py", {"bulk"}),
        # Of the shared layer, a module belongs to the images whose handlers import it.
        ("layers/skysort/limits.py", ALL),
        ("layers/skysort/http/control.py", {"control"}),
        ("layers/skysort/pictures/formats/heif.py", ALL - STAR - {"control", "bulk"}),
        # One step installs every package, and Debian's libraries are those that any of them links to.
        ("functions/requirements.txt", ALL),
        ("infra/containers/steps/finish.py", ALL),
        ("functions/README.md", set()),
    ],
)
def test_a_changed_file_changes_the_images_that_hold_it(name: str, images: set[str], clone: Path) -> None:
    def change() -> None:
        with (clone / name).open("a") as file:
            file.write("\n")

    assert changed(fingerprints, clone, change) == images


@pytest.mark.parametrize(
    ("before", "after", "images"),
    [
        ("FROM numeric AS rows-drop\n", "FROM numeric AS rows-drop\nENV ADDED=1\n", ROWS_DROP),
        ("FROM numeric AS bulk\n", "# A comment.\nFROM numeric AS bulk\n", set()),
        ("FROM common AS numeric\n", "FROM common AS numeric\nENV ADDED=1\n", ALL - {"control"}),
    ],
)
def test_a_changed_step_changes_the_images_that_it_leads_to(
    before: str, after: str, images: set[str], clone: Path
) -> None:
    dockerfile = clone / "functions" / "Dockerfile"
    text = dockerfile.read_text(encoding="utf-8")
    assert before in text
    assert changed(fingerprints, clone, lambda: dockerfile.write_text(text.replace(before, after))) == images


def test_another_base_changes_every_image(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change() -> None:
        monkeypatch.setenv(BASE_IMAGE_SETTING, "python:3.13-slim@sha256:" + "0a" * 32)

    assert changed(asset_hashes, clone, change) == ALL
