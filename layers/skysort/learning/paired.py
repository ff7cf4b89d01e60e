"""Two models on the same held-out examples: the difference of their scores, with its interval.

Without numpy, which the function that answers promotions does not have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NORMAL: Final = 1.96  # standard errors of a 95 % interval
DIGITS: Final = 4
LEAST: Final = 10  # common examples, below which nothing is compared


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a model made of examples that it was not fitted on.

    ids, labels: what each example is and its class. right: how often it was recognised, from 0 to 1. log_loss: -log of
    the probability of its class, in nats.
    """

    ids: Sequence[str]
    labels: Sequence[str]
    right: Sequence[float]
    log_loss: Sequence[float]

    def document(self) -> dict[str, Any]:
        """As in held_out.json."""
        return {
            "ids": list(self.ids),
            "labels": list(self.labels),
            "right": [round(float(value), DIGITS) for value in self.right],
            "log_loss": [round(float(value), DIGITS) for value in self.log_loss],
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> HeldOut:
        """The inverse of `document`."""
        return cls(document["ids"], document["labels"], document["right"], document["log_loss"])

    def by_example(self) -> dict[tuple[str, str], tuple[float, float]]:
        """Both scores by id and label."""
        scores = zip(self.right, self.log_loss, strict=True)
        return dict(zip(zip(self.ids, self.labels, strict=True), scores, strict=True))


def compare(live: HeldOut, new: HeldOut) -> dict[str, Any]:
    """The new model against the live one.

    Parameters
    ----------
    live, new
        Their held-out examples.

    Returns
    -------
    dict
        ``examples``: held out of both, with the same label. ``accuracy`` and ``log_loss``: {live, new, difference
        {value, low, high}}. ``worse``: whether the accuracy is lower beyond chance, that is, the whole interval of the
        difference lies below zero. With fewer than LEAST common examples nothing is compared and nothing is worse.
    """
    theirs, ours = live.by_example(), new.by_example()
    common = sorted(theirs.keys() & ours.keys())
    if len(common) < LEAST:
        return {"examples": len(common), "worse": False}
    document: dict[str, Any] = {"examples": len(common)}
    for place, name in enumerate(("accuracy", "log_loss")):
        pairs = [(theirs[key][place], ours[key][place]) for key in common]
        document[name] = {
            "live": round(sum(pair[0] for pair in pairs) / len(pairs), DIGITS),
            "new": round(sum(pair[1] for pair in pairs) / len(pairs), DIGITS),
            "difference": difference(pairs),
        }
    document["worse"] = document["accuracy"]["difference"]["high"] < 0
    return document


def difference(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    """The mean of second - first with its 95 % interval, by the standard error of the differences."""
    values = [second - first for first, second in pairs]
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)
    half = NORMAL * math.sqrt(variance / len(values))
    return {
        name: round(value, DIGITS) for name, value in (("value", mean), ("low", mean - half), ("high", mean + half))
    }
