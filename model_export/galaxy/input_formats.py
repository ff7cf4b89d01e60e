"""``input-formats``: the published file on the test part's galaxies in formats other than colour pictures.

Survey cutouts of these galaxies are not available, so their flux is reconstructed from the pictures, by inverting the
stretch of Lupton et al. (2004), and written as FITS. What was lost in 8-bit quantisation stays lost. The pictures of
other instruments and surveys are made from them too (other_pictures.py).
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from model_export.common.cli import OK, log, progress
from model_export.common.files import artefact, write_json
from model_export.galaxy import other_pictures, readme, split
from model_export.galaxy.other_pictures import Z_TO_I, light, png
from model_export.galaxy.workspace import FORMATS, Workspace
from skysort.learning.metrics import summary, with_interval
from skysort.pictures.decode import decode
from skysort.pictures.measurements import stretch
from skysort.pictures.model import PictureModel

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from numpy.typing import NDArray

    Conversion = Callable[[bytes], bytes]

# Weights of i, r and g in nanomaggies (red first) in SDSS's pictures.
SURVEY_WEIGHTS: Final = np.array([1.0, 1.5, 2.5])
COUNTS: Final = (1_000.0, 60.0)  # detector counts of the sky, and per unit of flux
OBSERVED, TURNED = 0.34, 25.0  # half side of the observed square relative to the frame; rotation in degrees
FULL: Final = 0.01  # saturated share of the pixels in the central half
EVERY: Final = 12  # stride through the training part, for the mean colour
BLOCK: Final = 2880


def run(options: argparse.Namespace) -> int:
    """Write results/forms.json and its table in README.md."""
    workspace = Workspace.of(options)
    gz2, _ = workspace.catalogues()
    parts = workspace.split()
    model = PictureModel.load(artefact("galaxy"), options.threads)
    rows, learnt = split.rows(parts.test, gz2), split.rows(parts.train, gz2)[::EVERY]
    document: dict[str, Any] = {"part": "test", "version": model.card.version, "forms": {}}
    with progress() as bar:
        paths = bar.track([gz2.files[row] for row in learnt], description="colour of the training part")
        colours = [colour(light(path.read_bytes())) for path in paths]
        measured = np.array([flux_ratio for flux_ratio in colours if flux_ratio is not None])
        document["colour"] = {
            "pictures": len(measured),
            "mean": [round(float(band), 3) for band in measured.mean(axis=0)],
        }
        for name, convert in CONVERSIONS.items():
            probability, sets = [], []
            for row in bar.track(rows, description=name):
                answer = model.predict(decode(convert(gz2.files[row].read_bytes()), model.spec)[np.newaxis])
                probability.append(answer.probabilities[0])
                sets.append(answer.prediction_sets[0])
            document["forms"][name] = scores(np.array(probability, np.float64), np.array(sets), gz2.label[rows])
            log(f"{name}: {document['forms'][name]['accuracy']['value']:.4f}")
    write_json(workspace.results / FORMATS, document)
    readme.PAGE.fill(workspace.results)
    return OK


def scores(probability: NDArray[np.float64], sets: NDArray[np.bool_], truth: NDArray[np.int64]) -> dict[str, Any]:
    """Accuracy, macro F1, calibration error, and coverage of the (n, 8) prediction sets."""
    covered = sets[np.arange(len(truth)), truth]
    return {**summary(probability, truth), "coverage": with_interval(covered)}


def colour(flux: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """(3,) sky-subtracted flux of each band in the central half relative to the mean band; None without flux."""
    above = flux - stretch.sky_levels(flux, flux)
    return stretch.colour(_middle(above))


def _middle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = values.shape[:2]
    return values[height // 4 : height - height // 4, width // 4 : width - width // 4]


def fits(planes: NDArray[np.float64], bands: str = "") -> bytes:
    """Write (bands, height, width), top row first, as a FITS file of 32-bit floats; bands: a letter for each plane."""
    cards = {"SIMPLE": "T", "BITPIX": "-32", "NAXIS": str(planes.ndim)}
    cards |= {f"NAXIS{number + 1}": str(size) for number, size in enumerate(planes.shape[::-1])}
    cards |= {"BANDS": f"'{bands:8}'"} if bands else {}
    header = "".join(f"{name:8}= {value:>20}".ljust(80) for name, value in cards.items()) + "END".ljust(80)
    data = planes[:, ::-1].astype(">f4").tobytes()
    return b"".join(part + bytes(-len(part) % BLOCK) for part in (header.ljust(BLOCK).encode(), data))


def _grey(content: bytes) -> bytes:
    return png(np.asarray(Image.open(BytesIO(content)).convert("L")))


def _counts(content: bytes) -> bytes:
    sky, gain = COUNTS
    return png(np.clip(sky + gain * light(content)[..., 1], 0, 65_535).astype(np.uint16))


def _unobserved(number: float) -> Conversion:
    """R counts observed only in a rotated central square; the rest is filled with a number."""

    def convert(content: bytes) -> bytes:
        values = _counts_of_r(content)
        height, width = values.shape
        down, across = np.mgrid[-height / 2 : height / 2, -width / 2 : width / 2]
        angle = np.deg2rad(TURNED)
        along, beside = across * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - across * np.sin(angle)
        values[np.maximum(abs(along), abs(beside)) > OBSERVED * min(height, width)] = number
        return fits(values[np.newaxis])

    return convert


def _without_core(content: bytes) -> bytes:
    """R counts with the brightest central pixels blank, as in a saturated detector."""
    values = _counts_of_r(content)
    middle = _middle(values)
    middle[middle > np.quantile(middle, 1 - FULL)] = np.nan
    return fits(values[np.newaxis])


def _counts_of_r(content: bytes) -> NDArray[np.float64]:
    sky, gain = COUNTS
    return np.round(sky + gain * light(content)[..., 1])


def _cube(content: bytes) -> bytes:
    """Four named bands in nanomaggies, as the Legacy Survey cuts them out; z, which is not drawn, is made from i."""
    red, green, blue = np.moveaxis(light(content) / SURVEY_WEIGHTS, -1, 0)
    return fits(np.stack([blue, green, red, red * Z_TO_I]), "griz")


def _bands(weights: NDArray[np.float64]) -> Conversion:
    """Three bands ordered from blue to red, as in surveys."""
    return lambda content: fits(np.moveaxis(light(content) / weights, -1, 0)[::-1])


CONVERSIONS: Final[dict[str, Conversion]] = {
    "the pictures themselves": lambda content: content,
    "8-bit grey": _grey,
    "FITS of g, r and i, weighted as in the pictures": _bands(np.ones(3)),
    "FITS of g, r and i in nanomaggies": _bands(SURVEY_WEIGHTS),
    "FITS cube of g, r, i and z": _cube,
    "FITS of r alone": lambda content: fits(light(content)[..., 1][np.newaxis]),
    "counts of r in 16 bits (PNG)": _counts,
    "FITS of r, half of the frame not observed (0)": _unobserved(0.0),
    "FITS of r, half of the frame not observed (NaN)": _unobserved(np.nan),
    "FITS of r, a hundredth of the middle without value": _without_core,
    **other_pictures.CONVERSIONS,
}
