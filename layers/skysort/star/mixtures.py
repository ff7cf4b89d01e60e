"""Where the objects of each class lie in magnitudes and colours: a Gaussian mixture a class, and how typical a row is.

The coordinates are the adjacent colours, r and, where there is one, the redshift. Each class has its own mixture, so
that nothing depends on how common a class is in the table at hand. The logarithm of a Gaussian is linear in the
coordinates' products, themselves and 1, so that all components are one matrix product.

Typicality is a conformal p-value (Vovk, Gammerman & Shafer 2005): the share of held-out objects of a class whose
highest component is at most as high, of the class in which that is largest. So at a threshold of 0.005 at most one
good row in 200 is flagged in every class and every mix of them. A row beyond the range of nearly all objects has none.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from skysort.errors import ArtefactError

if TYPE_CHECKING:
    from numpy.typing import NDArray

THRESHOLD: Final = 0.005
# Redshifts below it count as they are, larger ones by their logarithm.
REDSHIFT_SCALE: Final = 0.05
BANDS: Final = 5
_R: Final = 2
# A block of rows with its products fits the processor's cache.
_ROWS: Final = 2_048
_ARRAYS: Final = ("centre", "scale", "weights", "low", "high", "edges", "shares")


class Mixtures:
    """Mixtures of equally many components, and the heights of held-out objects; typicality tells 0 to 1.

    Parameters
    ----------
    centre, scale
        (d,) of the coordinates.
    weights
        (classes, k, f): each component's logarithm as coefficients of the f products of scaled coordinates.
    low, high
        (d,) the range of the scaled coordinates of nearly all objects.
    edges
        (2,) the heights of the first and the last column of shares, which are equally spaced.
    shares
        (classes, columns): the typicality at these heights.
    """

    def __init__(
        self,
        *,
        centre: NDArray[np.float64],
        scale: NDArray[np.float64],
        weights: NDArray[np.float32],
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        edges: NDArray[np.float64],
        shares: NDArray[np.float32],
    ) -> None:
        self.centre = centre
        self.scale = scale
        self.weights = weights
        self.low = low
        self.high = high
        self.edges = edges
        self.shares = shares
        self.classes, self._components, products = weights.shape
        dimensions = len(centre)
        self.has_redshift = dimensions > BANDS
        # With a last row and column for the 1, so that scaling and shifting is one matrix product.
        self._scaling = np.zeros((dimensions + 1, dimensions + 1))
        self._scaling[:-1, :-1] = _magnitudes_to_coordinates(dimensions) / scale[:, None]
        self._scaling[:, -1] = [*(-centre / scale), 1.0]
        self._scaling = self._scaling.astype(np.float32)
        self._low, self._high = (np.array([*edge, 1.0], np.float32)[:, None] for edge in (low, high))
        self._pairs = product_pairs(dimensions)
        self._flat = weights.reshape(-1, products)
        # In units of the columns of shares, so that a height is a place.
        self._last = shares.shape[1] - 1
        step = self._last / (edges[1] - edges[0])
        self._placing = self._flat.astype(np.float64) * step
        self._placing[:, -1] -= edges[0] * step
        self._placing = self._placing.astype(np.float32)
        self._offsets = np.arange(0, shares.size, shares.shape[1], dtype=np.int32)[:, None]

    def typicality(
        self, magnitudes: NDArray[np.float64], redshift: NDArray[np.float64] | None = None
    ) -> NDArray[np.float32]:
        """(n,) typicality of rows (n, 5), from 0 to 1; redshift: (n,) where it is a coordinate."""
        result = np.empty(len(magnitudes), np.float32)
        for start in range(0, len(magnitudes), _ROWS):
            rows = slice(start, start + _ROWS)
            products, inside = self._products(magnitudes[rows], None if redshift is None else redshift[rows])
            places = np.minimum(np.maximum(self._highest(self._placing @ products), 0), self._last).astype(np.int32)
            places += self._offsets
            np.multiply(self.shares.take(places).max(axis=0), inside, out=result[rows])
        return result

    def heights(
        self, magnitudes: NDArray[np.float64], redshift: NDArray[np.float64] | None = None
    ) -> NDArray[np.float32]:
        """(classes, n) logarithms of the highest component of each class."""
        return self._highest(self._flat @ self._products(magnitudes, redshift)[0])

    def within(self, magnitudes: NDArray[np.float64], redshift: NDArray[np.float64] | None = None) -> NDArray[np.bool_]:
        """(n,) whether rows are within the range of the objects."""
        return self._products(magnitudes, redshift)[1]

    def components(
        self, magnitudes: NDArray[np.float64], redshift: NDArray[np.float64] | None = None
    ) -> NDArray[np.float32]:
        """(classes k, n) logarithms of all weighted components; rows beyond the range count as at its edge."""
        return self._flat @ self._products(magnitudes, redshift)[0]

    def save(self) -> bytes:
        """The content of a file."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{name: getattr(self, name) for name in _ARRAYS})
        return buffer.getvalue()

    @classmethod
    def load(cls, content: bytes) -> Self:
        """Read a file of `save`; raises ArtefactError."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                given = {name: arrays[name] for name in _ARRAYS}
            _check(given)
            return cls(**given)
        except Exception as error:
            raise ArtefactError(f"the file of mixtures cannot be read: {error!r:.200}") from error

    def _products(
        self, magnitudes: NDArray[np.float64], redshift: NDArray[np.float64] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(f, n) products of the scaled coordinates, and (n,) whether they are within the range."""
        extended = np.empty((len(self._scaling), len(magnitudes)), np.float32)
        extended[:BANDS] = magnitudes.T
        if redshift is not None:
            extended[BANDS] = redshift
            extended[BANDS] /= REDSHIFT_SCALE
            np.arcsinh(extended[BANDS], out=extended[BANDS])
        extended[-1] = 1.0
        scaled = self._scaling @ extended
        clipped = np.minimum(np.maximum(scaled, self._low), self._high)
        inside = (clipped == scaled).all(axis=0)
        return clipped.take(self._pairs[0], axis=0) * clipped.take(self._pairs[1], axis=0), inside

    def _highest(self, components: NDArray[np.float32]) -> NDArray[np.float32]:
        highest: NDArray[np.float32] = components.reshape(self.classes, self._components, -1).max(axis=1)
        return highest


