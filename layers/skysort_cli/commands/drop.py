"""`skysort drop`: any number of files into the drop folder, and their results back."""

from __future__ import annotations

import csv
import os
import shlex
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from skysort_cli.batches import Batch, Counts, records
from skysort_cli.client import Client
from skysort_cli.dropping import Upload, batch_name, missing, plan
from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import CommandError, Exit, ProblemError, ServiceError, UsageError
from skysort_cli.inputs import ARCHIVES, PICTURES, TABLES, expand
from skysort_cli.interrupts import interruptible
from skysort_cli.output import Format, check_out, choose_format, opened
from skysort_cli.progress import bar
from skysort_cli.terminal import console, is_terminal, say
from skysort_cli.unfinished import Unfinished, state_folder
from skysort_cli.uploader import Uploader
from skysort_cli.writers import JsonLines, Writer, write_row

if TYPE_CHECKING:
    import argparse
    import threading
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from skysort_cli.endpoint import Endpoint

_TOLD: Final = 20


def run(options: argparse.Namespace) -> int:
    """Upload, and with --wait fetch the results; returns the exit status."""
    endpoint = find_endpoint(options.endpoint, os.environ)
    if endpoint is None:
        raise UsageError("drop needs a service: give --endpoint URL or set SKYSORT_ENDPOINT (`skysort serve` runs one)")
    if (options.out or options.format) and not options.wait:
        raise UsageError("--out and --format are for the results, which --wait waits for")
    batch = batch_name(options.batch, options.model, options.files)
    inputs = expand(options.files, TABLES if options.model == "star" else (*PICTURES, *ARCHIVES))
    check_out(options.out, inputs)
    uploads, unread = plan(inputs)
    drop = _Drop(options, endpoint, batch, uploads)
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
            say(error.sentence)
            drop.say_how_to_resume("stopped")
            return error.exit


class _Drop:
    """One run of the command."""

    def __init__(self, options: argparse.Namespace, endpoint: Endpoint, batch: str, uploads: Sequence[Upload]) -> None:
        self._options = options
        self._endpoint = endpoint
        self._name = batch
        self._uploads = uploads
        self._failures: dict[str, ProblemError] = {}
        self._there = 0
        self._uploading = True

    def failed(self, name: str, problem: ProblemError) -> None:
        """One file that will have no result: told at once, and in the results too."""
        self._failures[name] = problem
        if len(self._failures) <= _TOLD:
            say(f"{name}: {problem.detail}")

    def run(self, client: Client, stop: threading.Event) -> int:
        """Upload what is missing, and wait and fetch where that was asked for."""
        batch = Batch(client, self._options.model, self._name)
        self._send(client, batch)
        self._uploading = False
        if not self._options.wait:
            sys.stdout.write(f"{self._name}\n")
            if self._talkative:
                say(f"classified as they arrive; for the results: {self._command('--wait')}")
            return Exit.SOME_FAILED if self._failures else Exit.OK
        if self._there:
            self._wait(batch, stop)
        return self._results(batch)

    def _send(self, client: Client, batch: Batch) -> None:
        todo = list(self._uploads)
        if not self._options.again:
            todo = missing(self._uploads, batch.arrived())
        self._there = len(self._uploads) - len(todo)
        if self._there and self._talkative:
            say(f"{self._there:,} of {len(self._uploads):,} files are there already")
        unfinished = Unfinished(state_folder(os.environ), self._endpoint.url, self._options.model, self._name)
        size = sum(upload.size for upload in todo)
        with bar("uploading", size, quiet=self._options.quiet, in_bytes=True) as progress:

            def arrived(upload: Upload) -> None:
                self._there += 1
                progress.say(f"uploading {upload.name}"[:40])

            uploader = Uploader(
                client,
                self._options.model,
                self._name,
                jobs=self._options.jobs,
                unfinished=unfinished,
                sent=progress.advance,
                arrived=arrived,
            )
            for upload, problem in uploader.upload(todo):
                self.failed(upload.name, problem)

    def _wait(self, batch: Batch, stop: threading.Event) -> None:
        with bar("classifying", self._there, quiet=self._options.quiet, unit="files") as progress:
            shown = 0

            def told(counts: Counts) -> None:
                nonlocal shown
                progress.advance(counts.finished - shown)
                shown = counts.finished

            counts = batch.wait(self._there, self._options.wait_for, stop, told)
        waiting = max(counts.total, self._there) - counts.finished
        if waiting:
            raise CommandError(
                f"{waiting:,} of {counts.total:,} files have no result after {self._options.wait_for:g} s; "
                f"to go on waiting: {self._command('--wait')}"
            )

    def _results(self, batch: Batch) -> int:
        options = self._options
        form = choose_format(options.format, options.out)
        refused = len(self._failures)
        with opened(options.out) as file:
            lines = batch.results() if self._there else iter(())
            if form is Format.CSV:
                refused += self._csv(lines, file)
            else:
                refused += self._records(lines, self._writer(form, file))
        if self._talkative:
            where = f", results in {options.out}" if options.out not in {None, "-"} else ""
            say(
                f"batch {self._name}: {self._there:,} files classified{where}"
                + (f", {refused:,} refused" * bool(refused))
            )
        return Exit.SOME_FAILED if refused else Exit.OK

    def _csv(self, lines: Iterator[str], file: TextIO) -> int:
        """The service's own lines; counts those with an error."""
        header: list[str] = []
        refused = 0

        def passed_on() -> Iterator[str]:
            for line in lines:
                file.write(line)
                yield line

        for row in csv.reader(passed_on()):
            if not header:
                header = row
            elif row and row[-1]:
                refused += 1
        header = header or ["model", "file", "row", "label", "class_id", "probability", "prediction_set", "error"]
        if not self._there:
            write_row(file, header)
        for name, problem in self._failures.items():
            blank = [""] * (len(header) - 3)
            write_row(file, [self._options.model, name, *blank, problem.detail])
        return refused

    def _records(self, lines: Iterator[str], writer: Writer) -> int:
        refused = 0
        try:
            for record in records(lines):
                refused += "error" in record
                writer.write(record)
            for name, problem in self._failures.items():
                writer.write({"file": name, "error": problem.problem})
        finally:
            writer.close()
        return refused

    def _writer(self, form: Format, file: TextIO) -> Writer:
        if form is Format.JSONL:
            return JsonLines(file)
        from skysort_cli.tables import TerminalTable  # noqa: PLC0415 - only for people

        return TerminalTable(console(file), rows=self._options.model == "star", files=True, names=False)

    def say_how_to_resume(self, stopped: str) -> None:
        """What stands, and the command that goes on from there."""
        done = (
            f"{self._there:,} of {len(self._uploads):,} files are uploaded"
            if self._uploading
            else "every file is uploaded"
        )
        say(f"{stopped}: {done} and stay so; to go on: {self._command('--wait' if self._options.wait else '')}")

    def _command(self, option: str) -> str:
        """The same command again, with the batch's name and an option."""
        given = self._options
        words = ["skysort", "drop", given.model, *given.files, "--batch", self._name]
        words += [option] if option else []
        if given.wait and given.out:
            words += ["--out", given.out]
        if given.endpoint:
            words += ["--endpoint", given.endpoint]
        return shlex.join(words)

    @property
    def _talkative(self) -> bool:
        return not self._options.quiet and is_terminal(sys.stderr)
