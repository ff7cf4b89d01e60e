"""Fitting and measuring what tells pictures of another kind (skysort.pictures.typicality), for both picture models.

The principal axes and the score are fitted on pictures that the network may have learnt from, the p-values on held-out
ones. Whatever is reported is of pictures that neither has seen.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from model_export.common.cli import log
from model_export.common.files import make_folders, sha256
from model_export.common.readme import interval
from skysort.errors import ConfigurationError
from skysort.learning import metrics
from skysort.learning.heads import LOGISTIC, Training
from skysort.learning.sketch import THRESHOLD, p_values
from skysort.pictures.decode import decode
from skysort.pictures.model import EMBEDDING, PROBABILITIES
from skysort.pictures.typicality import METHOD, PictureTypicality, smaller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from model_export.common.odd_pictures import Pixels
    from skysort.pictures.model import PictureModel

    Floats = NDArray[np.float32]

FILE: Final = "typicality.npz"
RESULTS: Final = "typicality.json"
AXES: Final = 64
# Of the logistic regression; stronger ones let one trail in three pass.
REGULARISATION: Final = 0.001
COMPRESSED: Final = 0.4  # share of the rendered pictures that are JPEG files
QUALITY: Final = (60, 96)
TIMES: Final = 300
BATCH: Final = 64
LEAST: Final = 1e-12
SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})


@dataclass(frozen=True, slots=True)
class Answers:
    """What a network gives for n pictures: (n, d) embeddings, (n, classes) probabilities."""

    embedding: Floats
    probabilities: Floats

    def __len__(self) -> int:
        return len(self.embedding)


class Answering:
    """A published model that answers pictures as the service does, and keeps its answers in a folder."""

    def __init__(self, model: PictureModel, build: Path, on_picture: Callable[[], object] = lambda: None) -> None:
        self._model = model
        self._folder = build / "typicality" / str(model.card.document["sha256"])[:12]
        self._on_picture = on_picture
        make_folders(self._folder)

    def __call__(self, name: str, contents: Iterable[bytes]) -> Answers:
        """The answers to files; name: of the pictures, which stays the same only for the same ones."""
        path = self._folder / f"{name}.npz"
        if not path.exists():
            embeddings, probabilities = [], []
            for content in contents:
                pixels = decode(content, self._model.spec)[np.newaxis]
                probability, embedding = self._model.run(pixels, [PROBABILITIES, EMBEDDING])
                embeddings.append(embedding[0])
                probabilities.append(probability[0])
                self._on_picture()
            np.savez(path, embedding=np.array(embeddings), probabilities=np.array(probabilities))
        with np.load(path) as kept:
            return Answers(kept["embedding"], kept["probabilities"])


def photographs(folder: Path) -> list[Path]:
    """The pictures below a folder, sorted; raises ConfigurationError if there are none."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise ConfigurationError(f"{folder} holds no pictures; set SKYSORT_DATA to the folder that has it")
    return found


def contents(paths: Iterable[Path]) -> Iterator[bytes]:
    """The files at paths."""
    return (path.read_bytes() for path in paths)


def rendered(
    picture: Callable[[np.random.Generator], Pixels], count: int, draw: np.random.Generator
) -> Iterator[bytes]:
    """Files of a kind of rendered picture."""
    return (encoded(picture(draw), draw) for _ in range(count))


