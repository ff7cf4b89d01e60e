"""``python -m model_export features``: declare the last map before pooling as an output of the published picture files.

No weight and no node changes, so that every prediction stays the same to the bit. The file and its hash do change, and
with them the patch version. A file that has the output stays as it is; a new export has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from model_export.common import onnx_file
from model_export.common.cli import each_model, log
from model_export.common.files import ROOT, artefact, read_json, sha256, write_json
from model_export.common.publish import next_version
from model_export.galaxy import export as galaxy
from model_export.image import data as image
from skysort.model_card import CARD_FILE, read_artefact
from skysort.pictures.model import FEATURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Each model's results that name its file, where in them its size is, and the output's description on the card.
MODELS: Final[dict[str, tuple[str, tuple[str, ...], Callable[[dict[str, Any]], object]]]] = {
    "galaxy": ("evaluation.json", ("file",), lambda card: galaxy.features_output(card["views"])),
    "image": ("export.json", (), lambda _: image.FEATURES_OUTPUT),
}


def main(arguments: list[str]) -> int:
    """Write the named models anew, by default all; exit code 2 with a message for a user error."""
    return each_model("features", __doc__, arguments, MODELS, _declare)


def _declare(name: str) -> None:
    results = ROOT / "model_export" / name / "results" / MODELS[name][0]
    changed = declare(name, artefact(name), results)
    log(f"{name}: {'now has' if changed else 'already has'} the output {FEATURES}")


def declare(name: str, folder: Path, results: Path) -> bool:
    """Write a published file, its card and the results that name it anew; whether anything changed."""
    _, keys, described = MODELS[name]
    card = read_json(folder / CARD_FILE, f"{name} export")
    before = read_artefact(folder / card["file"], card["sha256"])
    content = onnx_file.with_features(before)
    if content == before:
        return False
    measured = read_json(results, f"{name} export")
    card["outputs"][FEATURES] = described(card)
    card["version"] = next_version(card["version"], "patch")
    entry = measured
    for key in keys:
        entry = entry[key]
    for document in (card, entry):
        document["bytes"] = len(content)
    for document in (card, measured):
        document["sha256"] = sha256(content)
    if "version" in measured:
        measured["version"] = card["version"]
    (folder / card["file"]).write_bytes(content)
    write_json(folder / CARD_FILE, card)
    write_json(results, measured)
    return True
