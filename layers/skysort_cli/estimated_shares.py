"""`--prior estimated`: the class shares of a table, estimated from its rows before they are classified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from skysort.errors import InvalidFieldsError
from skysort.prior_option import OPTION, fault
from skysort.priors import estimated
from skysort.star.columns import Reason, without_sentinels
from skysort.star.row_sample import SAMPLED
from skysort.star.tables.readers import TableReader
from skysort.star.thinned import Thinned
from skysort_cli.inputs import damage
from skysort_cli.star_tables import blocks
from skysort_cli.stars import detected

if TYPE_CHECKING:
    from skysort.star.model import StarModel
    from skysort_cli.inputs import Input

# Below, shares are off by more than 0.04 of all rows, and a rare class may seem to be absent.
MIN_ROWS: Final = 200


class EstimatedShares(NamedTuple):
    """Class shares by label, and a sentence about them."""

    shares: dict[str, float]
    sentence: str


def estimate(item: Input, model: StarModel) -> EstimatedShares:
    """Estimate the class shares of a table.

    Parameters
    ----------
    item
        The table, which is read to its end.
    model
        A model that takes a prior.

    Returns
    -------
    EstimatedShares
        Above 0, as if there were one more row of each class.

    Raises
    ------
    InvalidFieldsError
        For fewer than MIN_ROWS usable rows; another InputError for a table that cannot be read.
    ProblemError
        For a file that cannot be opened.
    """
    sample, rows_read = Thinned(SAMPLED), 0
    with item.opened() as file:
        content, table_format = detected(file)
        with damage(), TableReader(table_format, blocks(content), schema=model.schema) as table:
            for rows in table.rows():
                usable = rows.measured.reasons().max(axis=1) == Reason.OK
                photometry, _ = without_sentinels(rows.measured.photometry.take(usable), model.schema)
                if len(photometry):
                    found = model.classify(photometry)
                    # Both boosters' probabilities at the same shares.
                    sample.add(model.at_prior(found.probabilities, found.with_redshift, model.shares.tolist()))
                    rows_read += len(photometry)
    if sample.rows is None or rows_read < MIN_ROWS:
        detail = f"{rows_read} usable rows are too few to estimate class shares from; {MIN_ROWS} are needed"
        raise InvalidFieldsError([fault("too_few_rows", detail)], f"{OPTION}: {detail}")
    shares = estimated(sample.rows, model.shares)
    count = len(sample.rows)
    values = (shares.values * count + 1) / (count + len(model.labels))
    listed = ", ".join(
        f"{label} {value:.3g} ({low:.3g} to {high:.3g})"
        for label, value, low, high in zip(model.labels, values, shares.low, shares.high, strict=True)
    )
    sentence = f"class shares estimated from {count:,} rows of {rows_read:,}, with 95 % intervals: {listed}"
    return EstimatedShares(dict(zip(model.labels, values.tolist(), strict=True)), sentence)
