"""The steps that train a star model from a table with classes: read, fit, evaluate; publishing is that of every kind.

Each step takes what the one before it left in the training's working documents, and leaves the same however often it is
run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from skysort.registry.keys import CARD, HELD_OUT
from skysort.registry.promotion import HeldOut
from skysort.star.model import TYPICALITY_FILE
from skysort.trainings.star_evaluation import evaluate
from skysort.trainings.star_fit import VariantFit, fit_variant, variants
from skysort.trainings.star_rows import held_out
from skysort.trainings.star_table import LabelledRows, StarOptions, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

TABLE: Final = "table.npz"


class Work(Protocol):
    """A training's working documents, by name."""

    def get(self, name: str) -> bytes:
        """A document; raises NotFoundError."""

    def put(self, name: str, body: bytes) -> None:
        """Write a document, in place of an earlier one."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """What is to be published.

    card: without name, time and training. files: of the version, by name, without the held-out examples.
    held_out: for comparisons of versions.
    """

    card: dict[str, Any]
    files: Mapping[str, bytes]
    held_out: HeldOut


@dataclass(frozen=True, slots=True)
class StarTraining:
    """One training.

    options: of its request. threads: of the library. check: called regularly; raises when the time is over.
    """

    options: StarOptions
    threads: int = 1
    check: Callable[[], object] = bool

    def read(self, blocks: Iterable[bytes], work: Work) -> dict[str, Any]:
        """Read the table.

        Parameters
        ----------
        blocks
            The file's bytes.
        work
            The working documents.

        Returns
        -------
        dict
            The report: rows, those used, classes with their counts, refused rows, remarks.

        Raises
        ------
        InputError
            For a table that no model can be trained on.
        """
        rows = read_rows(blocks, self.options, self.check)
        work.put(TABLE, rows.save())
        return dict(rows.report)

    def fit(self, work: Work, progress: Callable[[int, int], object]) -> None:
        """Fit the boosters. progress: called with the number of boosters done, and of all."""
        rows = LabelledRows.load(work.get(TABLE))
        training = ~held_out(rows.photometry, rows.classes)
        names = variants(rows)
        for done, name in enumerate(names):
            progress(done, len(names))
            fitted = fit_variant(
                rows,
                name,
                training,
                seed=self.options.seed,
                search=self.options.search,
                threads=self.threads,
                check=self.check,
            )
            work.put(f"{name}.ubj", fitted.model)
            work.put(f"{name}.json", json.dumps(fitted.document).encode())
        progress(len(names), len(names))

    def evaluate(self, work: Work) -> dict[str, Any]:
        """Evaluate the boosters on the held-out rows, and write the card; returns it."""
        rows = LabelledRows.load(work.get(TABLE))
        fits = {
            name: VariantFit(work.get(f"{name}.ubj"), json.loads(work.get(f"{name}.json"))) for name in variants(rows)
        }
        held = held_out(rows.photometry, rows.classes)
        card, files, examples = evaluate(
            rows, fits, held, seed=self.options.seed, threads=self.threads, check=self.check
        )
        work.put(TYPICALITY_FILE, files[TYPICALITY_FILE])
        work.put(HELD_OUT, examples.body())
        work.put(CARD, json.dumps(card).encode())
        return card

    def artefact(self, work: Work) -> Artefact:
        """What the last step publishes."""
        card = json.loads(work.get(CARD))
        return Artefact(card, {name: work.get(name) for name in card["files"]}, HeldOut.read(work.get(HELD_OUT)))
