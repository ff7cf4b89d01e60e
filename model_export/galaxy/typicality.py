"""``typicality``: fit what tells pictures that are no galaxies, measure it, and add it to the published model.

Everything is answered by the published file, as a request is. Galaxies of the training parts and in other forms are
good, what is rendered and photographs are foreign; p-values come from the validation parts, and the test parts are only
measured on.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model_export.common import publish, typicality
from model_export.common.cli import progress
from model_export.common.files import artefact, read_json, write_json
from model_export.common.odd_pictures import DOCUMENTS, EMPTY, NOISE
from model_export.common.typicality import contents, photographs, rendered
from model_export.galaxy import coarse_split, framing, readme, rendered_galaxies, sets, split
from model_export.galaxy.catalogue import load_efigi, load_gz1, load_gz2
from model_export.galaxy.data import decode_efigi
from model_export.galaxy.input_formats import CONVERSIONS
from model_export.galaxy.odd_skies import SKIES
from model_export.galaxy.other_pictures import png
from model_export.galaxy.workspace import EVALUATION, Workspace
from skysort.errors import ConfigurationError
from skysort.pictures.model import PictureModel

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from model_export.common.odd_pictures import Pixels
    from model_export.common.typicality import Answering, Answers
    from model_export.galaxy.catalogue import Catalogue

TRAIN, VALIDATION, TEST = "train", "validation", "test"
# Of the training parts every so many-th galaxy is taken.
STRIDES: Final = {"gz2": 5, "gz1": 6}
# Pictures of a form; of a kind of sky, and of another kind.
FORMS: Final = {TRAIN: 40, TEST: 60}
OF_RENDERED: Final = {TRAIN: 200, TEST: 100}
OF_SKY: Final = {TRAIN: 200, TEST: 60}
OF_KIND: Final = {TRAIN: 60, TEST: 40}
SAMPLE, IMAGENETTE, VALIDATION_SET = "imagenet_sample_1000", "imagenette160", "imagenet_val_650"
# Pictures of these sets, evenly spaced in their lists.
OF_IMAGENETTE, EFIGI, RINGS = 250, 200, 100
BLANK: Final = "blank frames"
PHOTOGRAPHS, DOGS, VEHICLES = "photographs", "dogs, 64 pixels", "vehicles, 32 pixels"
# Kinds of which a score that was learnt without them is measured.
GROUPS: Final = {
    "blank frames, gradients and empty sky": (*EMPTY, "empty sky"),
    "stars and star fields": ("stars", "star fields"),
    "trails, cosmic rays and faults": ("trails", "cosmic rays", "faults"),
    "noise and patterns": tuple(NOISE),
    "text, charts, screens and drawings": tuple(DOCUMENTS),
    PHOTOGRAPHS: (PHOTOGRAPHS, DOGS, VEHICLES),
}


def run(options: argparse.Namespace) -> int:
    """Write the published model's typicality.npz, its card's entry, results/typicality.json and the tables."""
    workspace = Workspace.of(options)
    target = publish.Target("galaxy", options)
    if target.card is None:
        raise ConfigurationError("no galaxy model is published; run `python -m model_export galaxy export` first")
    model = PictureModel.load(options.into or artefact("galaxy"), options.threads)
    with progress() as bar:
        answer = typicality.Answering(
            model, workspace.build, partial(bar.advance, bar.add_task("pictures", total=None))
        )
        galaxies = galaxies_of(workspace, answer)
        learnt_against, others = (foreign(workspace, answer, part) for part in (TRAIN, TEST))
    good = np.concatenate([answers.embedding for answers in galaxies[TRAIN].values()])
    held_out = np.concatenate([answers.embedding for answers in galaxies[VALIDATION].values()])
    fitted = typicality.fit(good, np.concatenate([each.embedding for each in learnt_against.values()]), held_out)
    content = fitted.save()
    report: dict[str, Any] = {
        "reference": len(held_out),
        "flagged_galaxies": {name: typicality.flagged(fitted, each) for name, each in galaxies[TEST].items()},
        "flagged_others": {name: typicality.flagged(fitted, each) for name, each in others.items()},
        "flagged_if_not_learnt": typicality.without_each(good, learnt_against, held_out, others, GROUPS),
        "microseconds": typicality.cost(fitted, held_out),
    }
    framed = _framing(workspace, model)
    found = _sets(workspace, galaxies)
    write_json(
        workspace.results / typicality.RESULTS,
        {"sha256": target.card["sha256"], **report, "framing": framed, "sets": found},
    )
    readme.PAGE.fill(workspace.results)
    typicality.tell(report)
    card = {
        **target.card,
        "version": target.version,
        "typicality": typicality.entry(content, report),
        "framing": framed,
    }
    if options.refit_sets:
        evaluation = read_json(workspace.results / EVALUATION, "galaxy evaluate")
        write_json(workspace.results / EVALUATION, sets.with_sets_evaluated(evaluation, found))
        card = sets.with_sets(card, found)
        readme.PAGE.fill(workspace.results)
    return target.publish({typicality.FILE: content}, card)


def _sets(workspace: Workspace, galaxies: Mapping[str, Mapping[str, Answers]]) -> dict[str, Any]:
    """Thresholds of the prediction sets from all held-out galaxies of Galaxy Zoo 2; see sets.refit."""
    gz2, lists = load_gz2(workspace.data), split.load(split.FOLDER)
    truth = np.concatenate([gz2.label[split.rows(lists.part(part), gz2)] for part in (VALIDATION, TEST)])
    probabilities = [galaxies[part]["Galaxy Zoo 2"].probabilities for part in (VALIDATION, TEST)]
    return sets.refit(np.concatenate(probabilities).astype(np.float64), truth)


def _framing(workspace: Workspace, model: PictureModel) -> dict[str, Any]:
    """The card's entry on framing, from the galaxies of the validation parts, measured on the test parts."""
    surveys = {
        "Galaxy Zoo 2": (load_gz2(workspace.data), split.load(split.FOLDER)),
        "Galaxy Zoo 1": (load_gz1(workspace.data), split.load(coarse_split.FOLDER)),
    }

    def files(name: str, part: str) -> list[Path]:
        table, lists = surveys[name]
        return [table.files[row] for row in split.rows(lists.part(part), table)]

    limits = framing.fit([path for name in surveys for path in files(name, VALIDATION)], model.spec)
    return framing.entry(limits, {name: files(name, TEST) for name in surveys}, model.spec)


