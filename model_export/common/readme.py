"""Tables of a model's README, generated from its committed results.

A table is enclosed in ``<!-- table NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from model_export.common.files import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    # A results file, the command that writes it, and the function that renders its table.
    Table = tuple[str, str, Callable[[Mapping[str, Any]], str]]

BLOCK: Final = re.compile(r"(<!-- table (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Readme:
    """The README of a model and its tables by name."""

    model: str
    tables: Mapping[str, Table]

    @property
    def path(self) -> Path:
        """Path of the README."""
        return ROOT / "model_export" / self.model / "README.md"

    @property
    def results(self) -> Path:
        """The folder of the committed results."""
        return self.path.parent / "results"

    def fill(self, results: Path) -> None:
        """Update the tables after a command, unless its results were written to another folder."""
        if results.resolve() == self.results:
            self.path.write_text(self.render(self.path.read_text(encoding="utf-8"), results), encoding="utf-8")

    def render(self, text: str, results: Path) -> str:
        """The text with every table regenerated; a table without results names the command that writes them."""

        def block(match: re.Match[str]) -> str:
            file, command, table = self.tables[match["name"]]
            try:
                content = table(json.loads((results / file).read_text(encoding="utf-8")))
            except (FileNotFoundError, KeyError):  # not written yet, or written before the table had this column
                content = f"(run `python -m model_export {self.model} {command}`)"
            return f"{match[1]}{content}\n{match[3]}"

        return BLOCK.sub(block, text)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, the first column left-aligned, the others right-aligned."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def interval(score: Mapping[str, float], digits: int = 3) -> str:
    """A score with its confidence interval."""
    return f"{score['value']:.{digits}f} ({score['low']:.{digits}f} to {score['high']:.{digits}f})"


def difference(score: Mapping[str, float], digits: int = 3) -> str:
    """A paired difference with its confidence interval, signed."""
    return f"{score['value']:+.{digits}f} ({score['low']:+.{digits}f} to {score['high']:+.{digits}f})"


def flagged_table(report: Mapping[str, Any], good: str) -> str:
    """The shares of pictures that typicality flags: of good ones, of others, and of others that were not learnt."""
    named = {
        good: f"flagged_{good}",
        "others": "flagged_others",
        "others, had they not been learnt": "flagged_if_not_learnt",
    }
    rows = [
        [f"{kind}: {name}", f"{share['rows']:,}", interval(share)]
        for kind, key in named.items()
        for name, share in report[key].items()
    ]
    return markdown(["", "pictures", "flagged"], rows)
