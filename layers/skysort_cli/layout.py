"""Parts of what is printed on a terminal with rich: safe text, plain tables, sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from skysort_cli.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def plain_table() -> Table:
    """A table without lines."""
    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))


def text(value: object, style: str = "") -> Text:
    """Text that is safe on a terminal."""
    return Text(printable(value), style=style)


def section(screen: Console, title: str, *contents: Table | str | None) -> None:
    """Print a heading and its contents, if there are any."""
    if not any(contents):
        return
    screen.print()
    screen.print(Text(title, style="bold"))
    for content in filter(None, contents):
        indented(screen, content if isinstance(content, Table) else text(content))


def indented(screen: Console, content: RenderableType) -> None:
    """Print something two columns to the right."""
    screen.print(Padding(content, (0, 0, 0, 2)))


def card_table(*columns: str) -> Table:
    """A plain table; > before a column's name aligns it right."""
    table = plain_table()
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    return table
