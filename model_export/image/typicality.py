"""``typicality``: fit what tells pictures that are no photographs, measure it, and add it to the published model.

Everything is answered by the published file, as a request is. Photographs of the tuning half are good; galaxies, empty
sky, blank frames, noise, text, charts and screens are foreign. P-values come from the held-out half of the sample, in
which each class has one photograph; ImageNet's validation pictures and the test parts are only measured on.
"""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from model_export.common import publish, typicality
from model_export.common.cli import progress
from model_export.common.files import artefact, write_json
from model_export.common.odd_pictures import DOCUMENTS, EMPTY, NOISE
from model_export.common.typicality import contents, photographs, rendered
from model_export.image import data, readme
from skysort.errors import ConfigurationError
from skysort.pictures.model import PictureModel

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from model_export.common.typicality import Answering, Answers

TRAIN, TEST = "train", "test"
GALAXIES: Final = {
    "galaxies, Galaxy Zoo 2": ("galaxy", "images"),
    "galaxies, Galaxy Zoo 1": ("galaxy_gz1", "images"),
    "galaxies, EFIGI": ("galaxy_efigi", "images"),
}
SKY: Final = "empty sky"
# Pictures of a set of galaxies and of a rendered kind; the parts take turns in the sets.
OF_GALAXIES: Final = {TRAIN: 150, TEST: 100}
OF_KIND: Final = {TRAIN: 80, TEST: 40}
# Of the shorter side of a frame: a corner that shows no part of its galaxy.
CORNER: Final = 0.3
IMAGENETTE: Final = 250
GROUPS: Final = {
    "galaxies and empty sky": (*GALAXIES, SKY),
    "blank frames and gradients": tuple(EMPTY),
    "noise and patterns": tuple(NOISE),
    "text, charts, screens and drawings": tuple(DOCUMENTS),
}


def run(options: argparse.Namespace) -> int:
    """Write the published model's typicality.npz, its card's entry, results/typicality.json and the tables."""
    workspace = data.Workspace.of(options)
    target = publish.Target("image", options)
    if target.card is None:
        raise ConfigurationError("no image model is published; run `python -m model_export image export` first")
    model = PictureModel.load(options.into or artefact("image"), options.threads)
    with progress() as bar:
        answer = typicality.Answering(
            model, workspace.build, partial(bar.advance, bar.add_task("pictures", total=None))
        )
        good, held_out = (_half(workspace, answer, part) for part in (data.TUNING, data.HELD_OUT))
        known = _photographs(workspace, answer)
        learnt_against, others = (foreign(workspace.data, answer, part) for part in (TRAIN, TEST))
    learnt = np.concatenate([answers.embedding for answers in good.values()])
    reference = held_out[data.SAMPLE].embedding
    fitted = typicality.fit(learnt, np.concatenate([each.embedding for each in learnt_against.values()]), reference)
    content = fitted.save()
    report: dict[str, Any] = {
        "reference": len(reference),
        "flagged_photographs": {name: typicality.flagged(fitted, each) for name, each in known.items()},
        "flagged_others": {name: typicality.flagged(fitted, each) for name, each in others.items()},
        "flagged_if_not_learnt": typicality.without_each(learnt, learnt_against, reference, others, GROUPS),
        "microseconds": typicality.cost(fitted, reference),
    }
    write_json(workspace.results / typicality.RESULTS, {"sha256": target.card["sha256"], **report})
    readme.PAGE.fill(workspace.results)
    typicality.tell(report)
    card = {**target.card, "version": target.version, "typicality": typicality.entry(content, report)}
    return target.publish({typicality.FILE: content}, card)


def _half(workspace: data.Workspace, answer: Answering, part: str) -> dict[str, Answers]:
    """Answers to the photographs of a half, by source."""
    found = {}
    for source in data.SOURCES:
        chosen = data.select(data.find(workspace.data), source, part)
        chosen = chosen[:: max(1, len(chosen) // IMAGENETTE)] if source == data.IMAGENETTE else chosen
        found[source] = answer(f"{source}_{part}", contents(photograph.path for photograph in chosen))
    return found


def _photographs(workspace: data.Workspace, answer: Answering) -> dict[str, Answers]:
    """Answers to photographs that are only measured on."""
    return {
        "ImageNet's validation set": answer(
            "validation_set", contents(photographs(workspace.data / "image" / "imagenet_val_650"))
        ),
        "Imagenette, held-out half": _half(workspace, answer, data.HELD_OUT)[data.IMAGENETTE],
        "dogs, 64 pixels": answer("dogs", contents(photographs(workspace.data / "custom" / "dog_breeds_64px"))),
        "vehicles, 32 pixels": answer("vehicles", contents(photographs(workspace.data / "custom" / "vehicles_32px"))),
    }


def foreign(folder: Path, answer: Answering, part: str) -> dict[str, Answers]:
    """Answers to what is no photograph, by kind."""
    found = {}
    skies: list[Path] = []
    for name, place in GALAXIES.items():
        chosen = _turn(photographs(folder.joinpath(*place)), part, OF_GALAXIES[part])
        skies += chosen
        found[name] = answer(f"{place[0]}_{part}", contents(chosen))
    corners = _turn([path for path in skies if "efigi" not in str(path.parent.parent.name)], part, OF_GALAXIES[part])
    found[SKY] = answer(f"empty_sky_{part}", _corners(corners))
    for number, (kind, picture) in enumerate({**EMPTY, **NOISE, **DOCUMENTS}.items()):
        seed = np.random.default_rng([number, part == TEST])
        found[kind] = answer(f"{kind}_{part}".replace(" ", "_"), rendered(picture, OF_KIND[part], seed))
    return found


def _turn(paths: Sequence[Path], part: str, count: int) -> list[Path]:
    """As many of the paths as that, evenly spaced, every other one of them in a part."""
    own = paths[part == TEST :: 2]
    return list(own[:: max(1, len(own) // count)][:count])


def _corners(paths: Sequence[Path]) -> Iterator[bytes]:
    """The upper left corners of frames."""
    for path in paths:
        with Image.open(path) as opened:
            side = int(CORNER * min(opened.size))
            buffer = BytesIO()
            opened.convert("RGB").crop((0, 0, side, side)).save(buffer, "PNG")
        yield buffer.getvalue()
