"""`skysort drop`: upload any number of files to the drop folder, and download their results."""

from __future__ import annotations

import csv
import os
import shlex
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skysort.batches.merged import COLUMNS
from skysort.csv_cells import written_text
from skysort_cli.batches import (
    Batch,
    Counts,
    ResultFiles,
    check_folder,
    measured,
    records,
    results_folder,
    without_results,
)
from skysort_cli.classifiers import classifier
from skysort_cli.client import Client
from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import CommandError, Exit, ProblemError, ServiceError, UsageError
from skysort_cli.inputs import expand, first_names
from skysort_cli.output import STDOUT, Format, JsonLines, Writer, check_out, choose_format, opened
from skysort_cli.record_rows import row_file
from skysort_cli.row_files import Column, Kind
from skysort_cli.terminal import bar, console, interruptible, is_terminal, say
from skysort_cli.upload_plan import Upload, batch_name, not_uploaded, plan
from skysort_cli.uploads import Unfinished, Uploader, state_folder
from skysort_cli.wholes import Whole

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
_NAMES: Final = dict.fromkeys(_TEXTS, Kind.NAME)
_NUMBERS: Final = {
    **dict.fromkeys(("row", "class_id"), Kind.INTEGER),
    **dict.fromkeys(("probability", "typicality"), Kind.REAL),
    "in_domain": Kind.BOOLEAN,
}


