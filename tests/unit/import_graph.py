"""The import graph of the product, read from its source: modules, their packages, and the arrows between.

python -m tests.unit.import_graph            # draws it into CONTRIBUTING.md
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from infra import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# From the top down; an arrow leads to a row further down, or stays in its row's package. Names are packages; those of
# one row do not know each other.
ROWS: Final = (
    ("functions", "model_export", "infra.app"),
    (
        *("model_export.galaxy", "model_export.image", "model_export.star"),
        *("infra.commands", "infra.stacks", "infra.sam", "skysort_client"),
    ),
    ("model_export.common", "skysort_cli", "infra.constructs", "infra.local"),
    ("infra.containers", "infra.stages"),
    ("infra.api",),
    ("infra", "skysort.http", "skysort.release"),
    ("skysort.bulk",),
    ("skysort.trainings", "skysort.batches"),
    ("skysort.uploads",),
    ("skysort.custom",),
    ("skysort.pictures", "skysort.star"),
    ("skysort.drop",),
    ("skysort.registry",),
    ("skysort.s3",),
    ("skysort.observability",),
    ("skysort.learning",),
    ("skysort.settings",),
    ("skysort.clients",),
    ("skysort.drop.keys",),
    ("skysort",),
)
ROOTS: Final = {
    **dict.fromkeys(("skysort", "skysort_cli", "skysort_client"), "layers"),
    **dict.fromkeys(("infra", "model_export", "functions"), "."),
}
DOCUMENT: Final = ROOT / "CONTRIBUTING.md"
# What nearly every package uses; arrows there would hide the others.
EVERYWHERE: Final = frozenset(
    {"skysort", "skysort.clients", "skysort.drop.keys", "skysort.observability", "skysort.settings", "infra"}
)
BLOCK: Final = re.compile(r"(<!-- imports: [^>]+ -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Arrow:
    """One import: who imports what. typing: for annotations alone, not at run time."""

    source: str
    target: str
    typing: bool


@cache
def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    found = {}
    for top, base in ROOTS.items():
        for path in (ROOT / base / top).rglob("*.py"):
            parts = path.relative_to(ROOT / base).with_suffix("").parts
            if "node_modules" not in parts:
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: Mapping[str, Path]) -> Iterator[tuple[str, bool]]:
    """What a module imports, inside functions too, and whether for annotations alone."""
    tree = ast.parse(path.read_text("utf-8"))
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in typing) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else node.module, id(node) in typing


@cache
def arrows() -> list[Arrow]:
    """Every import of the product's modules, of each other and of others."""
    known = modules()
    return [Arrow(name, target, typing) for name, path in known.items() for target, typing in imports(path, known)]


def package(module: str) -> str:
    """The longest name of ROWS that a module lies in."""
    names = (name for row in ROWS for name in row if module == name or module.startswith(f"{name}."))
    return max(names, key=len, default=module)


def between_packages() -> Counter[tuple[str, str]]:
    """How many imports lead from each package to another."""
    known = modules()
    pairs = ((package(arrow.source), package(arrow.target)) for arrow in arrows() if arrow.target in known)
    return Counter((source, target) for source, target in pairs if source != target)


def drawn() -> str:
    """The graph between packages as Mermaid, without the arrows to what everything uses."""
    lines = ["```mermaid", "flowchart TD"]
    lines += [
        f"    {source.replace('.', '_')}[{source}] --> {target.replace('.', '_')}[{target}]"
        for source, target in sorted(between_packages())
        if target not in EVERYWHERE
    ]
    return "\n".join([*lines, "```"])


def main() -> None:
    """Draw the graph into its document."""
    text = DOCUMENT.read_text("utf-8")
    DOCUMENT.write_text(BLOCK.sub(lambda found: f"{found[1]}{drawn()}\n{found[2]}", text), "utf-8")


if __name__ == "__main__":
    main()
