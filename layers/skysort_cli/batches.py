"""A dropped batch: its files, its progress, its results, and the tables that are not merged into them."""

from __future__ import annotations

import glob
import io
import re
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import parse_qsl, quote, urlsplit

import httpx

from skysort import problems
from skysort.drop.keys import REJECTED
from skysort.uploads.names import file_fault
from skysort_cli.client import may_be_expired, store_reason
from skysort_cli.exits import ProblemError, ServiceError, StoppedError, UsageError
from skysort_cli.inputs import counted, first_names
from skysort_cli.output import STDOUT, atomic_file, is_same_file, made_folder
from skysort_cli.terminal import bar, say
from skysort_cli.upload_plan import UploadedFile

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from skysort.answers import BatchStatus, FileLinks
    from skysort_cli.client import Client
    from skysort_cli.inputs import Input
    from skysort_cli.output import Record
    from skysort_cli.upload_plan import Upload

_FILES_A_PAGE: Final = "500"
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
_NEXT: Final = re.compile(r"<([^>]*)>\s*;[^,]*\brel=\"?next\"?")
_CHANGED: Final = frozenset({HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})


@dataclass(frozen=True, slots=True)
class Counts:
    """Files of a batch. finished: those with an outcome."""

    total: int = 0
    finished: int = 0


class Batch:
    """One batch of one model."""

    def __init__(self, client: Client, model: str, name: str) -> None:
        self._client = client
        self._model = model
        self._path = f"/v1/batches/{quote(name, safe='')}"

    def uploaded_files(self) -> dict[str, UploadedFile]:
        """Every uploaded file by name; none if the batch is new."""
        return {
            str(file["name"]): UploadedFile(file.get("size"), _seconds(file.get("uploaded")))
            for page in self._pages(_FILES_A_PAGE)
            for file in page.get("files", [])
        }

    def links(self) -> Iterator[dict[str, FileLinks]]:
        """URLs of results by file name and type (functions/README.md), a page at a time."""
        for page in self._pages(_FILES_A_PAGE):
            yield {str(file["name"]): file.get("links") or {} for file in page.get("files", [])}

    def records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every classified file and its record."""
        for page in self._pages(_FILES_A_PAGE, records="true"):
            for file in page.get("files", []):
                if isinstance(record := file.get("record"), dict):
                    yield str(file["name"]), record

    def counts(self) -> Counts:
        """Numbers of files, and of those that are done or failed."""
        pages = [page["counts"] for page in self._pages("0")]
        return Counts(sum(page["total"] for page in pages), sum(page["done"] + page["failed"] for page in pages))

    def wait(self, files: int, max_s: float, stop: threading.Event, report: Callable[[Counts], None]) -> Counts:
        """Poll, with growing pauses, until at least so many files are there and all have an outcome, or time is up."""
        deadline = time.monotonic() + max_s
        pause = _FIRST_PAUSE_S
        while True:
            counts = self.counts()
            report(counts)
            remaining = deadline - time.monotonic()
            if remaining <= 0 or counts.finished == counts.total >= files:
                return counts
            if stop.wait(min(pause, remaining)):
                raise StoppedError
            pause = min(_LONGEST_PAUSE_S, pause * 1.3)

    def results(self) -> Iterator[str]:
        """The results as lines of CSV, line breaks kept, the header first."""
        query = {"model": self._model}
        while True:
            response = self._client.fetch(f"{self._path}/results.csv", query)
            yield from io.StringIO(
                response.text, newline=""
            )  # a name may contain what splitlines takes for a line break
            following = _NEXT.search(response.headers.get("Link", ""))
            if following is None:
                return
            # Only the query is used: the key must go to the endpoint only, whatever the link says.
            query = dict(parse_qsl(urlsplit(following[1]).query))

    def _pages(self, limit: str, **more: str) -> Iterator[BatchStatus]:
        query = {"model": self._model, "limit": limit, **more}
        while True:
            try:
                page: BatchStatus = self._client.get(self._path, query)
            except ProblemError as error:
                if error.problem.get("status") == HTTPStatus.NOT_FOUND and "next" not in query:
                    return  # no file has arrived yet
                raise
            if not isinstance(page.get("counts"), dict):
                raise ServiceError(f"{self._client.endpoint.url} returned {self._path} without counts; is it skysort?")
            yield page
            if not page.get("next"):
                return
            query["next"] = str(page["next"])


def records(rows: Iterable[Mapping[str, str]]) -> Iterator[Record]:
    """Rows of results.csv as records of `skysort classify`; for an unmerged table, with its result file."""
    for row in rows:
        record: Record = {"file": row["file"], "model": {"name": row.get("model")}}
        if row.get("row"):
            record["row"] = int(row["row"])
        if row.get("result_file"):
            record["result_file"] = row["result_file"]
        if row.get("error"):
            record["error"] = {"detail": row["error"]}
        elif not row.get("result_file"):
            prediction: dict[str, Any] = {"label": row["label"]}
            if row.get("class_id"):
                prediction["class_id"] = int(row["class_id"])
            prediction["probability"] = float(row["probability"])
            record["predictions"] = [prediction]
            record["prediction_set"] = list(filter(None, re.split(r"[;|]", row.get("prediction_set") or "")))
            record |= measured(row)
        yield record


def measured(row: Mapping[str, str]) -> dict[str, Any]:
    """How typical the item of a row of results.csv is, as a record has it; empty where the service does not say it."""
    if not row.get("typicality"):
        return {}
    return {"typicality": float(row["typicality"]), "in_domain": row.get("in_domain") == "true"}


def _seconds(moment: str | None) -> float | None:
    """An ISO time as seconds since 1970."""
    try:
        return datetime.fromisoformat(moment).timestamp() if moment else None
    except ValueError:
        return None


def results_folder(option: str | None, out: str | None, batch: str) -> Path:
    """The folder of --results-dir, else `<batch>-results` beside the --out file or in the working folder."""
    if option is not None:
        return Path(option)
    folder = Path(out).parent if out not in {None, STDOUT} and not Path(out).is_char_device() else Path()
    return folder / f"{batch}-results"


def without_results(inputs: Sequence[Input], arguments: Sequence[str], folder: Path, *, named: bool) -> list[Input]:
    """The inputs without results of an earlier run in a folder. named: whether the user named the folder."""
    resolved = folder.resolve()
    roots = {_root(argument) for argument in arguments if argument}
    if roots.isdisjoint(resolved.parents if named else (resolved, *resolved.parents)):
        return list(inputs)
    results = {
        item.name
        for item in inputs
        if item.path is not None and resolved in item.path.resolve().parents and item.name not in arguments
    }
    if results:
        say(f"skipped {counted(len(results))} in the directory of earlier results: {first_names(sorted(results))}")
    return [item for item in inputs if item.name not in results]


def _root(argument: str) -> Path:
    """The folder that an argument searches: itself, or a pattern's fixed part."""
    if Path(argument).is_dir():
        return Path(argument).resolve()
    return Path(*takewhile(lambda part: not glob.has_magic(part), Path(argument).parts)).resolve()


