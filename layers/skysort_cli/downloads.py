"""Classified tables that a batch's CSV only points to: fetched whole into a folder, under their names in the batch."""

from __future__ import annotations

import glob
import re
from http import HTTPStatus
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final

import httpx

from skysort import problems
from skysort.uploads.names import file_fault
from skysort_cli.exits import ProblemError, UsageError
from skysort_cli.inputs import first_names
from skysort_cli.output import STDOUT, same, whole_file
from skysort_cli.progress import bar
from skysort_cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from skysort_cli.batches import Batch
    from skysort_cli.client import Client
    from skysort_cli.inputs import Input
    from skysort_cli.upload_plan import Upload

# As the results bucket names the rejected rows of a table; no dropped file may be called so.
REJECTED: Final = ".rejected.csv"
_MESSAGE: Final = re.compile(rb"<Message>([^<]*)</Message>")
_CHANGED: Final = frozenset({HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})


class _ExpiredError(Exception):
    """The store does not take the link (any more): worth asking for another one, once."""


def folder_for(option: str | None, out: str | None, batch: str) -> Path:
    """The folder asked for, else `<batch>-results` beside the results' file or in the working folder."""
    if option is not None:
        return Path(option)
    beside = Path(out).parent if out not in {None, STDOUT} and not Path(out).is_char_device() else Path()
    return beside / f"{batch}-results"


def without_results(inputs: Sequence[Input], arguments: Sequence[str], folder: Path, *, asked_for: bool) -> list[Input]:
    """The inputs without results of an earlier run, where their folder lies within one that is dropped; they are told.

    arguments: those that the inputs were found through. asked_for: whether the user named the folder.
    """
    place = folder.resolve()
    roots = {_root(argument) for argument in arguments if argument}
    if roots.isdisjoint(place.parents if asked_for else (place, *place.parents)):
        return list(inputs)
    results = {
        one.name
        for one in inputs
        if one.path is not None and place in one.path.resolve().parents and one.name not in arguments
    }
    if results:
        files = "1 file" if len(results) == 1 else f"{len(results):,} files"
        say(f"left out {files} where results of an earlier run are: {first_names(sorted(results))}")
    return [one for one in inputs if one.name not in results]


def _root(argument: str) -> Path:
    """The folder that an argument is searched from: its own, or a pattern's fixed part."""
    if Path(argument).is_dir():
        return Path(argument).resolve()
    return Path(*takewhile(lambda part: not glob.has_magic(part), Path(argument).parts)).resolve()


def check_folder(folder: Path, uploads: Sequence[Upload], *, asked_for: bool) -> None:
    """Make the folder that the user named; refuse one where a result would take an input's place (UsageError)."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--results-dir {folder} is a file; name a folder")
    for upload in uploads:
        if same(upload.path, folder / upload.name):
            raise UsageError(f"a result in the folder {folder} would overwrite the input {upload.path}; name another")
    if asked_for:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--results-dir {folder}: the folder cannot be made: {error.strerror}") from error


class ResultFiles:
    """Fetches result files of one batch, in the order of its CSV. fetched: names of the tables that are here."""

    def __init__(self, client: Client, batch: Batch, folder: Path, *, quiet: bool) -> None:
        self._client = client
        self._batch = batch
        self.folder = folder
        self._quiet = quiet
        self._pages: Iterator[Mapping[str, Mapping[str, str]]] = iter(())
        self._page: Mapping[str, Mapping[str, str]] = {}
        self.fetched: list[str] = []

    def fetch(self, name: str, key: str) -> str:
        """Fetch what a line of the CSV points to; returns its path here.

        name: the file's in the batch. key: in the results bucket. Raises ProblemError, ServiceError and StoppedError.
        """
        ending = REJECTED if key.endswith(REJECTED) else ""
        fault = file_fault(name, "")
        if fault:
            raise _not_fetched(f"its name {fault}")
        path = self.folder / PurePosixPath(name + ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = "rejected" if ending else "result"
        try:
            self._save(self._link(name, kind), path)
        except _ExpiredError:
            self._pages, self._page = iter(()), {}
            try:
                self._save(self._link(name, kind), path)
            except _ExpiredError as error:
                raise _not_fetched(str(error)) from error
        if not ending:
            self.fetched.append(name)
        return str(path)

    def _link(self, name: str, kind: str) -> str:
        """Where a file's result is; looked up from where the last one was found, and once from the beginning."""
        for _ in range(2):
            while name not in self._page:
                page = next(self._pages, None)
                if page is None:
                    break
                self._page = page
            if kind in self._page.get(name, {}):
                return self._page[name][kind]
            self._pages, self._page = self._batch.links(), {}
        raise _not_fetched("the service has no link to it any more; is it being classified again?")

    def _save(self, link: str, path: Path) -> None:
        with (
            bar(f"fetching {path.name}"[:40], None, quiet=self._quiet, unit="bytes") as progress,
            whole_file(path, kept_when_interrupted=False) as file,
        ):
            failures, etag = 0, ""
            while True:
                start = file.tell()
                going_on = {"Range": f"bytes={start}-", "If-Match": etag} if start and etag else {}
                try:
                    with self._client.streamed(link, going_on) as response:
                        if response.status_code in _CHANGED and going_on:
                            _empty(file)
                            continue
                        if response.status_code == HTTPStatus.OK:
                            _empty(file)
                        _check(response)
                        etag = response.headers.get("ETag", "")
                        for block in response.iter_raw():
                            progress.advance(file.write(block))
                except httpx.TransportError as error:
                    failures = 1 if file.tell() > start else failures + 1
                    self._client.pause(failures, httpx.URL(link), error)
                else:
                    return


def _empty(file: BinaryIO) -> None:
    file.seek(0)
    file.truncate()


def _check(response: httpx.Response) -> None:
    if response.status_code in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        return
    message = _MESSAGE.search(response.read())
    reason = message[1].decode("utf-8", "replace") if message else response.reason_phrase
    told = f"the store answered {response.status_code}: {reason}"
    if response.status_code == HTTPStatus.FORBIDDEN:
        raise _ExpiredError(told)
    raise _not_fetched(told)


def _not_fetched(reason: str) -> ProblemError:
    detail = f"it is classified, and its result file cannot be fetched: {reason}"
    return ProblemError(problems.document(502, "result-not-fetched", "The result cannot be fetched", detail))
