"""Promotion of a version: only if it is not worse than the live one on the examples that both held out.

In plain Python, since the control function starts without numpy.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from skysort.errors import ArtefactError, InfrastructureError, ModelConflictError, NotBetterError, NotFoundError
from skysort.limits import PROMOTION_EXAMPLES_MIN, PROMOTION_LOSS
from skysort.registry import keys
from skysort.registry.names import SHOWN_DIGITS, Kind
from skysort.registry.pointer import Change, How, Pointer, Pointers
from skysort.registry.versions import VersionFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skysort import answers
    from skysort.registry.store import ModelStore

_BOUNDS: Final[tuple[Literal["value"], Literal["low"], Literal["high"]]] = ("value", "low", "high")
_Z_95: Final = 1.959964
# Digits of a shown share: differences of 40,000 examples.
_DIGITS: Final = 5


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a version said of examples that it was not trained on.

    ids: the first 16 hexadecimal digits of each example's SHA-256. truth, predicted: indices into labels.
    probability: of the truth.
    """

    labels: Sequence[str]
    ids: Sequence[str]
    truth: Sequence[int]
    predicted: Sequence[int]
    probability: Sequence[float]

    def body(self) -> bytes:
        """The content of a version's ``held_out.json``."""
        document = {
            "labels": list(self.labels),
            "ids": list(self.ids),
            "truth": [int(index) for index in self.truth],
            "predicted": [int(index) for index in self.predicted],
            "probability": [round(float(value), 4) for value in self.probability],
        }
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Parse it; raises ArtefactError."""
        try:
            document: dict[str, Any] = json.loads(body)
            held_out = cls(*(document[name] for name in ("labels", "ids", "truth", "predicted", "probability")))
            held_out.answers()
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ArtefactError(f"{keys.HELD_OUT} is damaged: {error!r}") from error
        return held_out

    def answers(self) -> dict[str, tuple[str, bool]]:
        """The label of each example, and whether it was found."""
        rows = zip(self.ids, self.truth, self.predicted, strict=True)
        return {example: (self.labels[truth], truth == predicted) for example, truth, predicted in rows}


def first(version: str) -> answers.Comparison:
    """The comparison of a version that has none to be compared with."""
    return {
        "verdict": "first",
        "examples": 0,
        "relabelled": 0,
        "live": None,
        "candidate": {"version": version, "accuracy": None},
        "difference": None,
        "only_live_right": 0,
        "only_candidate_right": 0,
        "sentence": "It is the first version.",
    }


def compare(live: tuple[str, HeldOut], candidate: tuple[str, HeldOut]) -> answers.Comparison:
    """Compare two versions, each with what it held out, on the examples that both have, with the same label."""
    (live_version, theirs), (version, ours) = live, candidate
    theirs_by_id, ours_by_id = theirs.answers(), ours.answers()
    common = theirs_by_id.keys() & ours_by_id.keys()
    pairs = [
        (theirs_by_id[example][1], ours_by_id[example][1])
        for example in common
        if theirs_by_id[example][0] == ours_by_id[example][0]
    ]
    count = len(pairs)
    only_live = sum(live_right and not right for live_right, right in pairs)
    only_candidate = sum(right and not live_right for live_right, right in pairs)
    live_accuracy = _share(sum(live_right for live_right, _ in pairs), count)
    accuracy = _share(sum(right for _, right in pairs), count)
    difference = paired_difference(only_live, only_candidate, count) if count else None
    verdict = _verdict(count, difference)
    return {
        "verdict": verdict,
        "examples": count,
        "relabelled": len(common) - count,
        "live": {"version": live_version, "accuracy": live_accuracy},
        "candidate": {"version": version, "accuracy": accuracy},
        "difference": difference,
        "only_live_right": only_live,
        "only_candidate_right": only_candidate,
        "sentence": _sentence(verdict, count, live_accuracy, accuracy, difference),
    }


def paired_difference(only_first: int, only_second: int, count: int) -> answers.Share:
    """The second's share of right answers less the first's, on the same examples, with its 95 % interval.

    Parameters
    ----------
    only_first, only_second
        Examples that only one of them got right.
    count
        All examples.

    Returns
    -------
    The difference and the adjusted interval of Bonett and Price, which keeps its coverage for small samples
    (https://doi.org/10.3102/1076998611411915).
    """
    first_share, second_share = (only_first + 1) / (count + 2), (only_second + 1) / (count + 2)
    centre = second_share - first_share
    spread = _Z_95 * math.sqrt((first_share + second_share - centre**2) / (count + 2))
    value = (only_second - only_first) / count
    low, high = max(-1.0, min(value, centre - spread)), min(1.0, max(value, centre + spread))
    return {"value": round(value, _DIGITS), "low": round(low, _DIGITS), "high": round(high, _DIGITS)}


def _verdict(count: int, difference: answers.Share | None) -> answers.Verdict:
    if difference is None or count < PROMOTION_EXAMPLES_MIN:
        return "too-few"
    if difference["high"] < 0 or difference["value"] < -PROMOTION_LOSS:
        return "worse"
    return "better" if difference["low"] > 0 else "not-worse"


def _sentence(
    verdict: answers.Verdict, count: int, live: float | None, candidate: float | None, difference: answers.Share | None
) -> str:
    if live is None or candidate is None or difference is None:
        return "The live version and this one held out no example in common, so they cannot be compared."
    value, low, high = (100 * difference[name] for name in _BOUNDS)
    shares = (
        f"On the {count:,} examples that both held out, this version is right for {candidate:.1%} and the live one for "
        f"{live:.1%}: {value:+.1f} percentage points (95 % interval {low:+.1f} to {high:+.1f})"
    )
    ends = {
        "too-few": f"; at least {PROMOTION_EXAMPLES_MIN} are needed to compare them.",
        "worse": ": it is worse.",
        "better": ": it is better.",
        "not-worse": ": it is not worse.",
        "first": ".",
    }
    return shares + ends[verdict]


def _share(part: int, count: int) -> float | None:
    return round(part / count, _DIGITS) if count else None


class Promotions:
    """Promotes versions of the models in a store."""

    def __init__(self, store: ModelStore, pointers: Pointers | None = None) -> None:
        self._versions = VersionFiles(store)
        self._pointers = pointers or Pointers(store)

    def promote(
        self,
        owner: str,
        name: str,
        kind: Kind,
        version: str,
        *,
        force: bool = False,
        training: str | None = None,
        check: Callable[[Pointer], None] = lambda _pointer: None,
    ) -> Pointer:
        """Make a version the live one; a first version always, another only if it is not worse.

        Parameters
        ----------
        owner, name, kind
            Whose model, and which; the kind as its pointer says, if there is one.
        version
            A published version.
        force
            Whether to promote it even if it is worse, or cannot be compared; the history says so.
        training
            The training that made it, for the history.
        check
            Called with the pointer that is to change, each time that it is read; what it raises ends the promotion.

        Returns
        -------
        The pointer; unchanged if the version is live already.

        Raises
        ------
        NotBetterError
            If it is worse, or cannot be compared, and is not forced.
        ModelConflictError
            If the model is of another kind, or others promote at the same time too often.
        NotFoundError
            If there is no such version.
        """

        def promoted(pointer: Pointer) -> Pointer:
            check_kind(pointer, kind)
            if pointer.live == version:
                return pointer
            if version in pointer.deleted:
                raise NotFoundError(f"version {version[:SHOWN_DIGITS]} of {name!r} was deleted")
            check(pointer)
            # Read after the pointer: where there is none, or none is live, the model may have been deleted meanwhile.
            maker = self._versions.card(owner, name, version).get("training") or None
            comparison = first(version)
            how: How = "first"
            if pointer.live is not None:
                comparison = self.compare(owner, name, pointer.live, version)
                passes = comparison["verdict"] in {"better", "not-worse"}
                if not passes and not force:
                    raise NotBetterError(f"{comparison['sentence']} Set force to promote it nevertheless.", comparison)
                how = "promoted" if passes else "forced"
            return pointer.pointing_at(Change(version, self._pointers.time(), how, comparison, training or maker))

        return self._pointers.change(owner, name, promoted, new=Pointer(name, kind))

    def roll_back(self, owner: str, name: str, to: str | None = None) -> Pointer:
        """Make an earlier live version live again, without a comparison.

        Parameters
        ----------
        owner, name
            Whose model, and which.
        to
            The version; by default the one that was live before the present one.

        Returns
        -------
        The pointer.

        Raises
        ------
        ModelConflictError
            If no earlier version is left.
        NotFoundError
            If there is no such model, or it had no such live version.
        """

        def rolled_back(pointer: Pointer) -> Pointer:
            if to is not None and to == pointer.live:
                return pointer
            earlier = [version for version in pointer.previous() if to in {None, version}]
            target = next((version for version in earlier if self._exists(owner, name, version)), None)
            if target is None and to is not None:
                raise NotFoundError(
                    f"version {to[:SHOWN_DIGITS]} of {name!r} was never live; promote it instead of rolling back to it"
                )
            if target is None:
                raise ModelConflictError(f"the model {name!r} has no earlier live version to go back to")
            training = next((change.training for change in pointer.history if change.version == target), None)
            return pointer.pointing_at(Change(target, self._pointers.time(), "rolled_back", None, training))

        return self._pointers.change(owner, name, rolled_back)

    def delete_version(self, owner: str, name: str, version: str) -> None:
        """Delete a version that is not live; raises ModelConflictError for the live one, and NotFoundError."""
        # The pointer first: whoever promotes it at the same time either comes before, or finds it deleted.
        self._pointers.change(owner, name, lambda pointer: pointer.without(version))
        self._versions.delete(owner, name, version)

    def delete_model(self, owner: str, name: str) -> None:
        """Delete a model with all its versions; raises NotFoundError."""
        # It is served no longer, then its versions go, and its pointer last: a deletion that was interrupted can be
        # repeated, and who promotes a version at the same time finds it deleted, or comes before.
        self._pointers.change(owner, name, Pointer.without_live)
        self._versions.delete_all(owner, name)
        self._pointers.delete(owner, name)

    def _exists(self, owner: str, name: str, version: str) -> bool:
        try:
            self._versions.card(owner, name, version)
        except NotFoundError:
            return False
        return True

    def compare(self, owner: str, name: str, live: str, candidate: str) -> answers.Comparison:
        """Compare two published versions of a model; raises NotFoundError."""
        return compare((live, self._held_out(owner, name, live)), (candidate, self._held_out(owner, name, candidate)))

    def _held_out(self, owner: str, name: str, version: str) -> HeldOut:
        card = self._versions.card(owner, name, version)
        try:
            return HeldOut.read(self._versions.file(owner, name, version, card, keys.HELD_OUT))
        except NotFoundError as error:
            raise InfrastructureError(error.detail) from error


def check_kind(pointer: Pointer, kind: Kind) -> None:
    """Raise ModelConflictError if a model is of another kind."""
    if pointer.kind is not kind:
        raise ModelConflictError(
            f"{pointer.name!r} is a model of kind {pointer.kind.value!r}, not {kind.value!r}; choose another name"
        )
