"""How typical a whole job is: the sums of its parts, and for tables of stars what samples of their rows tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skysort.errors import ArtefactError, InfrastructureError, NotFoundError
from skysort.typicality_share import TypicalityCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.bulk.counts import Counts
    from skysort.bulk.keys import BulkKeys
    from skysort.registry.store import ModelStore
    from skysort.star.row_sample import JoinedSample


@dataclass(slots=True)
class WholeJob:
    """Adds up the parts of a job, in their order. typicality: None where the model does not measure it."""

    typicality: TypicalityCounts | None = None
    _sample: JoinedSample | None = None

    def add(self, counts: Counts) -> None:
        """Add a part; raises InfrastructureError if its sample is damaged."""
        if counts.typicality is not None:
            self.typicality = self.typicality or TypicalityCounts()
            self.typicality.merge(counts.typicality)
        if counts.sample is None:
            return
        if self._sample is None:
            from skysort.star.row_sample import JoinedSample  # noqa: PLC0415 - with numpy, for tables alone

            self._sample = JoinedSample()
        try:
            self._sample.add(counts.sample)
        except (ValueError, TypeError, KeyError) as error:
            raise InfrastructureError(f"the sample of part {counts.part} is damaged: {error!r:.200}") from error

    def summary(self, store: ModelStore, keys: BulkKeys, noun: str, labels: Sequence[str]) -> dict[str, Any]:
        """What the job's summary says.

        Parameters
        ----------
        store, keys
            Where the job's model has left what it judges tables by.
        noun
            What the job is of, in the plural.
        labels
            The classes.

        Returns
        -------
        ``typicality``, and of rows ``class_shares`` and, if the model judges tables, ``domain``.
        """
        share = None if self.typicality is None else self.typicality.share(noun)
        if self._sample is None:
            return {"typicality": share}
        from skysort.star.table_judge import TableJudge  # noqa: PLC0415 - with numpy, for tables alone

        try:
            judge = TableJudge.load(store.get(keys.judge).body)
        except (NotFoundError, ArtefactError):
            return {"typicality": share}
        in_domain = 0.0 if share is None else share["share"]
        return {"typicality": share, **judge.summary(self._sample.rows, in_domain, labels)}
