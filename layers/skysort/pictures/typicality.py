"""How typical a picture is of those that a model was tested on, from the network's embedding.

Two things tell a picture of another kind: how much of its embedding lies outside the principal axes of good ones, as in
Wang et al. 2022 ("ViM: out-of-distribution with virtual-logit matching"), which knows of no other kind; and a quadratic
score that was learnt against pictures of other kinds. Each becomes a conformal p-value (Vovk, Gammerman & Shafer 2005)
by held-out good pictures. The smaller of the two is one again: typicality is the share of held-out good pictures whose
smaller p-value is at most as small, so that at a threshold of 0.005 one good picture in 200 is flagged.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from skysort.errors import ArtefactError
from skysort.learning.sketch import THRESHOLD, p_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

# The card's entry.
ENTRY: Final = "typicality"
METHOD: Final = (
    "conformal p-value (Vovk, Gammerman & Shafer 2005) of the smaller of two: the part of the embedding outside the "
    "principal axes of good pictures (Wang et al. 2022), and a quadratic score learnt against pictures of other kinds"
)
_ARRAYS: Final = ("mean", "axes", "linear", "squares", "constants", "outside", "foreign", "smaller")
_TINY: Final = float(np.finfo(np.float32).tiny)


class PictureTypicality:
    """Measures embeddings.

    Parameters
    ----------
    mean
        (d,) embedding of good pictures.
    axes
        (d, k) their principal axes, of unit length.
    linear, squares, constants
        The score is embedding @ linear + (projections ** 2) @ squares + constants[0] * outside + constants[1], where
        embeddings are less the mean, and outside is the logarithm of the squared length of what the axes leave out.
    outside, foreign
        (n,) sorted values of held-out good pictures: of what is outside, and of the score.
    smaller
        (n,) sorted: minus the logarithm of the smaller of their two p-values.
    """

    def __init__(
        self,
        *,
        mean: Floats,
        axes: Floats,
        linear: Floats,
        squares: Floats,
        constants: Floats,
        outside: Floats,
        foreign: Floats,
        smaller: Floats,
    ) -> None:
        self.arrays = {
            "mean": mean, "axes": axes, "linear": linear, "squares": squares, "constants": constants,
            "outside": outside, "foreign": foreign, "smaller": smaller,
        }  # fmt: skip
        self._mean = mean.astype(np.float32)
        # One product for all of them.
        self._weights = np.concatenate([axes, linear[:, np.newaxis]], axis=1, dtype=np.float32)
        self._squares = np.stack([np.ones_like(squares), squares], axis=1, dtype=np.float32)
        self._on_outside, self._constant = (float(value) for value in constants)
        self._outside, self._foreign, self._smaller = outside, foreign, smaller

    def scores(self, embedding: Floats) -> tuple[Floats, Floats]:
        """What lies outside and the learnt score of (n, d) embeddings, (n,) each; the larger the less typical."""
        centred = embedding - self._mean
        products = centred @ self._weights
        inside, learnt = (np.square(products[:, :-1]) @ self._squares).T
        length = np.einsum("ij,ij->i", centred, centred)
        outside = np.log(np.maximum(length - inside, _TINY))
        return outside, products[:, -1] + learnt + np.float32(self._on_outside) * outside + np.float32(self._constant)

    def measure(self, embedding: Floats) -> NDArray[np.float64]:
        """(n,) typicality of (n, d) embeddings."""
        outside, foreign = self.scores(embedding)
        return p_values(self._smaller, smaller(p_values(self._outside, outside), p_values(self._foreign, foreign)))

    def save(self) -> bytes:
        """The content of a file."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **self.arrays)  # type: ignore[arg-type]
        return buffer.getvalue()

    @classmethod
    def load(cls, content: bytes) -> Self:
        """Read a file of `save`; raises ArtefactError."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                given: dict[str, NDArray[Any]] = {name: arrays[name] for name in _ARRAYS}
            _check(given)
            return cls(**given)
        except Exception as error:
            raise ArtefactError(f"the typicality of the model cannot be read: {error!r:.200}") from error

    @classmethod
    def of_card(cls, document: Mapping[str, Any], read: Callable[[Mapping[str, Any]], bytes]) -> Self | None:
        """What a card lists, None if it lists none; read: a file by its entry, its hash checked."""
        if ENTRY not in document:
            return None
        entry = document[ENTRY]
        try:
            threshold = entry["threshold"]
            content = read(entry)
        except (KeyError, TypeError) as error:
            raise ArtefactError(f"the card does not describe its typicality in full: {error!r:.200}") from error
        if threshold != THRESHOLD:
            raise ArtefactError(f"the card's threshold of typicality is {threshold!r:.20}, not {THRESHOLD}")
        return cls.load(content)


def smaller(outside: NDArray[np.float64], foreign: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minus the logarithm of the smaller of two p-values."""
    return np.asarray(-np.log(np.minimum(outside, foreign)))


def _check(given: Mapping[str, NDArray[Any]]) -> None:
    (width, count) = given["axes"].shape
    shapes = {"mean": (width,), "linear": (width,), "squares": (count,), "constants": (2,)}
    wrong = [name for name, shape in shapes.items() if given[name].shape != shape]
    wrong += [name for name in ("outside", "foreign", "smaller") if given[name].ndim != 1 or not given[name].size]
    if wrong or not all(np.isfinite(values).all() for values in given.values()):
        raise ValueError(f"its arrays do not fit each other: {', '.join(wrong) or 'values'}")