def run(options: argparse.Namespace) -> int:
    """Upload, and with --wait download the results; returns the exit status."""
    endpoint = find_endpoint(options.endpoint, os.environ)
    if endpoint is None:
        raise UsageError("drop needs a service: give --endpoint URL or set SKYSORT_ENDPOINT (`skysort serve` runs one)")
    if (options.out or options.format or options.results_dir) and not options.wait:
        raise UsageError("--out, --format and --results-dir are for the results: add --wait")
    named = options.results_dir is not None
    model = classifier(options.model)
    if named and not model.has_rows:
        raise UsageError("--results-dir is for tables of stars; the output has all results of pictures and archives")
    batch = batch_name(options.batch, options.model, options.files)
    folder = results_folder(options.results_dir, options.out, batch)
    inputs = expand(options.files, (*model.input.files, *model.input.archives))
    if options.wait:
        inputs = without_results(inputs, options.files, folder, named=named)
    check_out(options.out, inputs)
    output_format = choose_format(options.format, options.out) if options.wait else Format.JSONL
    uploads, unread = plan(inputs)
    if options.wait:
        check_folder(folder, uploads, named=named)
    drop = _Drop(options, endpoint, batch, uploads, folder, model.has_rows, Whole(model.input.name), output_format)
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
    """One run of the command. folder: for result files. has_rows: whether the model classifies tables."""

    options: argparse.Namespace
    endpoint: Endpoint
    name: str
    uploads: Sequence[Upload]
    folder: Path
    has_rows: bool
    whole: Whole
    output_format: Format
    failures: dict[str, ProblemError] = field(default_factory=dict)
    reported: int = 0
    uploaded: int = 0
    uploading: bool = True

    @property
    def _verbose(self) -> bool:
        return not self.options.quiet and is_terminal(sys.stderr)

    def failed(self, name: str, problem: ProblemError) -> None:
        """Record a file without a result: reported at once, and in the results."""
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
        """Upload what is missing; with --wait also wait and download the results."""
        batch = Batch(client, self.options.model, self.name)
        self._send(client, batch)
        self.uploading = False
        if not self.options.wait:
            self._report_rest()
            sys.stdout.write(f"{self.name}\n")
            if self._verbose:
                say(f"files are classified as they arrive; fetch the results with: {self._command('--wait')}")
            return Exit.SOME_FAILED if self.failures else Exit.OK
        if self.uploaded:
            self._wait(batch, stop)
        return self._results(batch, ResultFiles(client, batch, self.folder, quiet=self.options.quiet))

    def _send(self, client: Client, batch: Batch) -> None:
        options = self.options
        pending = list(self.uploads) if options.again else not_uploaded(self.uploads, batch.uploaded_files())
        self.uploaded = len(self.uploads) - len(pending)
        if self.uploaded and self._verbose:
            say(f"{self.uploaded:,} of {len(self.uploads):,} files are already uploaded")
        unfinished = Unfinished(state_folder(os.environ), self.endpoint.url, options.model, self.name)
        size = sum(upload.size for upload in pending)
        with bar("uploading", size, quiet=options.quiet, in_bytes=True) as progress:

            def arrived(upload: Upload) -> None:
                self.uploaded += 1
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
            for upload, problem in uploader.upload(pending):
                self.failed(upload.name, problem)

    def _wait(self, batch: Batch, stop: threading.Event) -> None:
        with bar("classifying", self.uploaded, quiet=self.options.quiet, unit="files") as progress:
            shown = 0

            def report(counts: Counts) -> None:
                nonlocal shown
                progress.advance(counts.finished - shown)
                shown = counts.finished

            counts = batch.wait(self.uploaded, self.options.wait_for, stop, report)
        waiting = max(counts.total, self.uploaded) - counts.finished
        if waiting:
            raise CommandError(
                f"{waiting:,} of {counts.total:,} files have no result after {self.options.wait_for:g} s. "
                f"Continue waiting with: {self._command('--wait')}"
            )

    def _results(self, batch: Batch, files: ResultFiles) -> int:
        options = self.options
        with opened(options.out) as file:
            rows = csv.DictReader(batch.results() if self.uploaded else iter(()))
            columns = list(rows.fieldnames or COLUMNS)
            downloaded = self._fetched(rows, files)
            if self.output_format in {Format.JSONL, Format.TABLE}:
                self._records(downloaded, self._writer(file))
            else:
                self._rows(columns, downloaded, file)
        self._report_rest(", each with its reason in the output")
        if not options.quiet:
            self._tell_of_the_whole(batch)
        if files.fetched and not options.quiet:
            tables = "table" if len(files.fetched) == 1 else "tables"
            names = first_names(files.fetched)
            say(f"{len(files.fetched):,} classified {tables} saved whole in {files.folder}: {names}")
        if self._verbose:
            where = f", results in {options.out}" if options.out not in {None, STDOUT} else ""
            refused = f", {self.reported:,} refused" if self.reported else ""
            say(f"batch {self.name}: {self.uploaded:,} files classified{where}{refused}")
        return Exit.SOME_FAILED if self.reported else Exit.OK

    def _fetched(self, rows: Iterable[dict[str, str]], files: ResultFiles) -> Iterator[dict[str, str]]:
        """The service's rows, with each result file downloaded and named by its local path; reports errors."""
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
            elif not self.has_rows:
                self.whole.items.add(measured(row))
            yield row

    def _tell_of_the_whole(self, batch: Batch) -> None:
        """Say how typical all results together are."""
        # Those of tables are in their records, also where their rows are not merged.
        for name, record in batch.records() if self.has_rows and self.uploaded else ():
            self.whole.add_summary(name, record)
        self.whole.report(verbose=self._verbose)

    def _rows(self, names: Sequence[str], rows: Iterable[dict[str, str]], file: TextIO) -> None:
        # Numbers of the service's CSV are text and stay as they are in another one.
        kinds = _NAMES if self.output_format is Format.CSV else {**_NAMES, **_NUMBERS}
        columns = [Column(name, kinds.get(name, Kind.TEXT)) for name in names]
        written = row_file(self.output_format, file, columns)
        try:
            for row in rows:
                written.write([_value(row.get(name), kind) for name, kind in columns])
            for name, problem in self.failures.items():
                failure = {"model": self.options.model, "file": name, "error": problem.detail}
                written.write([failure.get(column) for column in names])
        finally:
            written.close()

    def _records(self, rows: Iterable[dict[str, str]], writer: Writer) -> None:
        try:
            for record in records(rows):
                writer.write(record)
            for name, problem in self.failures.items():
                writer.write({"file": name, "error": problem.problem})
        finally:
            writer.close()

    def _writer(self, file: TextIO) -> Writer:
        if self.output_format is Format.JSONL:
            return JsonLines(file)
        from skysort_cli.tables import TerminalTable  # noqa: PLC0415 - only for people

        return TerminalTable(console(file), rows=self.has_rows, files=True, names=False)

    def say_how_to_resume(self, stopped: str) -> None:
        """Report what is uploaded, and the command that resumes from there."""
        uploaded, total = f"{self.uploaded:,}", f"{len(self.uploads):,}"
        done = f"{uploaded} of {total} files uploaded" if self.uploading else "all files uploaded"
        say(f"{stopped}: {done}. Resume with: {self._command('--wait' if self.options.wait else '')}")

    def _command(self, option: str) -> str:
        """The same command, with the batch's name and an option."""
        options = self.options
        words = ["skysort", "drop", options.model, *options.files, "--batch", self.name, *([option] if option else [])]
        if options.wait:
            for name, value in (
                ("--out", options.out),
                ("--format", options.format),
                ("--results-dir", options.results_dir),
            ):
                words += [name, value] if value else []
        words += ["--endpoint", options.endpoint] if options.endpoint else []
        return shlex.join(words)


def _value(text: str | None, kind: Kind) -> object:
    """A cell of the service's CSV as a value."""
    if not text:
        return None
    if kind is Kind.BOOLEAN:
        return text == "true"
    return int(text) if kind is Kind.INTEGER else float(text) if kind is Kind.REAL else text
