"""What the rows of a request are like as a whole, by their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.models import ROWS
from skysort.priors import class_shares
from skysort.star.model import WITH_REDSHIFT
from skysort.star.rows import as_photometry
from skysort.typicality_share import TypicalityCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.answers import FailedResult, StarResult, StarTable
    from skysort.options import Options
    from skysort.star.model import StarModel
    from skysort.star.rows import StarRow

# More rows tell more, but make the request longer; of so many, every change that matters is found.
_JUDGED: Final = 256


def table_of(
    model: StarModel, rows: Sequence[StarRow], results: Sequence[StarResult | FailedResult], options: Options
) -> StarTable | None:
    """The whole of several rows; None for fewer, and for a model that does not measure typicality."""
    answers = [(row, answer) for row, answer in zip(rows, results, strict=True) if "error" not in answer]
    counts = TypicalityCounts()
    for _, answer in answers:
        counts.add(answer)
    share = counts.share(ROWS.name)
    if share is None or len(answers) == 1:
        return None
    table: StarTable = {"typicality": share, "domain": None, "class_shares": None}
    if model.domain is not None:
        step = -(-len(answers) // _JUDGED)
        judged = as_photometry([row for row, _ in answers[::step]])
        table["domain"] = model.domain.judge.domain(judged.magnitudes, share["share"])
    # Shares are estimated from probabilities of all classes at those of the training data.
    is_whole = options.columns is None and options.prior is None and options.top_k == len(model.labels)
    if is_whole and not model.no_prior:
        probabilities = np.empty((len(answers), len(model.labels)), np.float32)
        for place, (_, answer) in enumerate(answers):
            for prediction in answer["predictions"]:
                probabilities[place, prediction["class_id"]] = prediction["probability"]
        if model.domain is None:
            # Both boosters' probabilities at the same class shares.
            with_redshift = np.array([answer["variant"] == WITH_REDSHIFT for _, answer in answers])
            probabilities = model.at_prior(probabilities, with_redshift, model.shares.tolist())
        table["class_shares"] = class_shares(probabilities, model.shares, model.labels)
    return table
