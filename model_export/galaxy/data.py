"""``data``: decode the pictures once, find those of one sky, and deal out the parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from model_export.common.cli import OK, progress, say
from model_export.common.files import write_json
from model_export.galaxy import crops, duplicates, readme, split, surveys
from model_export.galaxy.workspace import EFIGI_CROPS, GZ2_CROPS, Workspace

if TYPE_CHECKING:
    import argparse

    from model_export.galaxy.catalogue import Catalogue
    from model_export.settings import Settings

DATA: Final = "data.json"


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write the crops to the build folder, the lists to splits/ and their counts to results/data.json."""
    workspace = Workspace.of(options, settings)
    gz2, efigi = workspace.catalogues()
    with progress() as bar:
        decoded = []
        for name, catalogue, decode in (
            (GZ2_CROPS, gz2, crops.decode_frame),
            (EFIGI_CROPS, efigi, crops.decode_efigi),
        ):
            task = bar.add_task(f"decode {name}", total=len(catalogue))
            decoded.append(
                crops.build(catalogue, workspace.build / name, decode, lambda task=task: bar.advance(task))  # type: ignore[misc]
            )
            bar.update(task, completed=len(catalogue))
    lists = options.splits or workspace.lists
    pairs = None
    if workspace.survey == surveys.HERE:
        say("looking for pictures of one sky (two minutes)")
        pairs = duplicates.same_sky(decoded[0], decoded[1])
        parts = split.make(gz2, efigi, duplicates.groups(len(gz2) + len(efigi), pairs))
        names = gz2.identifiers + efigi.identifiers
        split.save_pairs([(names[one], names[other]) for one, other in pairs], lists)
    else:  # catalogues that name a galaxy once, and too many to compare each with each
        parts = surveys.deal(gz2)
    split.save(parts, lists)
    write_json(workspace.results / DATA, describe(gz2, efigi, parts, pairs, workspace.survey))
    readme.fill(workspace.results)
    for name in split.PARTS:
        print(f"{name}: {len(parts.part(name)):,} pictures")
    return OK


def describe(
    gz2: Catalogue,
    efigi: Catalogue,
    parts: split.Split,
    pairs: list[tuple[int, int]] | None = None,
    survey: str = surveys.HERE,
) -> dict[str, Any]:
    """Counts and hashes of the tables and the parts."""
    table = surveys.TABLES[survey]
    described: dict[str, Any] = {
        "tables": {
            table: {"rows": len(gz2), "exact": int(gz2.exact.sum()), "sha256": gz2.sha256},
            "efigi": {"rows": len(efigi), "with_class": int(efigi.exact.sum()), "sha256": efigi.sha256},
        },
        "seed": split.SEED,
        "splits": {
            name: {
                "rows": len(parts.part(name)),
                table: split.counts(gz2, split.rows(parts.part(name), gz2)),
                "efigi": len(split.rows(parts.part(name), efigi)),
                "sha256": split.digest(parts.part(name)),
            }
            for name in split.PARTS
        },
    }
    if pairs is not None:
        described["same_sky_pairs"] = {
            "within_galaxy_zoo_2": sum(other < len(gz2) for _, other in pairs),
            "across": sum(one < len(gz2) <= other for one, other in pairs),
            "within_efigi": sum(one >= len(gz2) for one, _ in pairs),
        }
    return described
