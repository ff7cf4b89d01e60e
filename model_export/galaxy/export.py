"""``export``: publish the evaluated file, unless it is worse than the one in place.

The rule is the star model's: on the same test part, neither accuracy nor macro F1 may be lower
than the card in place says. The parity with PyTorch must hold, whatever is in place.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from model_export.common.cli import OK, REFUSED, say
from model_export.common.files import read_json, sha256, write_json
from model_export.common.publish import next_version
from model_export.galaxy import card
from model_export.galaxy.contract import FILE, OUTPUTS
from model_export.galaxy.workspace import ARTEFACT, EVALUATION, Workspace
from skysort.card import CARD_FILE
from skysort.errors import ArtefactError, ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from model_export.settings import Settings

COMPARED: Final = ("accuracy", "macro_f1")


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write galaxy.onnx and card.json to the artefact folder; exit code 1 and a sentence when refused."""
    workspace = Workspace.of(options, settings)
    folder = options.into or ARTEFACT
    evaluation = read_json(workspace.results / EVALUATION, "galaxy evaluate")
    path = workspace.build / FILE
    content = path.read_bytes() if path.is_file() else b""
    if sha256(content) != evaluation["sha256"]:
        raise ConfigurationError(f"the evaluation is not of {path}; run `python -m model_export galaxy evaluate`")
    in_place = read_json(folder / CARD_FILE, "galaxy export") if (folder / CARD_FILE).exists() else None
    reason = unfit(evaluation) or (worse(evaluation, in_place) if in_place is not None else None)
    if reason:
        print(f"not published: {reason}", file=sys.stderr)
        return REFUSED
    version = next_version(None if in_place is None else in_place["version"], options.bump)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(content)
    write_json(folder / CARD_FILE, card.make(evaluation, version))
    say(f"published galaxy {version} to {folder}")
    return OK


def unfit(evaluation: Mapping[str, Any]) -> str | None:
    """Why the file must not be published whatever is in place, or None."""
    limit = evaluation["parity"]["limit"]
    for name in OUTPUTS:
        difference = evaluation["parity"]["max_abs_difference"][name]
        if not difference < limit:
            return f"{name} of the file and of PyTorch differ by {difference:.2g}, the limit is {limit:.0e}"
    return None


def worse(evaluation: Mapping[str, Any], in_place: Mapping[str, Any]) -> str | None:
    """Why the candidate must not replace the card in place, or None."""
    try:
        held = in_place["training_data"]["splits"]["test"]["sha256"]
        if held != evaluation["data"]["splits"]["test"]["sha256"]:
            return (
                f"galaxy {in_place['version']} in place was measured on another test part, so the two cannot be "
                "compared; evaluate both on one split, or export --into an empty folder"
            )
        for score in COMPARED:
            new, old = evaluation["metrics"][score]["value"], in_place["metrics"][score]["value"]
            if new < old:
                return (
                    f"{score.replace('_', ' ')} is {new:.6f} on the test part, "
                    f"galaxy {in_place['version']} in place has {old:.6f}"
                )
    except (KeyError, TypeError) as missing:
        raise ArtefactError(f"the card in place does not say {missing}; mend or remove it") from missing
    return None
