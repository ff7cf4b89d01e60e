"""A client of one service, for programs and notebooks."""

from __future__ import annotations

import io
import logging
import os
import threading
import warnings
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast, overload

from skysort_cli.batches import Batch as ServiceBatch
from skysort_cli.classifiers import classifier
from skysort_cli.client import TIMEOUT_S, RetryPolicy
from skysort_cli.client import Client as Connection
from skysort_cli.endpoint import ENDPOINT, KEY, checked_endpoint
from skysort_cli.exits import ProblemError, UsageError
from skysort_cli.inputs import expand
from skysort_cli.stars import StarTables
from skysort_cli.upload_plan import batch_name, not_uploaded, plan
from skysort_cli.wholes import merged, table_verdict
from skysort_client import tables
from skysort_client.batch import Batch
from skysort_client.calls import Calls
from skysort_client.options import option_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import httpx

    from skysort.answers import Health, ModelCard, ModelSummary, TableDomain
    from skysort_cli.output import Record
    from skysort_client.options import Labels, Prior
    from skysort_client.pictures import Source
    from skysort_client.results import Failed, Picture, Row, Star

    AnyPath = str | os.PathLike[str]

AnyTable = TypeVar("AnyTable")
RETRIES: Final = 5
_LOG: Final = logging.getLogger("skysort")


