"""Tables of a model's README, filled from its committed results, so that no figure in them is typed.

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

# A results file, the command that makes it, and the table that it fills.
Table = tuple[str, str, "Callable[[Mapping[str, Any]], str]"]
BLOCK: Final = re.compile(r"(<!-- table (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill(readme: Path, results: Path, tables: Mapping[str, Table], model: str) -> None:
    """Fill a model's README after a command; results that were written elsewhere than beside it leave it alone."""
    if results.resolve() == readme.parent / "results":
        readme.write_text(render(readme.read_text(encoding="utf-8"), results, tables, model), encoding="utf-8")


def render(text: str, results: Path, tables: Mapping[str, Table], model: str) -> str:
    """The text with every table made anew; one whose results are not there says which command makes them."""

    def block(found: re.Match[str]) -> str:
        file, command, table = tables[found["name"]]
        try:
            content = table(json.loads((results / file).read_text(encoding="utf-8")))
        except (FileNotFoundError, KeyError):  # not made yet, or made before the table asked for more
            content = f"(run `python -m model_export {model} {command}`)"
        return f"{found[1]}{content}\n{found[3]}"

    return BLOCK.sub(block, text)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left and the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def interval(score: Mapping[str, float], digits: int) -> str:
    """A score with its confidence interval."""
    return f"{score['value']:.{digits}f} ({score['low']:.{digits}f} to {score['high']:.{digits}f})"


def difference(score: Mapping[str, float], digits: int) -> str:
    """A paired difference with its confidence interval, signed."""
    return f"{score['value']:+.{digits}f} ({score['low']:+.{digits}f} to {score['high']:+.{digits}f})"
