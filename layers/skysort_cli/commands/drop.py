"""`skysort drop`: any number of files into the drop folder, and their results back."""

from __future__ import annotations

import csv
import os
import shlex
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skysort.csv_cells import text_cell, written_text
from skysort.models import MODELS, ROWS
from skysort_cli.batches import Batch, Counts, ResultFiles, check_folder, records, results_folder, without_results
from skysort_cli.client import Client
from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import CommandError, Exit, ProblemError, ServiceError, UsageError
from skysort_cli.inputs import expand, first_names
from skysort_cli.output import STDOUT, Format, JsonLines, Writer, check_out, choose_format, opened, write_row
from skysort_cli.terminal import bar, console, interruptible, is_terminal, plain, say
from skysort_cli.uploads import Unfinished, Upload, Uploader, batch_name, missing, plan, state_folder

if TYPE_CHECKING:
    import argparse
    import threading
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import TextIO

    from skysort_cli.endpoint import Endpoint

# Failures reported on stderr one by one; the results have them all.
_REPORTED: Final = 20
# Cells that hold names and messages.
_TEXTS: Final = ("file", "result_file", "error")
_COLUMNS: Final = ("model", "file", "row", "label", "class_id", "probability", "prediction_set", "result_file", "error")


def run(options: argparse.Namespace) -> int:
    """Upload, and with --wait fetch the results; returns the exit status."""
    endpoint = find_endpoint(options.endpoint, os.environ)
    if endpoint is None:
        raise UsageError("drop needs a service: give --endpoint URL or set SKYSORT_ENDPOINT (`skysort serve` runs one)")
    if (options.out or options.format or options.results_dir) and not options.wait:
        raise UsageError("--out, --format and --results-dir are for the results, which --wait waits for")
    asked_for = options.results_dir is not None
    kind = MODELS[options.model].input
    if asked_for and kind is not ROWS:
        raise UsageError("--results-dir is for tables of stars; of pictures and archives the output has everything")
    batch = batch_name(options.batch, options.model, options.files)
    folder = results_folder(options.results_dir, options.out, batch)
    inputs = expand(options.files, (*kind.files, *kind.archives))
    if options.wait:
        inputs = without_results(inputs, options.files, folder, asked_for=asked_for)
    check_out(options.out, inputs)
    uploads, unread = plan(inputs)
    if options.wait:
        check_folder(folder, uploads, asked_for=asked_for)
    drop = _Drop(options, endpoint, batch, uploads, folder)
    for name, problem in unread.items():
        drop.failed(name, problem)
    with ExitStack() as stack:
        stop = stack.enter_context(interruptible())
        connections = options.jobs + 1
        client = stack.enter_context(Client(endpoint, timeout_s=options.timeout, stop=stop, connections=connections))
        try:
            return drop.run(client, stop)
        except KeyboardInterrupt:
            drop.say_how_to_resume("interrupted")
            return Exit.INTERRUPTED
        except ServiceError as error:
            say(str(error))
            drop.say_how_to_resume("stopped")
            return error.exit


