"""How typical an object is of a trained star model's data: its distance to them in magnitudes and colours.

The distance is to the nearest of a sample of the training rows, in magnitudes and neighbouring differences, each scaled
by its spread. Typicality is a conformal p-value: the share of held-out rows that are at least as far away, so that a
threshold of 0.005 flags one in 200 good rows. A quantity that is missing counts as its median. Beyond the farthest
held-out row the share falls with the fourth power of the distance: a small table has few rows to compare with.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from skysort.errors import ArtefactError

if TYPE_CHECKING:
    from numpy.typing import NDArray

THRESHOLD: Final = 0.005
METHOD: Final = "conformal p-value of the distance to the nearest training rows, in magnitudes and colours"
# Rows of the sample, and distances kept of the held-out ones.
SAMPLE: Final = 1_024
DISTANCES: Final = 2_000
# A block of distances fits the processor's cache.
_ROWS: Final = 1_024
_MIN_SCALE: Final = 1e-6
_FAR: Final = 1_000.0
# A normal distribution's standard deviation over its median absolute deviation.
_NORMAL: Final = 1.4826


@dataclass(frozen=True, slots=True)
class Typicality:
    """The sample and the held-out distances.

    bands: the number of magnitudes, which are the first values. centre, scale: (d,) medians and spreads. sample: (m, d)
    float32, scaled. distances: (k,) ascending, squared.
    """

    bands: int
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    sample: NDArray[np.float32]
    distances: NDArray[np.float32]
    threshold: float = THRESHOLD

    @classmethod
    def fit(
        cls, values: NDArray[np.float64], held_out: NDArray[np.float64], bands: int, generator: np.random.Generator
    ) -> Self:
        """Sample the training rows (n, k), and measure rows that the model has not seen (h, k)."""
        coordinates = _coordinates(values, bands)
        centre = _medians(coordinates)
        spread = _NORMAL * _medians(np.abs(coordinates - centre))
        # Half of a column's values may be equal: then its standard deviation counts.
        spread = np.where(spread > _MIN_SCALE, spread, np.nan_to_num(np.nanstd(coordinates, axis=0)))
        scale = np.where(spread > _MIN_SCALE, spread, 1.0)
        rows = generator.permutation(len(values))[:SAMPLE]
        unmeasured = cls(bands, centre, scale, np.zeros((0, len(scale)), np.float32), np.zeros(0, np.float32))
        sample = unmeasured._scaled(values[rows])
        fitted = cls(bands, centre, scale, sample, np.zeros(0, np.float32))
        distances = np.sort(fitted._nearest(held_out))
        if len(distances) > DISTANCES:
            distances = np.quantile(distances, np.linspace(0.0, 1.0, DISTANCES)).astype(np.float32)
        return cls(bands, centre, scale, sample, distances)

    def of(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """(n,) typicality of rows (n, k)."""
        distances = self._nearest(values)
        farther = len(self.distances) - np.searchsorted(self.distances, distances, side="left")
        shares = (1 + farther) / (1 + len(self.distances))
        if len(self.distances):
            # These are squares.
            shares *= np.minimum(1.0, self.distances[-1] / np.maximum(distances, _MIN_SCALE)) ** 2
        return shares.astype(np.float32)

    def save(self) -> bytes:
        """The content of a file."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            bands=np.array([self.bands]),
            centre=self.centre,
            scale=self.scale,
            sample=self.sample,
            distances=self.distances,
        )
        return buffer.getvalue()

    @classmethod
    def load(cls, content: bytes) -> Self:
        """Read a file of `save`; raises ArtefactError."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                bands = int(arrays["bands"][0])
                centre, scale = arrays["centre"].astype(np.float64), arrays["scale"].astype(np.float64)
                sample, distances = arrays["sample"].astype(np.float32), arrays["distances"].astype(np.float32)
        except Exception as error:
            raise ArtefactError(f"the typicality file cannot be read: {error!r:.200}") from error
        if centre.ndim != 1 or scale.shape != centre.shape or sample.shape != (len(sample), len(centre)):
            raise ArtefactError("the typicality file has arrays whose shapes do not match")
        return cls(bands, centre, scale, sample, distances)

    def _scaled(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        coordinates = _coordinates(values, self.bands)
        scaled = (np.where(np.isnan(coordinates), self.centre, coordinates) - self.centre) / self.scale
        # Keeps one column of a wide range from overflowing.
        return np.clip(scaled, -_FAR, _FAR).astype(np.float32)

    def _nearest(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """(n,) squared distance to the nearest row of the sample."""
        nearest = np.empty(len(values), np.float32)
        lengths = np.einsum("ij,ij->i", self.sample, self.sample)
        for start in range(0, len(values), _ROWS):
            scaled = self._scaled(values[start : start + _ROWS])
            products = scaled @ self.sample.T
            products *= -2.0
            products += lengths
            nearest[start : start + _ROWS] = products.min(axis=1) + np.einsum("ij,ij->i", scaled, scaled)
        return np.maximum(nearest, 0.0)


def _coordinates(values: NDArray[np.float64], bands: int) -> NDArray[np.float64]:
    """(n, d): the values, and the differences of neighbouring bands."""
    return np.concatenate([values, np.diff(values[:, :bands], axis=1)], axis=1)


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(d,) medians without NaN; 0 for a column without values."""
    filled = np.where(np.isnan(values).all(axis=0), 0.0, values)
    medians: NDArray[np.float64] = np.nanmedian(filled, axis=0)
    return medians
