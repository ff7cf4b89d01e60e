"""A dropped batch as the service tells of it: which files it has, how many are done, and their results."""

from __future__ import annotations

import io
import re
import time
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from skysort_cli.client import StoppedError
from skysort_cli.exits import ProblemError, ServiceError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from skysort_cli.client import Client

_FILES_A_PAGE: Final = "500"
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_NEXT: Final = re.compile(r"<([^>]*)>\s*;[^,]*\brel=\"?next\"?")


@dataclass(frozen=True, slots=True)
class Counts:
    """Files of a batch."""

    total: int = 0
    done: int = 0
    failed: int = 0

    @property
    def finished(self) -> int:
        """Files with an outcome."""
        return self.done + self.failed


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that the service has: its bytes and when it came, None once it was taken out of the drop folder."""

    size: int | None
    uploaded: float | None


class Batch:
    """One batch of one model."""

    def __init__(self, client: Client, model: str, name: str) -> None:
        self._client = client
        self._model = model
        self._path = f"/v1/batches/{quote(name, safe='')}"

    def arrived(self) -> dict[str, Arrived]:
        """Every file that was uploaded, by name; none where the batch is new."""
        found: dict[str, Arrived] = {}
        for page in self._pages(_FILES_A_PAGE):
            for file in page.get("files", []):
                found[str(file["name"])] = Arrived(file.get("size"), _seconds(file.get("uploaded")))
        return found

    def links(self) -> Iterator[dict[str, dict[str, str]]]:
        """URLs of results by their kind (functions/README.md) and their files' names, a page at a time."""
        for page in self._pages(_FILES_A_PAGE):
            yield {str(file["name"]): file.get("links") or {} for file in page.get("files", [])}

    def counts(self) -> Counts:
        """How many files are there, done and failed."""
        total = done = failed = 0
        for page in self._pages("0"):
            counts = page["counts"]
            total, done, failed = total + counts["total"], done + counts["done"], failed + counts["failed"]
        return Counts(total, done, failed)

    def wait(self, files: int, most_s: float, stop: threading.Event, told: Callable[[Counts], None]) -> Counts:
        """Ask ever more rarely until so many files and all others have their outcome, or the time is up."""
        deadline = time.monotonic() + most_s
        pause = _FIRST_PAUSE_S
        while True:
            counts = self.counts()
            told(counts)
            left = deadline - time.monotonic()
            if left <= 0 or counts.finished == counts.total >= files:
                return counts
            if stop.wait(min(pause, left)):
                raise StoppedError
            pause = min(_LONGEST_PAUSE_S, pause * 1.3)

    def results(self) -> Iterator[str]:
        """The results as lines of CSV, line breaks kept, the header first."""
        query = {"model": self._model}
        while True:
            response = self._client.fetch(f"{self._path}/results.csv", query)
            yield from io.StringIO(response.text, newline="")  # a name may have what splitlines takes for a line's end
            following = _NEXT.search(response.headers.get("Link", ""))
            if following is None:
                return
            # Only the query counts: whatever the address says, the key goes to the endpoint alone.
            query = dict(parse_qsl(urlsplit(following[1]).query))

    def _pages(self, limit: str) -> Iterator[dict[str, Any]]:
        query = {"model": self._model, "limit": limit}
        while True:
            try:
                page = self._client.get(self._path, query)
            except ProblemError as error:
                if error.problem.get("status") == HTTPStatus.NOT_FOUND and "next" not in query:
                    return  # no file has arrived yet
                raise
            if not isinstance(page.get("counts"), dict):
                raise ServiceError(f"{self._client.endpoint.url} answers {self._path} without counts; is it skysort?")
            yield page
            if not page.get("next"):
                return
            query["next"] = str(page["next"])


def records(rows: Iterable[Mapping[str, str]]) -> Iterator[dict[str, Any]]:
    """Rows of results.csv as `skysort classify` has its records; of a table that stays whole, where it is."""
    for row in rows:
        record: dict[str, Any] = {"file": row["file"], "model": {"name": row.get("model")}}
        if row.get("row"):
            record["row"] = int(row["row"])
        if row.get("result_file"):
            record["result_file"] = row["result_file"]
        if row.get("error"):
            yield {**record, "error": {"detail": row["error"]}}
            continue
        if row.get("result_file"):
            yield record
            continue
        prediction: dict[str, Any] = {"label": row["label"]}
        if row.get("class_id"):
            prediction["class_id"] = int(row["class_id"])
        prediction["probability"] = float(row["probability"])
        members = [member for member in re.split(r"[;|]", row.get("prediction_set") or "") if member]
        yield {**record, "predictions": [prediction], "prediction_set": members}


def _seconds(moment: str | None) -> float | None:
    """An ISO time as seconds since 1970."""
    try:
        return datetime.fromisoformat(moment).timestamp() if moment else None
    except ValueError:
        return None
