"""Which modules of the shared layer a function's handlers import, read from their source."""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

PACKAGE: Final = "skysort"


def needed(handlers: Iterable[Path], layer: Path) -> set[Path]:
    """The files of a package that handlers import, directly or through others, and the packages around them.

    An import within a function counts, one for annotations alone does not. A module's name as text counts, too: some
    are imported on first use, some run as a program of their own. Where a text names a package and a dot, as the start
    of a name that is put together, every module of the package counts.

    Parameters
    ----------
    handlers
        Any modules.
    layer
        The package's folder.

    Returns
    -------
    set[Path]
        The files.
    """
    known = {_name(path, layer): path for path in layer.rglob("*.py")}
    found: set[str] = set()
    waiting = [name for path in handlers for name in _imported(path, known)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [*_imported(known[name], known), *_around(name)]
    return {known[name] for name in found}


def _name(path: Path, layer: Path) -> str:
    parts = path.relative_to(layer.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _around(name: str) -> Iterator[str]:
    """The packages that a module lies in, which Python imports first."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for name in _named(path.read_text(encoding="utf-8")):
        if name in known:
            yield name
        elif name.endswith("."):
            yield from (module for module in known if module.startswith(name))


@cache
def _named(source: str) -> frozenset[str]:
    """What may be names of modules in a source: of imports, and texts that are spelled like one of the package's."""
    return frozenset(_walk(ast.parse(source)))


def _walk(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(f"{PACKAGE}."):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from _walk(child)
