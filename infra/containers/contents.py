"""What one image is made of: the files of its build context, and their fingerprint.

CDK hashes the whole context and the build's arguments into the tag of an image ("Docker image assets" in its
documentation). Images that shared one context would all get a new tag, and their functions a new version, whatever was
changed. So each has a context of its own, with the steps of the Dockerfile that lead to it, its function's folder, the
modules of the shared layer that its handlers import, its model, and the lock of all packages (of which the layers
below are made, and Debian's libraries in them are those that any package links to).
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra import ROOT
from infra.containers.dockerfile import reduce
from infra.containers.modules import needed
from skysort.models import NETWORKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.containers.dockerfile import Recipe

DOCKERFILE: Final = ROOT / "functions" / "Dockerfile"
DOCKERIGNORE: Final = ROOT / ".dockerignore"
# Where contexts lie, by fingerprint; `make clean` removes them.
CONTEXTS: Final = "build/images"
_LAYER: Final = "layers/skysort"
_FUNCTIONS: Final = "functions"
_MODEL: Final = "model"


def fingerprint(target: str, arguments: Mapping[str, str], root: Path = ROOT) -> str:
    """The hash of what a target's image is made of: files by name and content, Dockerfile steps, build arguments."""
    digest = hashlib.sha256()
    for part in (target, *(f"{name}={arguments[name]}" for name in sorted(arguments))):
        digest.update(part.encode() + b"\0")
    for name, content in sorted(_contents(target, arguments, root)):
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()


def folder(target: str, arguments: Mapping[str, str], root: Path = ROOT) -> Path:
    """A folder with what a target's image is made of, each file at its path in the project."""
    contexts = root / CONTEXTS
    made = contexts / fingerprint(target, arguments, root)
    if not made.is_dir():
        contexts.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=contexts))
        for name, content in _contents(target, arguments, root):
            (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
            (unfinished / name).write_bytes(content)
        try:
            unfinished.rename(made)
        except OSError:  # another process was faster
            shutil.rmtree(unfinished)
    return made


def _contents(target: str, arguments: Mapping[str, str], root: Path) -> Iterator[tuple[str, bytes]]:
    dockerfile = str(DOCKERFILE.relative_to(ROOT))
    recipe = reduce((root / dockerfile).read_text(encoding="utf-8"), target)
    yield dockerfile, recipe.text.encode()
    for path in _files(recipe, arguments, root):
        yield path.relative_to(root).as_posix(), path.read_bytes()


def _files(recipe: Recipe, arguments: Mapping[str, str], root: Path) -> set[Path]:
    """The files that an image's steps copy from the context, as far as they get into it."""
    copies = list(recipe.copies(arguments))
    placed = {source for copy in copies if copy.stage for source in copy.sources}
    held = {path for source in placed for path in _held(source, root / _FUNCTIONS)}
    files: set[Path] = set()
    for source in (source for copy in copies if copy.stage is None for source in copy.sources):
        if source == _FUNCTIONS:
            files |= held
        elif source == _LAYER:
            files |= needed((path for path in held if path.suffix == ".py"), root / _LAYER)
        else:
            files.add(root / source)
    return files


def _held(source: str, functions: Path) -> Iterator[Path]:
    """The files below functions/ behind a folder that infra/containers/steps/place.py makes."""
    kind, _, name = source.strip("/").partition("/")
    if kind == "functions":
        model = functions / name / _MODEL
        yield from (path for path in _sources(functions / name) if not path.is_relative_to(model))
    elif kind == "models":
        yield from _sources(functions / name / _MODEL)
    elif kind == "cards":
        yield from functions.glob(f"*/{_MODEL}/card.json")
    elif kind == "networks":
        for network in NETWORKS:
            yield from _sources(functions / network / _MODEL)


def _sources(folder: Path) -> Iterator[Path]:
    """The files in a folder, without by-products of any name that .dockerignore has for every folder."""
    lines = DOCKERIGNORE.read_text(encoding="utf-8").splitlines()
    ignored = [line.removeprefix("**/") for line in lines if line.startswith("**/")]
    for path in folder.rglob("*"):
        within = path.relative_to(folder).parts
        if path.is_file() and not any(fnmatch(part, pattern) for part in within for pattern in ignored):
            yield path
