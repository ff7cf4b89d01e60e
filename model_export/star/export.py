"""``export``: publish the evaluated boosters and their card, unless they are worse than those in place.

If the card in place was measured on another test split, the scores of the boosters in place on the candidate's split,
as measured by ``evaluate``, count; without them the two cannot be compared, and publishing is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from model_export.common import publish
from model_export.common.files import artefact, read_json
from model_export.star import boosters, texts, typicality_card, validity
from model_export.star.data import SOURCE, Workspace
from model_export.star.evaluate import EVALUATION, trained
from model_export.star.train import TRAINING
from skysort.errors import ConfigurationError
from skysort.star.columns import LABELS, NO_REDSHIFT, RANGES, SENTINEL, UNITS
from skysort.star.domain import ENTRY
from skysort.star.spellings import ALIASES, BANDS, MEASURED, POSITION

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


COMMAND: Final = " && ".join(
    f"python -m model_export star {command}" for command in ("train", "evaluate", "typicality", "export")
)
ARCHITECTURE: Final = "gradient-boosted decision trees (XGBoost, multi:softprob), two boosters"
LICENCE: Final = (
    "The boosters are part of this project. SDSS data are public and free to use with acknowledgement: "
    "https://www.sdss.org/collaboration/citing-sdss/"
)
ATTRIBUTION: Final = (
    "Funding for the Sloan Digital Sky Survey IV has been provided by the Alfred P. Sloan Foundation, the "
    "U.S. Department of Energy Office of Science, and the Participating Institutions. Cite: Abdurro'uf et al. 2022, "
    "ApJS 259, 35 (Data Release 17); York et al. 2000, AJ 120, 1579."
)


def run(options: argparse.Namespace) -> int:
    """Write the boosters and card.json to the artefact folder; exit code 1 with a message if refused."""
    workspace = Workspace.of(options)
    target = publish.Target("star", options)
    training = read_json(workspace.build / TRAINING, "star train")
    evaluation = read_json(workspace.results / EVALUATION, "star evaluate")
    for name in boosters.VARIANTS:
        if evaluation["variants"][name]["sha256"] != training["variants"][name]["sha256"]:
            raise ConfigurationError(
                f"{name} is not the booster that was evaluated; run `python -m model_export star evaluate`"
            )
    if target.card is not None and (reason := worse(training, evaluation, target.card)):
        return target.refuse(reason)
    contents = {f"{name}.ubj": trained(workspace.build, name, training["variants"][name]) for name in boosters.VARIANTS}
    measured = read_json(workspace.results / typicality_card.RESULTS, "star typicality")
    mixtures = typicality_card.contents(measured, training["data"], (workspace.build, target.folder, artefact("star")))
    return target.publish(contents | mixtures, card(training, evaluation, measured, target.version))


def worse(training: Mapping[str, Any], evaluation: Mapping[str, Any], in_place: Mapping[str, Any]) -> str | None:
    """Why the candidate must not replace the model in place, or None; ArtefactError if its card lacks scores."""
    with publish.reading_card():
        version = f"star {in_place['version']}"
        measured = _on_the_same_split(training, evaluation, in_place)
        if measured is None:
            return (
                f"{version} in place was measured on another test split, so the two cannot be compared; "
                "evaluate --against its folder, or export --into an empty folder"
            )
        for name in boosters.VARIANTS:
            candidate, current = evaluation["variants"][name]["metrics"], measured[name]["metrics"]
            if reason := publish.worse(candidate, current, version, f"{name}: "):
                return reason
    return None


def _on_the_same_split(
    training: Mapping[str, Any], evaluation: Mapping[str, Any], in_place: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """The variants in place with their metrics on the candidate's test split; None if not measured on it."""
    measured_on = in_place["training_data"]["splits"]["test"]["sha256"]
    published: Mapping[str, Any] = in_place["variants"]
    if measured_on == training["data"]["splits"]["test"]["sha256"]:
        return published
    remeasured: Mapping[str, Any] = (evaluation.get("in_place") or {}).get("variants", {})
    same = all(remeasured.get(name, {}).get("sha256") == published[name]["sha256"] for name in boosters.VARIANTS)
    return remeasured if same else None


def card(
    training: Mapping[str, Any], evaluation: Mapping[str, Any], typicality: Mapping[str, Any], version: str
) -> dict[str, Any]:
    """The card of the boosters described by `training` and measured by `evaluation`, with what tells odd rows."""
    measured = evaluation["variants"]
    variants = {
        name: {**training["variants"][name], "metrics": measured[name]["metrics"], "parity": measured[name]["parity"]}
        for name in boosters.VARIANTS
    }
    data = training["data"]
    return {
        "name": "star",
        "version": version,
        "architecture": ARCHITECTURE,
        "labels": list(LABELS),
        "input": _input(),
        "variants": variants,
        ENTRY: typicality_card.entry(typicality),
        "training_data": {
            "name": data["name"],
            "source": SOURCE,
            **{key: data[key] for key in ("file", "rows", "sha256", "classes", "dropped", "splits")},
            "range": {"quantiles": list(validity.QUANTILES), **evaluation["training_range"]},
        },
        "seed": training["seed"],
        "command": COMMAND,
        "libraries": training["libraries"],
        "latency": {name: measured[name]["latency"] for name in boosters.VARIANTS},
        "licence": LICENCE,
        "attribution": ATTRIBUTION,
        "intended_use": texts.INTENDED_USE,
        "limitations": texts.LIMITATIONS.splitlines(),
        "validity": texts.validity(evaluation),
    }


def _input() -> dict[str, Any]:
    return {
        "columns": {
            name: {
                "unit": UNITS.get(name, ""),
                "range": list(RANGES[name]),
                "required": name in BANDS,
                "used": name in MEASURED,
                "aliases": list(ALIASES.get(name, ())),
            }
            for name in (*MEASURED, *POSITION)
        },
        "magnitudes": "AB, as SDSS catalogues them (asinh magnitudes)",
        "sentinel": SENTINEL,
        "redshifts_that_stand_for_none": list(NO_REDSHIFT),
        "normalisation": "none",
        "missing_redshift": f"the variant {boosters.PHOTOMETRY_ONLY} answers",
    }
