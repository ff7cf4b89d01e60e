"""How typical a whole is: a batch, an archive, a folder, a table, a bulk job, by the typicality of its items.

An item's typicality is a conformal p-value, so of good items at a threshold of 0.005 one in 200 is out of the domain.
But what people send is selected: only faint objects, only one class. A selection of a tenth of what a model was tested
on has, at worst, its least typical tenth: p-values from 0 to 0.1, one in 20 of them below the threshold. A whole is
unusual if even such a selection would be so in less than one of 100 cases: by how many items are out of the domain
(Hoeffding 1963, theorem 1), or by their mean typicality (a uniform distribution is strictly sub-Gaussian).
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from skysort.answers import DomainShare

# The typicality from which on an item is in the domain, of all models.
THRESHOLD: Final = 0.005
# Of what a model was tested on, what an honest selection has at least.
_SELECTED: Final = 0.1
# How often each of the two criteria may be met by chance.
_BY_CHANCE: Final = 0.005
# Typicality is added up in integers: the sum is the same in whatever order parts of a whole are merged.
_UNITS: Final = 1_000_000
_DIGITS: Final = 6
_MOST: Final = 2**53


@dataclass(slots=True)
class TypicalityCounts:
    """Sums over items, which add up over the parts of a whole. total: of their typicality, in millionths."""

    measured: int = 0
    in_domain: int = 0
    total: int = 0

    def add(self, answer: Mapping[str, Any]) -> None:
        """Take an item's answer or record; one that does not say its typicality is left out."""
        typicality = answer.get("typicality")
        if isinstance(typicality, int | float) and 0 <= typicality <= 1:
            self.measured += 1
            self.in_domain += bool(answer.get("in_domain"))
            self.total += round(typicality * _UNITS)

    def add_all(self, typicality: NDArray[Any], threshold: float) -> None:
        """Take (n,) items of a model by their typicality; those from the threshold on are in its domain."""
        self.measured += len(typicality)
        self.in_domain += int((typicality >= threshold).sum())
        self.total += int((typicality.astype("float64") * _UNITS).round().sum())

    def merge(self, other: TypicalityCounts) -> None:
        """Take the items of another part."""
        self.measured += other.measured
        self.in_domain += other.in_domain
        self.total += other.total

    def add_record(self, record: Mapping[str, Any]) -> None:
        """Take the record of a file, which is of one item or sums up many; one of others' making is left out."""
        if isinstance(record.get("typicality"), dict):
            with suppress(ValueError, KeyError, TypeError, OverflowError):
                self.merge(type(self).of(record["typicality"]))
        else:
            self.add(record)

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> Self:
        """The sums behind a share, as a summary has it; none for None. Raises ValueError where they cannot be."""
        if not document:
            return cls()
        measured, in_domain, mean = int(document["measured"]), int(document["in_domain"]), float(document["mean"])
        if not (0 <= in_domain <= measured <= _MOST and 0 <= mean <= 1):
            raise ValueError(f"{in_domain} of {measured} items in the domain, mean typicality {mean}")
        return cls(measured, in_domain, round(mean * measured * _UNITS))

    def share(self, noun: str) -> DomainShare | None:
        """What they say of the whole; None without items. noun: what the items are, in the plural."""
        if not self.measured:
            return None
        outside, mean = self.measured - self.in_domain, self.total / self.measured / _UNITS
        many, low = _too_many(outside, self.measured), _too_low(mean, self.measured)
        return {
            "measured": self.measured,
            "in_domain": self.in_domain,
            "share": round(self.in_domain / self.measured, _DIGITS),
            "mean": round(mean, _DIGITS),
            "usual": not (many or low),
            "detail": _detail(outside, self.measured, noun, many=many, low=low),
        }


def in_words(in_domain: object) -> str:
    """Whether an item is in the domain, as a cell of CSV; empty where it is not known."""
    return "" if in_domain is None else str(bool(in_domain)).lower()


def _too_many(outside: int, items: int) -> bool:
    """Whether hardly any selection of good items has so many out of the domain."""
    share, expected = outside / items, THRESHOLD / _SELECTED
    if share <= expected:
        return False
    divergence = share * math.log(share / expected)
    if share < 1:
        divergence += (1 - share) * math.log((1 - share) / (1 - expected))
    return math.exp(-items * divergence) < _BY_CHANCE


def _too_low(mean: float, items: int) -> bool:
    """Whether hardly any selection of good items has so low a mean typicality."""
    below, variance = _SELECTED / 2 - mean, _SELECTED**2 / 12
    return below > 0 and math.exp(-items * below**2 / (2 * variance)) < _BY_CHANCE


def _detail(outside: int, items: int, noun: str, *, many: bool, low: bool) -> str:
    if low and not many:
        return (
            f"as a whole the {items:,} {noun} look less like what the model was tested on than the least typical tenth "
            "of that; check that they are what it is for"
        )
    if not outside:
        every = f"all {items:,} {noun} look" if items > 1 else f"the {noun.removesuffix('s')} looks"
        return f"{every} like what the model was tested on"
    verb = "does" if outside == 1 else "do"
    text = f"{outside:,} of {items:,} {noun} {verb} not look like what the model was tested on"
    return f"{text}; check that they are what it is for" if many else text