def coordinates(magnitudes: NDArray[np.float64], redshift: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """(n, d): four colours, r and, if given, the redshift."""
    columns = [np.diff(-magnitudes, axis=1), magnitudes[:, _R : _R + 1]]
    if redshift is not None:
        columns.append(np.arcsinh(redshift / REDSHIFT_SCALE)[:, None])
    return np.concatenate(columns, axis=1)


def product_pairs(dimensions: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which two of the coordinates and 1 each product is made of: pairs, then single ones, and last the 1."""
    first, second = np.triu_indices(dimensions)
    alone = np.arange(dimensions + 1)
    return np.concatenate([first, alone]), np.concatenate([second, np.full(dimensions + 1, dimensions)])


def _magnitudes_to_coordinates(dimensions: int) -> NDArray[np.float64]:
    """(d, d) of magnitudes (and a redshift's logarithm) to coordinates."""
    matrix = np.eye(dimensions)
    matrix[: BANDS - 1, :BANDS] -= np.eye(BANDS, k=1)[:-1]
    matrix[BANDS - 1, :BANDS] = np.eye(BANDS)[_R]
    return matrix


def _check(given: dict[str, NDArray[np.generic]]) -> None:
    dimensions = len(given["centre"])
    expected = {"scale": (dimensions,), "low": (dimensions,), "high": (dimensions,), "edges": (2,)}
    classes = given["weights"].shape[0]
    products = len(product_pairs(dimensions)[0])
    if (
        dimensions not in (BANDS, BANDS + 1)
        or any(given[name].shape != shape for name, shape in expected.items())
        or given["weights"].shape[2] != products
        or given["shares"].shape != (classes, given["shares"].shape[1])
    ):
        raise ArtefactError("its arrays have shapes that do not match")