class Client:
    """A client of a service; it may be shared by threads, and used in a with statement.

    Parameters
    ----------
    endpoint
        The service's address; by default that in SKYSORT_ENDPOINT.
    key
        Its API key, if it needs one; by default that in SKYSORT_API_KEY.
    timeout
        Seconds for one answer.
    retries
        Further attempts after 429, 5xx and lost connections, with growing pauses and never before the time in
        Retry-After. Every call may be repeated without harm.
    concurrency
        Requests at once.
    transport
        Of httpx, for tests and for proxies with needs of their own.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        key: str | None = None,
        *,
        timeout: float = TIMEOUT_S,
        retries: int = RETRIES,
        concurrency: int = 8,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        url = endpoint if endpoint is not None else os.environ.get(ENDPOINT, "")
        if not url.strip():
            raise UsageError(f"no service is named: give endpoint=, such as http://127.0.0.1:8000, or set {ENDPOINT}")
        checked = checked_endpoint(
            url.strip(),
            key if key is not None else os.environ.get(KEY),
            source=ENDPOINT if endpoint is None else "endpoint",
            key_source=KEY if key is None else "key",
        )
        self._stop = threading.Event()
        self._connection = Connection(
            checked,
            timeout_s=timeout,
            policy=RetryPolicy(attempts=retries + 1),
            stop=self._stop,
            connections=concurrency + 1,
            transport=transport,
        )
        self._calls = Calls(self._connection, concurrency)

    def __enter__(self) -> Self:
        """Use it in a with statement."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        return f"<skysort.Client of {self._connection.endpoint.url}>"

    def close(self) -> None:
        """Close the connections; calls of other threads end."""
        self._stop.set()
        self._connection.close()

    @overload
    def classify(
        self,
        model: str,
        item: Row,
        *,
        top_k: int | None = None,
        labels: Labels | None = None,
        explain: bool = False,
        prior: Prior | None = None,
    ) -> Star: ...
    @overload
    def classify(
        self,
        model: str,
        item: Source,
        *,
        top_k: int | None = None,
        labels: Labels | None = None,
        explain: bool = False,
        prior: Prior | None = None,
    ) -> Picture: ...
    def classify(self, model: str, item: Source | Row, **options: Any) -> Picture | Star:
        """Classify one picture or one row.

        Parameters
        ----------
        model
            galaxy, image, star, or one that you trained: custom/NAME, custom-star/NAME.
        item
            A path, bytes, an open file, a picture of Pillow or an array of NumPy; of a star, values by column.
        **options
            top_k: number of predictions. labels: those to choose from. explain: whether to say why, by a heat map or
            SHAP values. prior: class shares of the data at hand.

        Returns
        -------
        Predictions, best first, prediction set, and what else the model says.

        Raises
        ------
        ProblemError
            With the service's problem document.
        """
        result: Any = next(iter(self.classify_many(model, [item], **options)))  # type: ignore[list-item]
        if "error" in result:
            raise ProblemError(result["error"])
        return result  # type: ignore[no-any-return]

    @overload
    def classify_many(self, model: str, items: Iterable[Row], **options: Any) -> Iterator[Star | Failed]: ...
    @overload
    def classify_many(self, model: str, items: Iterable[Source], **options: Any) -> Iterator[Picture | Failed]: ...
    def classify_many(
        self, model: str, items: Iterable[Source] | Iterable[Row], **options: Any
    ) -> Iterator[Picture | Failed] | Iterator[Star | Failed]:
        """Classify pictures or rows, several at a time, in their order; they are read as they are needed.

        Parameters
        ----------
        model, **options
            As of ``classify``.
        items
            Any number.

        Returns
        -------
        An iterator of results; one that failed has the problem document as ``error``, and its ``id``.
        """
        chosen, query, given = classifier(model), option_query(**options), cast("Iterable[Any]", items)
        found: Any = (self._calls.rows if chosen.has_rows else self._calls.pictures)(chosen, given, query)
        return cast("Iterator[Any]", found)

    def classify_table(
        self,
        table: AnyTable,
        model: str = "star",
        *,
        labels: Labels | None = None,
        prior: Prior | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> AnyTable:
        """Classify the rows of a table.

        Parameters
        ----------
        table
            A Table of astropy or a DataFrame of pandas, with the columns that catalogues have.
        model
            star, or custom-star/NAME.
        labels, prior
            As of ``classify``.
        progress
            Called with the number of rows that are done, as they are.

        Returns
        -------
        A copy with the columns of a classified file appended: skysort_class, skysort_p_..., skysort_set and others. A
        row that cannot be classified has none, and its reason in skysort_error. A warning tells of a table that does
        not look like what the model was tested on, with the likeliest cause.

        Raises
        ------
        ProblemError
            The table as a whole cannot be classified, for lack of a column for example.
        UsageError
            It is no table, or the model does not take any.
        """
        chosen = classifier(model)
        if not chosen.has_rows:
            raise UsageError(f"{model} classifies pictures; tables are for star and custom-star/NAME")
        query = {**option_query(labels=labels, prior=prior), **chosen.query}
        columns = tables.columns_of(table)
        rows = len(table)  # type: ignore[arg-type]
        if not rows:
            return table

        def answer(body: bytes, content_type: str) -> Any:
            return self._connection.post(chosen.path, body, content_type, query)

        csv = StarTables(answer, None, self._calls.jobs, explain=False)
        # A model of one's own may have other bands than those by which a line of units is told from a row.
        content = tables.csv_of(columns, with_units=chosen.trained is None)
        pieces: list[TableDomain] = []
        records = csv.csv_records("table", io.BufferedReader(io.BytesIO(content)), pieces)
        classified = tables.with_columns(table, tables.result_columns(_followed(records, progress), rows))
        if verdict := merged(pieces):
            warnings.warn(table_verdict(verdict), stacklevel=2)
        return classified

    def drop(
        self, model: str, paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], batch: str = ""
    ) -> Batch:
        """Upload files, archives and folders of any size, to be classified in the drop folder.

        Parameters
        ----------
        model
            As of ``classify``.
        paths
            Files, folders and patterns.
        batch
            Its name; by default one that the same paths get again, so that an interrupted upload is resumed.

        Returns
        -------
        The batch: ``batch.wait()``, then ``batch.results()``. Files that could not be uploaded are its failures.
        """
        chosen = classifier(model)
        given = [os.fspath(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
        name = batch_name(batch or None, model, given)
        inputs = expand(given, (*chosen.input.files, *chosen.input.archives), _LOG.info)
        uploads, failures = plan(inputs)
        pending = not_uploaded(uploads, ServiceBatch(self._connection, model, name).uploaded_files())
        for upload, problem in self._calls.uploader(model, name).upload(pending):
            failures[upload.name] = problem
        arrived = sum(upload.name not in failures for upload in uploads)
        return Batch(self._connection, model, name, self._stop, failures=failures, files=arrived)

    def batch(self, model: str, name: str) -> Batch:
        """A batch that was uploaded before."""
        return Batch(self._connection, model, name, self._stop)

    def models(self) -> list[ModelSummary]:
        """The built-in models: what they are, take and say."""
        found: list[ModelSummary] = self._connection.get("/v1/models")["models"]
        return found

    def card(self, model: str) -> ModelCard:
        """The whole card of a built-in model."""
        card: ModelCard = self._connection.get(f"/v1/models/{classifier(model).spelled}")
        return card

    def health(self) -> Health:
        """Whether the service is up, and its version."""
        health: Health = self._connection.get("/v1/health")
        return health


def _followed(records: Iterable[Record], progress: Callable[[int], None] | None) -> Iterator[Record]:
    for record in records:
        yield record
        if progress is not None:
            progress(int(record.get("last_row") or record["row"]))