def check_folder(folder: Path, uploads: Sequence[Upload], *, named: bool) -> None:
    """Make the folder if the user named it; raises UsageError if a result would overwrite an input."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--results-dir {folder} is not a directory")
    for upload in uploads:
        if is_same_file(upload.path, folder / upload.name):
            raise UsageError(f"a result in {folder} would overwrite the input {upload.path}; name another directory")
    if named:
        made_folder("--results-dir", folder)


class _ExpiredError(Exception):
    """The store rejects the link, which may have expired: worth requesting a new one, once."""


@dataclass
class ResultFiles:
    """Downloads the classified tables that a batch's CSV refers to, into a folder, in the order of the CSV.

    fetched: names of the downloaded tables.
    """

    client: Client
    batch: Batch
    folder: Path
    quiet: bool
    fetched: list[str] = field(default_factory=list)
    _pages: Iterator[dict[str, FileLinks]] = field(default_factory=lambda: iter(()))
    _page: dict[str, FileLinks] = field(default_factory=dict)

    def fetch(self, name: str, key: str) -> str:
        """Download the result of a file by its key in the results bucket; returns the path, or raises ProblemError."""
        kind: Literal["rejected", "result"] = "rejected" if key.endswith(REJECTED) else "result"
        suffix = REJECTED if kind == "rejected" else ""
        if fault := file_fault(name, ""):
            raise _not_fetched(f"its name {fault}")
        path = self.folder / PurePosixPath(name + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._save(self._link(name, kind), path)
        except _ExpiredError:
            self._pages, self._page = iter(()), {}
            try:
                self._save(self._link(name, kind), path)
            except _ExpiredError as error:
                raise _not_fetched(str(error)) from error
        if not suffix:
            self.fetched.append(name)
        return str(path)

    def _link(self, name: str, kind: Literal["rejected", "result"]) -> str:
        """The URL of a file's result, searched from the current page on, then once from the first page."""
        for _ in range(2):
            while name not in self._page:
                page = next(self._pages, None)
                if page is None:
                    break
                self._page = page
            if kind in self._page.get(name, {}):
                return self._page[name][kind]
            self._pages, self._page = self.batch.links(), {}
        raise _not_fetched("the service no longer has a link to it; is it being classified again?")

    def _save(self, link: str, path: Path) -> None:
        with (
            bar(f"fetching {path.name}"[:40], None, quiet=self.quiet, unit="bytes") as progress,
            atomic_file(path, keep_when_interrupted=False) as file,
        ):
            failures, etag = 0, ""
            while True:
                start = file.tell()
                resumed = {"Range": f"bytes={start}-", "If-Match": etag} if start and etag else {}
                headers = {"Accept-Encoding": "identity", **resumed}
                try:
                    with closing(self.client.signed("GET", link, stream=True, headers=headers)) as response:
                        changed = resumed and response.status_code in _CHANGED
                        if changed or response.status_code == HTTPStatus.OK:
                            file.seek(0)
                            file.truncate()
                        if changed:
                            continue
                        _check(response)
                        etag = response.headers.get("ETag", "")
                        for block in response.iter_raw():
                            progress.advance(file.write(block))
                except httpx.TransportError as error:
                    failures = 1 if file.tell() > start else failures + 1
                    self.client.pause(failures, httpx.URL(link), error)
                else:
                    return


def _check(response: httpx.Response) -> None:
    """Raise an error for a response without the file."""
    if response.status_code in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        return
    response.read()
    message = f"the store answered {response.status_code}: {store_reason(response)}"
    if may_be_expired(response):
        raise _ExpiredError(message)
    raise _not_fetched(message)


def _not_fetched(reason: str) -> ProblemError:
    detail = f"it is classified, and its result file cannot be fetched: {reason}"
    return ProblemError(problems.document(502, "result-not-fetched", "The result cannot be fetched", detail))