def encoded(pixels: Pixels, draw: np.random.Generator) -> bytes:
    """A rendered picture as a file, PNG or JPEG."""
    buffer = BytesIO()
    picture = Image.fromarray(pixels)
    if draw.random() < COMPRESSED:
        picture.save(buffer, "JPEG", quality=int(draw.integers(*QUALITY)))
    else:
        picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def fit(good: Floats, foreign: Floats, held_out: Floats) -> PictureTypicality:
    """Fit axes and score on (n, d) embeddings of good and of foreign pictures, p-values on held-out good ones."""
    mean = good.mean(axis=0)
    centred = (good - mean).astype(np.float64)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :AXES].astype(np.float32)
    examples = np.concatenate([_terms(good - mean, axes), _terms(foreign - mean, axes)])
    centre, spread = examples.mean(axis=0), examples.std(axis=0) + LEAST
    labels = np.repeat([0, 1], [len(good), len(foreign)])
    training = Training.of((examples - centre) / spread, labels, 2)
    weights, bias = training.outside(training.fit(LOGISTIC, REGULARISATION))
    weight = (weights[:, 1] - weights[:, 0]) / spread
    width = good.shape[1]
    nothing = np.zeros(1, np.float32)
    arrays = {
        "mean": mean.astype(np.float32),
        "axes": axes,
        "linear": weight[:width].astype(np.float32),
        "squares": weight[width:-1].astype(np.float32),
        "constants": np.array([weight[-1], bias[1] - bias[0] - centre @ weight], np.float32),
    }
    outside, score = PictureTypicality(**arrays, outside=nothing, foreign=nothing, smaller=nothing).scores(held_out)
    arrays |= {"outside": np.sort(outside), "foreign": np.sort(score)}
    least = smaller(p_values(arrays["outside"], outside), p_values(arrays["foreign"], score))
    return PictureTypicality(**arrays, smaller=np.sort(least).astype(np.float32))


def _terms(centred: Floats, axes: Floats) -> NDArray[np.float64]:
    """(n, d + k + 1): what the score is linear in."""
    squares = np.square(centred @ axes)
    outside = np.log(np.maximum(np.square(centred).sum(axis=1) - squares.sum(axis=1), LEAST))
    return np.concatenate([centred, squares, outside[:, np.newaxis]], axis=1, dtype=np.float64)


def flagged(fitted: PictureTypicality, *answers: Answers) -> dict[str, float]:
    """The number of pictures, and the share of them that are flagged, with its interval."""
    below = fitted.measure(np.concatenate([each.embedding for each in answers])) < THRESHOLD
    return {"rows": len(below), **metrics.share(float(below.mean()), len(below))}


def without_each(
    good: Floats,
    foreign: Mapping[str, Answers],
    held_out: Floats,
    tested: Mapping[str, Answers],
    groups: Mapping[str, Sequence[str]],
) -> dict[str, dict[str, float]]:
    """Of each group of kinds, the share flagged by a score that was learnt without it.

    Parameters
    ----------
    good, held_out
        Embeddings, as of `fit`.
    foreign, tested
        The kinds that are learnt against and measured, by name.
    groups
        The names of each group.

    Returns
    -------
    As `flagged`, by group.
    """
    report = {}
    for name, kinds in groups.items():
        rest = np.concatenate([answers.embedding for kind, answers in foreign.items() if kind not in kinds])
        members = [tested[kind] for kind in kinds if kind in tested]
        report[name] = flagged(fit(good, rest, held_out), *members)
    return report


def tell(report: Mapping[str, Any]) -> None:
    """Print the shares of a report."""
    for shares in (value for key, value in report.items() if key.startswith("flagged_")):
        for name, share in shares.items():
            log(f"{name}: {interval(share)}")


def cost(fitted: PictureTypicality, embedding: Floats) -> dict[str, float]:
    """Microseconds for a picture, alone and in a batch."""
    return {"alone": _microseconds(fitted, embedding[:1]), "in_a_batch": _microseconds(fitted, embedding[:BATCH])}


def _microseconds(fitted: PictureTypicality, embedding: Floats) -> float:
    taken = []
    for _ in range(TIMES):
        started = time.perf_counter()
        fitted.measure(embedding)
        taken.append(time.perf_counter() - started)
    return round(float(np.median(taken)) / len(embedding) * 1e6, 1)


def entry(content: bytes, report: Mapping[str, Any]) -> dict[str, Any]:
    """The card's entry."""
    return {
        "threshold": THRESHOLD,
        "method": METHOD,
        "file": FILE,
        "sha256": sha256(content),
        "bytes": len(content),
        **report,
    }
