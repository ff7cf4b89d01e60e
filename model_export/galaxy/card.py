"""The galaxy model's card: everything that the artefact says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from model_export.galaxy import choice, surveys
from model_export.galaxy.contract import FILE, INPUT, spec
from model_export.galaxy.labels import CLASSES, NAMES, PATHS
from model_export.star import conformal

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND: Final = (
    "python -m model_export galaxy data{of} && python -m model_export galaxy train{of} --steps {steps} && "
    "python -m model_export galaxy evaluate{of} && python -m model_export galaxy export{of}"
)
ORIGIN: Final = (
    "Fine-tuned from the public weights of MobileNetV3-Large minimalistic 1.0 224 (TF-Slim release, ImageNet-1k, "
    "Apache-2.0), its uint8 TFLite file dequantised; the classifier replaced, batch norms put back with statistics "
    "of galaxies, all layers trained."
)
LICENCE: Final = (
    "The trained network is part of this project; the weights that it started from are Apache-2.0 (Google, TF-Slim). "
    "No picture of the training data is included."
)
ATTRIBUTION: Final = {
    surveys.HERE: (
        "Labels: Galaxy Zoo 2, Willett et al. 2013, MNRAS 435, 2835 (cite), by way of the Kaggle Galaxy Challenge and "
        "the galaxy-datasets catalogue; EFIGI, Baillard et al. 2011, A&A 532, A74 (cite). Pictures: Sloan Digital Sky "
        "Survey."
    ),
    surveys.GZ2: (
        "Labels: Galaxy Zoo 2, Willett et al. 2013, MNRAS 435, 2835 (cite), by way of the galaxy-datasets catalogue. "
        "Pictures: Sloan Digital Sky Survey."
    ),
    surveys.GALAXY10: (
        "Labels: Galaxy10 DECaLS, after Galaxy Zoo DECaLS, Walmsley et al. 2022, MNRAS 509, 3966 (cite). "
        "Pictures: DESI Legacy Imaging Surveys."
    ),
}
INTENDED_USE: Final = (
    "To sort cutouts of single galaxies, gri colour as in SDSS and centred, framed as in Galaxy Zoo 2 (the galaxy in "
    "the middle half of the picture), into the eight classes at the end of the Galaxy Zoo 2 decision path."
)
LIMITATIONS: Final = """\
Irregular means that volunteers gave no majority for the path's questions, as in the galaxy-datasets catalogue; it is \
not morphological irregularity, lies mostly at the tie between smooth and featured, and is seldom found.
Anything that is not a centred galaxy gets one of the eight labels too. Other surveys, bands, depths and framings are \
outside what was measured.
It learnt from the survey's colour pictures: of FITS cutouts, grey pictures and counts expect it to know fewer \
(measured in model_export/galaxy/results/forms.json)."""
LIMITATIONS_HERE: Final = """\
Featured Without Bar Or Spiral has 27 exact Galaxy Zoo 2 training pictures and 7 test pictures: its scores mean little.
The labels are themselves votes: redrawn from the vote fractions, a perfect reader of pictures would agree with about \
0.86 to 0.88 of those labels that come from votes. A part of the exact labels comes from a published clean subset, \
which is easier; see by_source.
The test part has the class mix of the pictures at hand, not of the survey; accuracy_reweighted_to_full_survey weights \
each class's recall by the counts of the full survey, by raw votes and with edge-on to cigar at 4 to 1."""


def make(evaluation: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The card of the file that ``evaluation`` measured."""
    run, chosen = evaluation["run"], evaluation["choice"]
    survey = next(name for name, table in surveys.TABLES.items() if table in evaluation["data"]["tables"])
    of_set = "" if survey == surveys.HERE else f" --set {survey}"
    limitations = LIMITATIONS.splitlines() + (LIMITATIONS_HERE.splitlines() if survey == surveys.HERE else [])
    inputs = spec(evaluation["candidate"]["side"])
    return {
        "name": "galaxy",
        "version": version,
        "architecture": f"{evaluation['candidate']['about']}; views averaged in the graph: {chosen['views']}",
        "labels": list(NAMES),
        "classes": {name: PATHS[key] for name, key in zip(NAMES, CLASSES, strict=True)},
        "input": {
            "name": INPUT,
            "height": inputs.height,
            "width": inputs.width,
            "resize_shorter": inputs.resize_shorter,
            "central_fraction": inputs.central_fraction,
            "background": inputs.background,
            "filter": inputs.filter,
            "measurements": inputs.measurements,
            "layout": "uint8 (1, height, width, 3) RGB",
            "normalisation": "in the graph",
        },
        "file": FILE,
        "sha256": evaluation["sha256"],
        **{key: evaluation["file"][key] for key in ("bytes", "opset", "ir_version", "nodes", "parameters")},
        "outputs": {
            "probabilities": "float32 (1, 8), calibrated, sums to 1",
            "activation": "float32 (1, 8, 4, 4), class activation map; its mean is the logit",
            "embedding": "float32 (1, 960), pooled features averaged over the views",
        },
        "views": chosen["views"],
        "logit_adjustment": {"strength": chosen["strength"], "shift": chosen["shift"]},
        "temperature": chosen["temperature"],
        "conformal": {
            "coverage": conformal.COVERAGE,
            "method": choice.METHOD,
            "thresholds": chosen["thresholds"],
        },
        "metrics": evaluation["metrics"],
        "validation": evaluation["validation"],
        "training_data": {**evaluation["data"], "origin_of_weights": ORIGIN},
        "training": run,
        "seed": run["seed"],
        "command": COMMAND.format(steps=run["steps"], of=of_set),
        "libraries": evaluation["libraries"],
        "parity": evaluation["parity"],
        "latency": evaluation["latency"],
        "licence": LICENCE,
        "attribution": ATTRIBUTION[survey],
        "intended_use": INTENDED_USE,
        "limitations": limitations,
    }
