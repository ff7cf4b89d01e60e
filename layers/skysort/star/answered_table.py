"""What the rows of a request are like as a whole, by their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from skysort.models import ROWS
from skysort.priors import class_shares
from skysort.star.model import WITH_REDSHIFT
from skysort.star.rows import as_photometry
from skysort.star.table_typicality import FEWEST
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
    """The whole of as many rows as can be judged; None for fewer, and for a model that does not measure typicality."""
    answers = [(row, answer) for row, answer in zip(rows, results, strict=True) if "error" not in answer]
    if len(answers) < FEWEST or not model.measures_typicality:
        return None
    counts = TypicalityCounts()
    counts.add_all(np.array([answer["typicality"] for _, answer in answers]), model.typical_from)
    share = counts.share(ROWS.name)
    if share is None:
        return None
    table: StarTable = {"typicality": share, "domain": None, "class_shares": None}
    if model.domain is not None:
        step = -(-len(answers) // _JUDGED)
        judged = as_photometry([row for row, _ in answers[::step]])
        table["domain"] = model.domain.judge.domain(judged.magnitudes, share["share"])
    # Shares are estimated from probabilities of all classes at those of the training data.
    is_whole = options.columns is None and options.prior is None and options.top_k == len(model.labels)
    if is_whole and not model.no_prior:
        listed = [prediction for _, answer in answers for prediction in answer["predictions"]]
        shape = (len(answers), len(model.labels))
        columns = np.array([prediction["class_id"] for prediction in listed]).reshape(shape)
        probabilities = np.empty(shape, np.float32)
        found = np.array([prediction["probability"] for prediction in listed], np.float32).reshape(shape)
        np.put_along_axis(probabilities, columns, found, axis=1)
        if model.domain is None:
            # Both boosters' probabilities at the same class shares.
            with_redshift = np.array([answer["variant"] == WITH_REDSHIFT for _, answer in answers])
            probabilities = model.at_prior(probabilities, with_redshift, model.shares.tolist())
        table["class_shares"] = class_shares(probabilities, model.shares, model.labels)
    return table