@dataclass
class _Drop:
    """One run of the command. folder: for result files."""

    options: argparse.Namespace
    endpoint: Endpoint
    name: str
    uploads: Sequence[Upload]
    folder: Path
    failures: dict[str, ProblemError] = field(default_factory=dict)
    reported: int = 0
    there: int = 0
    uploading: bool = True

    @property
    def _talkative(self) -> bool:
        return not self.options.quiet and is_terminal(sys.stderr)

    def failed(self, name: str, problem: ProblemError) -> None:
        """One file that will have no result: reported at once, and in the results too."""
        self.failures[name] = problem
        self._report(name, problem.detail)

    def _report(self, name: str, detail: str) -> None:
        self.reported += 1
        if self.reported <= _REPORTED:
            say(f"{name}: {detail}")

    def _report_rest(self, where: str = "") -> None:
        if self.reported > _REPORTED:
            say(f"and {self.reported - _REPORTED:,} more that failed{where}")

    def run(self, client: Client, stop: threading.Event) -> int:
        """Upload what is missing, and wait and fetch where that was asked for."""
        batch = Batch(client, self.options.model, self.name)
        self._send(client, batch)
        self.uploading = False
        if not self.options.wait:
            self._report_rest()
            sys.stdout.write(f"{self.name}\n")
            if self._talkative:
                say(f"files are classified as they arrive; fetch the results with: {self._command('--wait')}")
            return Exit.SOME_FAILED if self.failures else Exit.OK
        if self.there:
            self._wait(batch, stop)
        return self._results(batch, ResultFiles(client, batch, self.folder, quiet=self.options.quiet))

    def _send(self, client: Client, batch: Batch) -> None:
        options = self.options
        todo = list(self.uploads) if options.again else missing(self.uploads, batch.arrived())
        self.there = len(self.uploads) - len(todo)
        if self.there and self._talkative:
            say(f"{self.there:,} of {len(self.uploads):,} files are there already")
        unfinished = Unfinished(state_folder(os.environ), self.endpoint.url, options.model, self.name)
        size = sum(upload.size for upload in todo)
        with bar("uploading", size, quiet=options.quiet, in_bytes=True) as progress:

            def arrived(upload: Upload) -> None:
                self.there += 1
                progress.say(f"uploading {upload.name}"[:40])

            uploader = Uploader(
                client=client,
                model=options.model,
                batch=self.name,
                jobs=options.jobs,
                unfinished=unfinished,
                on_bytes=progress.advance,
                on_file=arrived,
            )
            for upload, problem in uploader.upload(todo):
                self.failed(upload.name, problem)

    def _wait(self, batch: Batch, stop: threading.Event) -> None:
        with bar("classifying", self.there, quiet=self.options.quiet, unit="files") as progress:
            shown = 0

            def report(counts: Counts) -> None:
                nonlocal shown
                progress.advance(counts.finished - shown)
                shown = counts.finished

            counts = batch.wait(self.there, self.options.wait_for, stop, report)
        waiting = max(counts.total, self.there) - counts.finished
        if waiting:
            raise CommandError(
                f"{waiting:,} of {counts.total:,} files have no result after {self.options.wait_for:g} s. "
                f"Go on waiting with: {self._command('--wait')}"
            )

    def _results(self, batch: Batch, files: ResultFiles) -> int:
        options = self.options
        form = choose_format(options.format, options.out)
        with opened(options.out) as file:
            rows = csv.DictReader(batch.results() if self.there else iter(()))
            columns = list(rows.fieldnames or _COLUMNS)
            here = self._fetched(rows, files)
            if form is Format.CSV:
                self._csv(columns, here, plain(file))
            else:
                self._records(here, self._writer(form, file))
        self._report_rest(", each with its reason in the output")
        if files.fetched and not options.quiet:
            tables = "table" if len(files.fetched) == 1 else "tables"
            names = first_names(files.fetched)
            say(f"{len(files.fetched):,} classified {tables} saved whole in {files.folder}: {names}")
        if self._talkative:
            where = f", results in {options.out}" if options.out not in {None, STDOUT} else ""
            refused = f", {self.reported:,} refused" if self.reported else ""
            say(f"batch {self.name}: {self.there:,} files classified{where}{refused}")
        return Exit.SOME_FAILED if self.reported else Exit.OK

    def _fetched(self, rows: Iterable[dict[str, str]], files: ResultFiles) -> Iterator[dict[str, str]]:
        """The service's rows, each table that one points to fetched and named as it is called here; reports errors."""
        for row in rows:
            row |= {name: written_text(row[name]) for name in _TEXTS if row.get(name)}
            if row.get("result_file"):
                try:
                    row["result_file"] = files.fetch(row["file"], row["result_file"])
                except ProblemError as error:
                    row["result_file"] = ""
                    row["error"] = "; ".join(filter(None, (row.get("error"), error.detail)))
            if row.get("error"):
                self._report(f"{row['file']}, row {row['row']}" if row.get("row") else row["file"], row["error"])
            yield row

    def _csv(self, columns: Sequence[str], rows: Iterable[dict[str, str]], file: TextIO) -> None:
        write_row(file, columns)
        for row in rows:
            row |= {name: text_cell(row[name]) for name in _TEXTS if row.get(name)}
            write_row(file, [row.get(column) or "" for column in columns])
        for name, problem in self.failures.items():
            row = {"model": self.options.model, "file": text_cell(name), "error": text_cell(problem.detail)}
            write_row(file, [row.get(column, "") for column in columns])

    def _records(self, rows: Iterable[dict[str, str]], writer: Writer) -> None:
        try:
            for record in records(rows):
                writer.write(record)
            for name, problem in self.failures.items():
                writer.write({"file": name, "error": problem.problem})
        finally:
            writer.close()

    def _writer(self, form: Format, file: TextIO) -> Writer:
        if form is Format.JSONL:
            return JsonLines(file)
        from skysort_cli.tables import TerminalTable  # noqa: PLC0415 - only for people

        return TerminalTable(console(file), rows=MODELS[self.options.model].input is ROWS, files=True, names=False)

    def say_how_to_resume(self, stopped: str) -> None:
        """What is uploaded, and the command that resumes from there."""
        there, total = f"{self.there:,}", f"{len(self.uploads):,}"
        done = f"{there} of {total} files uploaded" if self.uploading else "all files uploaded"
        say(f"{stopped}: {done}. Resume with: {self._command('--wait' if self.options.wait else '')}")

    def _command(self, option: str) -> str:
        """The same command again, with the batch's name and an option."""
        given = self.options
        words = ["skysort", "drop", given.model, *given.files, "--batch", self.name, *([option] if option else [])]
        if given.wait:
            for name, value in (("--out", given.out), ("--format", given.format), ("--results-dir", given.results_dir)):
                words += [name, value] if value else []
        words += ["--endpoint", given.endpoint] if given.endpoint else []
        return shlex.join(words)
