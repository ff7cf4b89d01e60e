"""``python -m model_export features``: what trained classifiers need of the published picture files.

The last map before pooling becomes an output, and the image model's file takes pictures of any size. No weight and no
operator that computes changes, so that every prediction stays the same to the bit. The file and its hash do change, and
with them the patch version. A file that has all this stays as it is; a new export has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

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


class Published(NamedTuple):
    """A published model.

    results: the file of results that names the model's. keys: where in it the file's facts are. described: the output
    as it is on the card. renewed: what is made of a file.
    """

    results: str
    keys: tuple[str, ...]
    described: Callable[[dict[str, Any]], object]
    renewed: Callable[[bytes], bytes]


MODELS: Final[dict[str, Published]] = {
    "galaxy": Published(
        "evaluation.json",
        ("file",),
        lambda card: galaxy.features_output(card["views"]),
        onnx_file.with_features,
    ),
    "image": Published(
        "export.json",
        (),
        lambda _: image.FEATURES_OUTPUT,
        lambda content: onnx_file.with_any_size(onnx_file.with_features(content)),
    ),
}


def main(arguments: list[str]) -> int:
    """Write the named models anew, by default all; exit code 2 with a message for a user error."""
    return each_model("features", __doc__, arguments, MODELS, _declare)


def _declare(name: str) -> None:
    results = ROOT / "model_export" / name / "results" / MODELS[name].results
    changed = declare(name, artefact(name), results)
    log(f"{name}: {'written anew' if changed else 'has what trained classifiers need'}")


def declare(name: str, folder: Path, results: Path) -> bool:
    """Write a published file, its card and the results that name it anew; whether anything changed."""
    published = MODELS[name]
    card = read_json(folder / CARD_FILE, f"{name} export")
    before = read_artefact(folder / card["file"], card["sha256"])
    content = published.renewed(before)
    if content == before:
        return False
    measured = read_json(results, f"{name} export")
    card["outputs"][FEATURES] = published.described(card)
    card["version"] = next_version(card["version"], "patch")
    entry = measured
    for key in published.keys:
        entry = entry[key]
    facts = onnx_file.facts(content)
    for document in (card, entry):
        document |= {key: value for key, value in facts.items() if key in document}
    for document in (card, measured):
        document["sha256"] = sha256(content)
    if "version" in measured:
        measured["version"] = card["version"]
    (folder / card["file"]).write_bytes(content)
    write_json(folder / CARD_FILE, card)
    write_json(results, measured)
    return True
