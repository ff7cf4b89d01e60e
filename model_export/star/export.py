"""``export``: publish the evaluated boosters, unless they are worse than those in place.

The rule: on the same test split, neither the accuracy nor the macro F1 of either variant may be
lower than that of the boosters in place. Equal is good enough. With nothing in place everything is
published. Where the card in place was measured on another test split, what counts is what ``evaluate``
measured of the boosters in place on the candidate's; without that the two cannot be compared, and it is refused.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from model_export.common.cli import OK, REFUSED, say
from model_export.common.files import read_json, write_json
from model_export.star import boosters, card
from model_export.star.evaluate import EVALUATION, trained
from model_export.star.train import TRAINING
from model_export.star.workspace import ARTEFACT, Workspace
from skysort.errors import ArtefactError, ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from model_export.settings import Settings

COMPARED: Final = ("accuracy", "macro_f1")


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write the boosters and card.json to the artefact folder; exit code 1 and a sentence when refused."""
    workspace = Workspace.of(options, settings)
    folder = options.into or ARTEFACT
    training = read_json(workspace.build / TRAINING, "star train")
    evaluation = read_json(workspace.results / EVALUATION, "star evaluate")
    for name in boosters.VARIANTS:
        if evaluation["variants"][name]["sha256"] != training["variants"][name]["sha256"]:
            raise ConfigurationError(f"the evaluation is of another {name}; run `python -m model_export star evaluate`")
    in_place = read_json(folder / card.CARD, "star export") if (folder / card.CARD).exists() else None
    if in_place is not None and (reason := worse(training, evaluation, in_place)):
        print(f"not published: {reason}", file=sys.stderr)
        return REFUSED

    version = card.next_version(None if in_place is None else in_place["version"], options.bump)
    contents = {name: trained(workspace.build, name, training["variants"][name]) for name in boosters.VARIANTS}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / f"{name}.ubj").write_bytes(content)
    write_json(folder / card.CARD, card.make(training, evaluation, version))
    say(f"published star {version} to {folder}")
    return OK


def worse(training: Mapping[str, Any], evaluation: Mapping[str, Any], in_place: Mapping[str, Any]) -> str | None:
    """Why the candidate must not replace the card in place, or None."""
    try:
        measured = _on_the_same_split(training, evaluation, in_place)
        if measured is None:
            return (
                f"star {in_place['version']} in place was measured on another test split, so the two cannot be "
                "compared; evaluate --against the folder it is in, or export --into an empty folder"
            )
        for name in boosters.VARIANTS:
            candidate, current = evaluation["variants"][name]["metrics"], measured[name]["metrics"]
            for score in COMPARED:
                new, old = candidate[score]["value"], current[score]["value"]
                if new < old:
                    return (
                        f"{name} has {score.replace('_', ' ')} {new:.6f} on the test split, "
                        f"star {in_place['version']} in place has {old:.6f}"
                    )
    except (KeyError, TypeError) as missing:
        raise ArtefactError(f"the card in place does not say {missing}; mend or remove it") from missing
    return None


def _on_the_same_split(
    training: Mapping[str, Any], evaluation: Mapping[str, Any], in_place: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """The variants in place with their metrics on the candidate's test split; None where nobody measured them there."""
    measured_on = in_place["training_data"]["splits"]["test"]["sha256"]
    published: Mapping[str, Any] = in_place["variants"]
    if measured_on == training["data"]["splits"]["test"]["sha256"]:
        return published
    again: Mapping[str, Any] = (evaluation.get("in_place") or {}).get("variants", {})
    same = all(again.get(name, {}).get("sha256") == published[name]["sha256"] for name in boosters.VARIANTS)
    return again if same else None