def galaxies_of(workspace: Workspace, answer: Answering) -> dict[str, dict[str, Answers]]:
    """Answers to galaxies, by part and name."""
    gz2, gz1 = load_gz2(workspace.data), load_gz1(workspace.data)
    surveys = {
        "Galaxy Zoo 2": ("gz2", gz2, split.load(split.FOLDER)),
        "Galaxy Zoo 1": ("gz1", gz1, split.load(coarse_split.FOLDER)),
    }
    found: dict[str, dict[str, Answers]] = {part: {} for part in (TRAIN, VALIDATION, TEST)}
    for part, answers in found.items():
        for name, (prefix, table, lists) in surveys.items():
            rows = split.rows(lists.part(part), table)[:: STRIDES[prefix] if part == TRAIN else 1]
            answers[name] = answer(f"{prefix}_{part}", contents(table.files[row] for row in rows))
        if part in FORMS:
            answers.update(_forms(gz2, surveys["Galaxy Zoo 2"][2], answer, part))
            count, draw = OF_RENDERED[part], np.random.default_rng(part == TEST)
            answers["rendered galaxies"] = answer(f"rendered_{part}", rendered(rendered_galaxies.galaxy, count, draw))
    efigi = load_efigi(workspace.data).files
    chosen = efigi[:: len(efigi) // EFIGI]
    found[TEST]["EFIGI, in a wider frame"] = answer("efigi_wider", (png(decode_efigi(path)) for path in chosen))
    found[TEST]["EFIGI, which fills its frame"] = answer("efigi", contents(chosen))
    rings = photographs(workspace.data / "custom" / "galaxy_rings_256px")
    found[TEST]["DECaLS, with and without rings"] = answer("rings", contents(rings[:: len(rings) // RINGS]))
    return found


def _forms(table: Catalogue, lists: split.Split, answer: Answering, part: str) -> dict[str, Answers]:
    """Answers to some galaxies in each form but their own."""
    draw = np.random.default_rng(part == TEST)
    files = [table.files[row] for row in split.rows(lists.part(part), table)]
    found = {}
    for number, (name, convert) in enumerate(CONVERSIONS.items()):
        if number:
            chosen = draw.choice(len(files), FORMS[part], replace=False)
            found[name] = answer(f"form_{part}_{number:02}", (convert(files[row].read_bytes()) for row in chosen))
    return found


def foreign(workspace: Workspace, answer: Answering, part: str) -> dict[str, Answers]:
    """Answers to what is no galaxy, by kind."""
    gz2 = load_gz2(workspace.data)
    files = [gz2.files[row] for row in split.rows(split.load(split.FOLDER).part(part), gz2)]
    found = {}
    for number, kind in enumerate((*EMPTY, *SKIES, *NOISE, *DOCUMENTS)):
        seed = np.random.default_rng([number, part == TEST])
        count = (OF_SKY if kind in SKIES or kind == BLANK else OF_KIND)[part]
        picture = partial(_sky, kind, files) if kind in SKIES else {**EMPTY, **NOISE, **DOCUMENTS}[kind]
        found[kind] = answer(f"{kind}_{part}".replace(" ", "_"), rendered(picture, count, seed))
    folder = workspace.data / "image"
    if part == TRAIN:
        paths = photographs(folder / SAMPLE)
        imagenette = photographs(folder / IMAGENETTE)
        paths += imagenette[:: len(imagenette) // OF_IMAGENETTE]
        return {**found, PHOTOGRAPHS: answer(f"{PHOTOGRAPHS}_{part}", contents(paths))}
    custom = workspace.data / "custom"
    return {
        **found,
        PHOTOGRAPHS: answer(f"{PHOTOGRAPHS}_{part}", contents(photographs(folder / VALIDATION_SET))),
        DOGS: answer("dogs", contents(photographs(custom / "dog_breeds_64px"))),
        VEHICLES: answer("vehicles", contents(photographs(custom / "vehicles_32px"))),
    }


def _sky(kind: str, files: Sequence[Path], draw: np.random.Generator) -> Pixels:
    """A sky of a kind; files: of galaxies, whose sky is used."""
    return SKIES[kind](draw, files[int(draw.integers(len(files)))].read_bytes())
