"""The steps of a training on a table with classes: read, fit, evaluate."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from skysort.errors import EmptyInputError, LimitExceededError
from skysort.limits import DROP_FILE_S
from skysort.registry.keys import CARD, HELD_OUT
from skysort.registry.names import Kind
from skysort.star.model import TYPICALITY_FILE
from skysort.trainings.star_evaluation import evaluate
from skysort.trainings.star_fit import VariantFit, fit_variant, variants
from skysort.trainings.star_rows import held_out
from skysort.trainings.star_table import LabelledRows, StarOptions, read_rows
from skysort.trainings.status import Phase
from skysort.trainings.steps import Artefact, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from skysort.trainings.sources import Uploads
    from skysort.trainings.steps import Job

TABLE: Final = "table.npz"
# Of the table, which is read in ranges.
_BLOCK: Final = 8 * 1024 * 1024


class StarSteps:
    """Steps of trainings whose table lies in the drop bucket.

    uploads: the drop bucket. threads: of XGBoost, which give the same model for any number. clock: for the time that
    reading the table may take.
    """

    kind = Kind.STAR

    def __init__(self, uploads: Uploads, threads: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._uploads = uploads
        self._threads = threads
        self._clock = clock

    def run(self, step: str, job: Job, event: Mapping[str, Any]) -> dict[str, Any]:
        """Do a step."""
        del event
        if step == "read":
            self._read(job)
        elif step == "fit":
            self._fit(job)
        elif step == "evaluate":
            self._evaluate(job)
        else:
            raise ValueError(f"unknown step {step!r:.40}")
        return {}

    def _read(self, job: Job) -> None:
        ends = self._clock() + DROP_FILE_S

        def check() -> None:
            # Before the function itself ends, without a word and to be tried again.
            if self._clock() >= ends:
                raise LimitExceededError(f"the table was not read after {DROP_FILE_S:,} s; train on fewer rows")

        rows = read_rows(self._blocks(job.request.source["s3_key"]), StarOptions.of(job.request.options), check)
        job.write(TABLE, rows.save())
        refused = rows.report["refused"]
        job.refused(Phase.READING, refused["count"], [Refused(**each) for each in refused["files"]])

    def _blocks(self, key: str) -> Iterator[bytes]:
        start = 0
        while block := self._uploads.get_range(key, start, _BLOCK):
            yield block
            start += len(block)
            if len(block) < _BLOCK:
                return
        if not start:
            raise EmptyInputError(f"{key} is empty: it has no bytes")

    def _fit(self, job: Job) -> None:
        rows = LabelledRows.load(job.read(TABLE))
        options = StarOptions.of(job.request.options)
        training = ~held_out(rows.photometry, rows.classes)
        names = variants(rows)
        for done, name in enumerate(names):
            job.progress(Phase.FITTING, done, len(names), "boosters")
            fitted = fit_variant(rows, name, training, seed=options.seed, search=options.search, threads=self._threads)
            # One document, so that of two attempts at this step the model and its calibration are from one.
            job.write(f"{name}.fit", fitted.save())

    def _evaluate(self, job: Job) -> None:
        rows, fits = self._fitted(job)
        card, files, examples = evaluate(
            rows,
            fits,
            held_out(rows.photometry, rows.classes),
            seed=StarOptions.of(job.request.options).seed,
            threads=self._threads,
        )
        job.write(TYPICALITY_FILE, files[TYPICALITY_FILE])
        job.write(HELD_OUT, examples.body())
        job.write_json(CARD, card)

    def _fitted(self, job: Job) -> tuple[LabelledRows, dict[str, VariantFit]]:
        rows = LabelledRows.load(job.read(TABLE))
        return rows, {name: VariantFit.load(job.read(f"{name}.fit")) for name in variants(rows)}

    def artefact(self, job: Job) -> Artefact:
        """The version's card and files."""
        request, card = job.request, job.read_json(CARD)
        _, fits = self._fitted(job)
        files = {f"{name}.ubj": fitted.model for name, fitted in fits.items()}
        files |= {name: job.read(name) for name in (TYPICALITY_FILE, HELD_OUT)}
        about = {"name": request.name, "created": request.created, "training": request.id}
        return Artefact({**about, **card}, files)

    def results(self, card: Mapping[str, Any]) -> Mapping[str, Any]:
        """The parts of the card that the status shows."""
        return {name: card[name] for name in ("metrics", "learning_curve", "hyperparameters")}
