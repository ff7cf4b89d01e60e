"""A batch of files in the drop folder: its progress and its results."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skysort.csv_cells import written_text
from skysort_cli.batches import Batch as ServiceBatch
from skysort_cli.batches import Counts, ResultFiles, records

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping

    from skysort_cli.client import Client
    from skysort_cli.exits import ProblemError
    from skysort_client.results import Record

_TEXTS: Final = ("file", "result_file", "error")


def _unreported(_: Counts) -> None:
    """Nobody follows the progress."""


class Batch:
    """Files that were uploaded under one name, for one model.

    failures: files that could not be read or uploaded, by name. files: number of those that were uploaded.
    """

    def __init__(
        self,
        client: Client,
        model: str,
        name: str,
        stop: threading.Event,
        *,
        failures: Mapping[str, ProblemError] | None = None,
        files: int = 0,
    ) -> None:
        self.model = model
        self.name = name
        self.failures = dict(failures or {})
        self.files = files
        self._client = client
        self._stop = stop
        self._batch = ServiceBatch(client, model, name)

    def __repr__(self) -> str:
        return f"<Batch {self.name!r} of {self.model}>"

    def counts(self) -> Counts:
        """How many files there are, and how many of them have a result."""
        return self._batch.counts()

    def wait(self, timeout: float = 3600.0, progress: Callable[[Counts], None] = _unreported) -> Batch:
        """Wait until every file has a result.

        Parameters
        ----------
        timeout
            Seconds.
        progress
            Called with the counts at each look.

        Returns
        -------
        The batch itself.

        Raises
        ------
        TimeoutError
            Some have none by then.
        """
        counts = self._batch.wait(self.files, timeout, self._stop, progress)
        if counts.finished < max(counts.total, self.files):
            raise TimeoutError(f"{counts.finished} of {counts.total} files of batch {self.name} have a result")
        return self

    def results(self) -> Iterator[Record]:
        """A record for each picture and for each row of a CSV, in the order of the files' names.

        One that failed has `error`; one of a table that stays whole has `result_file`, which `download` fetches.
        """
        yield from records(self._rows())
        for name, problem in self.failures.items():
            yield {"file": name, "error": problem.problem}

    def download(self, folder: str | Path) -> list[Path]:
        """Fetch the classified tables that stay whole into a folder, and return their paths."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        files = ResultFiles(self._client, self._batch, folder, quiet=True)
        return [Path(files.fetch(row["file"], row["result_file"])) for row in self._rows() if row.get("result_file")]

    def _rows(self) -> Iterator[dict[str, Any]]:
        for row in csv.DictReader(self._batch.results()):
            yield {**row, **{name: written_text(row[name]) for name in _TEXTS if row.get(name)}}
