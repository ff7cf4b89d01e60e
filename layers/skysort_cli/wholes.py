"""What a command says of all its inputs together: how typical they are, and what was likely done to a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from skysort.typicality_share import TypicalityCounts
from skysort_cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from skysort.answers import TableDomain

# Tables told one by one.
_TABLES: Final = 20


@dataclass(slots=True)
class Whole:
    """Takes the records of a command. noun: what they are of, in the plural."""

    noun: str
    items: TypicalityCounts = field(default_factory=TypicalityCounts)
    tables: dict[str, TableDomain] = field(default_factory=dict)

    def add_table(self, name: str, domain: TableDomain | None) -> None:
        """Take what is known of a whole table; None where nothing is."""
        if domain and not domain["in_domain"]:
            self.tables[name] = domain

    def add_summary(self, name: str, summary: Mapping[str, Any]) -> None:
        """Take the record of a file."""
        self.items.add_record(summary)
        self.add_table(name, table_domain(summary))

    def report(self, *, verbose: bool) -> None:
        """Print what is unusual on stderr; if verbose, also how many items are out of the domain where that is not."""
        for line in self.lines(verbose=verbose):
            say(line)

    def lines(self, *, verbose: bool) -> Iterator[str]:
        """What `report` prints."""
        for name, domain in list(self.tables.items())[:_TABLES]:
            yield f"{name}: {table_verdict(domain)}"
        if len(self.tables) > _TABLES:
            yield f"and {len(self.tables) - _TABLES:,} more tables whose rows do not look like that"
        share = self.items.share(self.noun)
        # A single item has its own mark, and a table's cause tells more than how many of its rows show it.
        if self.tables or share is None or share["measured"] == 1:
            return
        if not share["usual"] or (verbose and share["share"] < 1):
            yield share["detail"]


def table_domain(summary: object) -> TableDomain | None:
    """What a service says of a whole table; None where it says nothing that can be read."""
    domain = summary.get("domain") if isinstance(summary, dict) else None
    if not isinstance(domain, dict) or not isinstance(domain.get("in_domain"), bool):
        return None
    cause = domain.get("cause")
    readable = isinstance(cause, dict) and all(isinstance(cause.get(name), str) for name in ("code", "detail"))
    return cast("TableDomain", {**domain, "cause": cause if readable else None})


def merged(domains: Sequence[TableDomain]) -> TableDomain | None:
    """The verdict on a table of which pieces were judged: that of most of them, with the commonest cause; else None."""
    odd = [domain for domain in domains if not domain["in_domain"]]
    if 2 * len(odd) <= len(domains):
        return None
    codes = Counter(domain["cause"]["code"] for domain in odd if domain["cause"])
    return max(odd, key=lambda domain: codes[domain["cause"]["code"]] if domain["cause"] else 0)


def table_verdict(domain: TableDomain) -> str:
    """What is said of a table, or of a job's rows, out of the domain."""
    cause = domain["cause"]
    because = f": {cause['detail']}" if cause else ""
    return f"as a whole the rows do not look like what the model was tested on{because}"
