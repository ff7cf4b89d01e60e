"""``weights``: public weights in, a trainable network out, shown to compute what the public file computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common import onnx_file
from model_export.common.cli import OK, progress, say
from model_export.common.files import write_json
from model_export.image import checkpoint, download, inference, labels, photographs, public_weights, readme, scores
from model_export.image.minimalistic import Minimalistic, parameters
from model_export.image.workspace import WEIGHTS, Workspace, libraries

if TYPE_CHECKING:
    import argparse

    from model_export.settings import Settings

# Pixels of the public input: RGB in -1 to 1.
_HALF_RANGE: Final = np.float32(127.5)
RESIZE_SHORTER: Final = 256


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write build/image/base.pt, and results/weights.json for the weights of the data folder."""
    workspace = Workspace.of(options, settings)
    if options.source == "torchvision":
        held = download.torchvision(options.variant, workspace.build / "downloads", options.url, options.sha256)
        checkpoint.save(workspace.network("base"), held)
        say(f"{held.network.name}: {parameters(held.network):,} parameters from {held.origin['url']}")
        return OK
    file = public_weights.content(workspace.data)
    network = public_weights.load(file)
    origin = {
        "weights": public_weights.ORIGIN,
        "licence": public_weights.LICENCE,
        "sha256": public_weights.sha256(file),
    }
    checkpoint.save(workspace.network("base"), checkpoint.Checkpoint("minimalistic", network, origin))
    record = {"origin": origin, "parameters": parameters(network), **_exactness(workspace, file, network)}
    write_json(workspace.results / WEIGHTS, {**record, "libraries": libraries()})
    readme.fill(workspace.results)
    say(f"largest difference of a logit from the public file: {record['largest_logit_difference']:.2e}")
    for name, entry in record["before_any_change"].items():
        say(f"{name}: top-1 {entry['top_1']['value']:.3f}, top-5 {entry['top_5']['value']:.3f} of {entry['rows']:,}")
    return OK


def _exactness(workspace: Workspace, file: bytes, network: Minimalistic) -> dict[str, Any]:
    """Both computations over every photograph: how far apart, and how accurate before any change."""
    found = photographs.find(workspace.data, labels.load())
    session = onnx_file.session(file)
    largest = 0.0
    report = {}
    with progress() as bar:
        for source in (photographs.SAMPLE, photographs.IMAGENETTE):
            chosen = photographs.chosen(found, source)
            task = bar.add_task(source, total=len(chosen))
            pixels = photographs.pixels(chosen, photographs.spec(RESIZE_SHORTER))
            ours = inference.logits(network, pixels)
            theirs = np.empty_like(ours)
            for place, picture in enumerate(pixels):
                scaled = (picture.transpose(2, 0, 1)[np.newaxis] - _HALF_RANGE) / _HALF_RANGE
                theirs[place] = session.run(["logits"], {"input": scaled})[0][0, 1:]
                bar.advance(task)
            largest = max(largest, float(np.abs(ours - theirs).max()))
            report[source] = scores.accuracy(theirs, photographs.labels_of(chosen))
    return {
        "largest_logit_difference": largest,
        "resize_shorter": RESIZE_SHORTER,
        "photographs_sha256": photographs.digest(found),
        "before_any_change": report,
    }
