"""How typical a whole table is of the survey, and what was likely done to it where it is not.

A single row cannot tell magnitudes of another system from those of an unusual object, but a table can. Two things are
measured. The effect: how much lower the log density of its rows is than what is expected of good rows in the same
components of the mixtures, so that a table may have any mix of classes, brightnesses and colours. And the gain: by how
much the best cure of skysort.star.cures raises the mean log density, which tells what was done to the magnitudes.

Typicality is the smallest of three shares: of good tables of about that size whose effect is at most as high, twice of
those whose effect is at least as high (simulated objects scatter less than measured ones), and of those whose gain is
at least as high. Good tables are drawn from held-out objects in many mixes of classes and windows of magnitude, colour
and redshift. With a threshold of 0.005 about one in 100 of them is out of the domain.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from skysort.errors import ArtefactError
from skysort.star.cures import CURES, FAINT_END, TOO_REGULAR, UNEXPLAINED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysort.star.cures import Cause, Cure
    from skysort.star.mixtures import Mixtures

THRESHOLD: Final = 0.005
# Tables of fewer rows are not judged, and of longer ones so many rows are.
FEWEST: Final = 20
MOST: Final = 1_000
_R: Final = 2
# Cures are tried on so many rows, and only where fewer good tables than this have so low an effect.
TRIED: Final = 100
# All cures are tried on every so many of these rows, and the most promising ones on all of them.
_FIRST_TRIED: Final = 4
_PROMISING: Final = 12
# Cured rows at a time, whose products fit the processor's cache.
_CURED_ROWS: Final = 1_000
SUSPECT: Final = 0.1
# When cures are compared a row's log density counts no lower: one odd row must not decide.
_LOWEST_OF_CURES: Final = -60.0
# Lower exponents have results that processors compute slowly (denormal numbers).
_LOWEST_OF_MEMBERS: Final = -80.0
_ARRAYS: Final = ("expected", "limits", "sizes", "effects", "gains")


@dataclass(frozen=True, slots=True)
class TableVerdict:
    """How typical a table is.

    rows: how many were judged. typicality: 0 to 1. effect: the mean difference of log densities from the expected, in
    units of their scatter. gain: of the best cure, in log density; NaN where none was tried. cause: of a table out of
    the domain.
    """

    rows: int
    typicality: float
    effect: float
    gain: float
    cause: Cause | None

    @property
    def in_domain(self) -> bool:
        """Whether the table is like the survey."""
        return self.typicality >= THRESHOLD


class TableTypicality:
    """Judges tables.

    Parameters
    ----------
    mixtures
        Of magnitudes alone.
    expected
        (2, components) mean and variance of the log density of good rows in each.
    limits
        (2,) the least log density that counts, and the r magnitude that few good rows are fainter than.
    sizes, effects, gains
        (s,) rows of good tables, ascending, and (s, q) quantiles of their effects and gains.
    """

    def __init__(
        self,
        mixtures: Mixtures,
        *,
        expected: NDArray[np.float64],
        limits: NDArray[np.float64],
        sizes: NDArray[np.int64],
        effects: NDArray[np.float64],
        gains: NDArray[np.float64],
    ) -> None:
        self.mixtures = mixtures
        self._expected = expected.astype(np.float32)
        self._limits = limits
        self._sizes = sizes
        self._effects = effects
        self._gains = gains

    def judge(self, magnitudes: NDArray[np.float64]) -> TableVerdict | None:
        """Judge rows (n, 5), evenly chosen if there are many; None for too few."""
        if len(magnitudes) < FEWEST:
            return None
        chosen = np.linspace(0, len(magnitudes) - 1, min(len(magnitudes), MOST)).round().astype(np.intp)
        magnitudes = magnitudes[chosen]
        place = max(0, int(np.searchsorted(self._sizes, len(magnitudes), side="right")) - 1)
        effects, gains = self._effects[place], self._gains[place]
        effect, gain = self.effect(magnitudes), math.nan
        typicality = _share(int(np.searchsorted(effects, effect, side="right")), effects)
        regular = 2.0 * _share(len(effects) - int(np.searchsorted(effects, effect, side="left")), effects)
        if regular < THRESHOLD:
            return TableVerdict(len(magnitudes), regular, effect, gain, TOO_REGULAR)
        typicality = min(typicality, regular)
        cure, cured = None, magnitudes
        if typicality < SUSPECT:
            cure, gain, cured = self.best_cure(magnitudes)
            higher = _share(len(gains) - int(np.searchsorted(gains, gain, side="left")), gains)
            # A cure that leaves a table odder or more regular than every good one is none.
            if higher >= THRESHOLD or not effects[0] <= self.effect(cured) <= effects[-1]:
                cure, cured = None, magnitudes
            typicality = min(typicality, higher)
        if typicality >= THRESHOLD:
            return TableVerdict(len(magnitudes), typicality, effect, gain, None)
        return TableVerdict(len(magnitudes), typicality, effect, gain, self._cause(cure, cured))

    def effect(self, magnitudes: NDArray[np.float64]) -> float:
        """The mean difference of log densities from the expected, in units of their scatter."""
        members, scores = memberships(self.mixtures.components(magnitudes))
        means, variances = self._expected @ members
        differences = np.maximum(scores, self._limits[0]) - means
        return float(differences.mean(dtype=np.float64) / math.sqrt(variances.mean(dtype=np.float64)))

    def best_cure(self, magnitudes: NDArray[np.float64]) -> tuple[Cure, float, NDArray[np.float64]]:
        """The cure that raises the mean log density of rows (n, 5) most, by how much, and the cured rows."""
        tried = magnitudes[np.linspace(0, len(magnitudes) - 1, min(len(magnitudes), TRIED)).round().astype(np.intp)]
        promising = np.argsort(self._cured(CURES, tried[::_FIRST_TRIED]))[-_PROMISING:]
        cures = [CURES[place] for place in promising.tolist()]
        likelihoods = self._cured(cures, tried)
        best = int(np.argmax(likelihoods))
        (as_it_is,) = self._likelihoods([tried], [0.0])
        return cures[best], likelihoods[best] - as_it_is, cures[best].undo(magnitudes)[0]

    def _cured(self, cures: Sequence[Cure], magnitudes: NDArray[np.float64]) -> list[float]:
        """The mean log density of rows after each cure."""
        cured, jacobians = zip(*(cure.undo(magnitudes) for cure in cures), strict=True)
        return self._likelihoods(cured, jacobians)

    def _cause(self, cure: Cure | None, cured: NDArray[np.float64]) -> Cause:
        is_faint = bool(np.median(cured[:, _R]) > self._limits[1])
        # Noise makes the faintest objects as red as dust does, but they stay faint without dust.
        if cure is not None and not (is_faint and cure.cause.code == "reddened"):
            return cure.cause
        return FAINT_END if is_faint else UNEXPLAINED

    def save(self) -> bytes:
        """The content of a file, without the mixtures."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{name: getattr(self, f"_{name}") for name in _ARRAYS})
        return buffer.getvalue()

    @classmethod
    def load(cls, mixtures: Mixtures, content: bytes) -> Self:
        """Read a file of `save`; raises ArtefactError."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                given = {name: arrays[name] for name in _ARRAYS}
        except Exception as error:
            raise ArtefactError(f"the file of tables cannot be read: {error!r:.200}") from error
        components = mixtures.classes * mixtures.weights.shape[1]
        tables = (len(given["sizes"]), given["effects"].shape[-1])
        shapes = {"expected": (2, components), "limits": (2,), "effects": tables, "gains": tables}
        if any(given[name].shape != shape for name, shape in shapes.items()):
            raise ArtefactError("the file of tables has arrays whose shapes do not match")
        return cls(mixtures, **given)

    def _likelihoods(
        self, tables: Sequence[NDArray[np.float64]], jacobians: Sequence[NDArray[np.float64] | float]
    ) -> list[float]:
        """The mean log density of each, by the highest component: as good to tell cures apart, and much faster."""
        found: list[float] = []
        rows = len(tables[0])
        at_once = max(1, _CURED_ROWS // rows)
        for start in range(0, len(tables), at_once):
            some = slice(start, start + at_once)
            scores = self.mixtures.components(np.concatenate(tables[some])).max(axis=0).reshape(-1, rows)
            for each, jacobian in zip(scores, jacobians[some], strict=True):
                found.append(float(np.maximum(each + jacobian, _LOWEST_OF_CURES).mean(dtype=np.float64)))
        return found


def _share(count: int, tables: NDArray[np.float64]) -> float:
    return (1 + count) / (1 + len(tables))


def memberships(components: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(k, n) to which component rows belong, adding up to 1, and (n,) their log density, all classes alike."""
    peaks = components.max(axis=0)
    members = components - peaks
    np.maximum(members, _LOWEST_OF_MEMBERS, out=members)
    np.exp(members, out=members)
    total = members.sum(axis=0)
    members /= total
    return members, np.log(total) + peaks
