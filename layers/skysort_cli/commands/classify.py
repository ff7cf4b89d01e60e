"""`skysort classify`: files to classes, here or on a service."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort.errors import InputError
from skysort.models import MODELS, ROWS
from skysort_cli.endpoint import Endpoint, find_endpoint
from skysort_cli.exits import Exit, ProblemError, UsageError
from skysort_cli.heat_maps import HeatMaps, folder_for
from skysort_cli.in_process import LocalPictures, LocalStars, missing
from skysort_cli.inputs import Input, expand
from skysort_cli.interrupts import interruptible
from skysort_cli.output import Format, check_out, choose_format, opened
from skysort_cli.pictures import classify as classify_pictures
from skysort_cli.progress import bar
from skysort_cli.terminal import console, is_terminal, say
from skysort_cli.writers import Csv, JsonLines, Writer, sentence

if TYPE_CHECKING:
    import argparse
    import threading
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from skysort_cli.pictures import Answering, Record

HTTP_JOBS: Final = 8
# Failures told on stderr one by one; the output has them all.
_TOLD: Final = 20


def run(options: argparse.Namespace) -> int:
    """Classify; returns the exit status."""
    star = MODELS[options.model].input is ROWS
    endpoint = find_endpoint(options.endpoint, os.environ, in_process=options.in_process)
    _check(options, endpoint)
    inputs = expand(options.files, tuple(MODELS[options.model].input.files))
    check_out(options.out, inputs)
    if options.keep_columns:
        return _keep_columns(options, inputs)
    explain = options.explain or options.explain_to is not None
    form = choose_format(options.format, options.out)
    maps = None if star or not explain else folder_for(options.explain_to, options.out)
    if explain and not star and maps is None and form is not Format.JSONL:
        raise UsageError("--explain needs a place for the heat maps: give --explain-to FOLDER, or --out FILE")
    kept_apart = HeatMaps(maps, {one.name: one.below for one in inputs}).kept_apart if maps else None
    with ExitStack() as stack:
        stop = stack.enter_context(interruptible())
        model, local = _model(options, endpoint, _query(options, explain=explain), stop, stack)
        file = stack.enter_context(opened(options.out))
        writer = _writer(form, file, options, many=len(inputs) > 1, explain=explain)
        tally = _Tally(writer, kept_apart, tell=form is not Format.TABLE or file is not sys.stdout)
        try:
            if star:
                _stars(options, inputs, model, local, tally, explain=explain)
            else:
                _pictures(options, inputs, model, endpoint, tally)
        finally:
            writer.close()
    tally.close(options)
    return Exit.SOME_FAILED if tally.failed else Exit.OK


def _check(options: argparse.Namespace, endpoint: Endpoint | None) -> None:
    """Refuse options that do not go together."""
    if options.in_process and options.endpoint is not None:
        raise UsageError("--in-process and --endpoint say the opposite; give one of them")
    if options.explain_to is not None and MODELS[options.model].input is ROWS:
        raise UsageError("--explain-to is for the heat maps of pictures; SHAP values are in the output with --explain")
    if not options.keep_columns:
        return
    if MODELS[options.model].input is not ROWS:
        raise UsageError("--keep-columns is for tables of stars")
    if endpoint is not None:
        raise UsageError("--keep-columns works in process; on a service, `skysort drop star` does the same")
    if options.out is None or options.out == "-":
        raise UsageError("--keep-columns needs --out FILE for the table")
    if options.explain or options.labels or options.top_k or options.format:
        raise UsageError("--keep-columns writes the table as the drop folder does, without other options of the output")


def _query(options: argparse.Namespace, *, explain: bool) -> dict[str, str]:
    query = {}
    if options.top_k is not None:
        query["top_k"] = str(options.top_k)
    if options.labels is not None:
        if not options.labels.strip(", "):
            raise UsageError("--labels is empty; name labels separated by commas")
        query["labels"] = options.labels
    if explain:
        query["explain"] = "true"
    return query


def _model(
    options: argparse.Namespace,
    endpoint: Endpoint | None,
    query: dict[str, str],
    stop: threading.Event,
    stack: ExitStack,
) -> tuple[Answering, LocalStars | None]:
    if endpoint is not None:
        from skysort_cli.client import Client  # noqa: PLC0415 - not needed in process
        from skysort_cli.remote import Remote  # noqa: PLC0415

        jobs = options.jobs or HTTP_JOBS
        client = stack.enter_context(Client(endpoint, timeout_s=options.timeout, stop=stop, connections=jobs))
        return Remote(client, options.model, query), None
    if MODELS[options.model].input is ROWS:
        local = LocalStars(query)
        return local, local
    return LocalPictures(options.model, query), None


def _writer(form: Format, file: TextIO, options: argparse.Namespace, *, many: bool, explain: bool) -> Writer:
    star = MODELS[options.model].input is ROWS
    if form is Format.JSONL:
        return JsonLines(file)
    if form is Format.CSV:
        return Csv(file, star=star, top_k=options.top_k or 1, explain=explain)
    from skysort_cli.tables import TerminalTable  # noqa: PLC0415 - only for people

    return TerminalTable(console(file), rows=star, files=many or not star, top_k=options.top_k or 1, explain=explain)


class _Tally:
    """Hands records on to the writer, counts them, and tells of failures."""

    def __init__(self, writer: Writer, kept_apart: Callable[[Record], Record] | None, *, tell: bool) -> None:
        self._writer = writer
        self._kept_apart = kept_apart
        self._tell = tell
        self._began = time.monotonic()
        self.classified = 0
        self.failed = 0

    def write(self, record: Record) -> None:
        if "error" in record:
            self.failed += record.get("last_row", 0) - record["row"] + 1 if "last_row" in record else 1
            if self._tell and self.failed <= _TOLD:
                row = f", row {record['row']:,}" if "row" in record else ""
                say(f"{record['file']}{row}: {sentence(record)}")
        else:
            self.classified += 1
        self._writer.write(self._kept_apart(record) if self._kept_apart else record)

    def close(self, options: argparse.Namespace) -> None:
        if self._tell and self.failed > _TOLD:
            say(f"and {self.failed - _TOLD:,} more that failed, each with its reason in the output")
        if options.quiet or not is_terminal(sys.stderr):
            return
        took = time.monotonic() - self._began
        where = f", in {options.out}" if options.out not in {None, "-"} else ""
        failed = f", {self.failed:,} refused" if self.failed else ""
        say(f"{self.classified:,} classified{failed} in {took:.1f} s{where}")


def _pictures(
    options: argparse.Namespace, inputs: Sequence[Input], model: Answering, endpoint: Endpoint | None, tally: _Tally
) -> None:
    over_http = endpoint is not None
    jobs = options.jobs or (HTTP_JOBS if over_http else os.cpu_count() or 1)
    with bar("classifying", len(inputs), quiet=options.quiet or len(inputs) == 1, unit="pictures") as progress:
        for record in classify_pictures(
            inputs, model, jobs=jobs, over_http=over_http, done=lambda _: progress.advance()
        ):
            tally.write(record)


def _stars(
    options: argparse.Namespace,
    inputs: Sequence[Input],
    model: Answering,
    local: LocalStars | None,
    tally: _Tally,
    *,
    explain: bool,
) -> None:
    from skysort_cli.stars import StarTables  # noqa: PLC0415

    tables = StarTables(model, local, jobs=1 if local else options.jobs or HTTP_JOBS, explain=explain)
    with bar("classifying", None, quiet=options.quiet, unit="rows") as progress:

        def emit(record: Record) -> None:
            tally.write(record)
            progress.advance()

        for one in inputs:
            progress.say(f"classifying {Path(one.name).name}")
            tables.classify(one, emit)


def _keep_columns(options: argparse.Namespace, inputs: Sequence[Input]) -> int:
    """One table in, the same table out with the classification appended."""
    if len(inputs) != 1:
        raise UsageError(f"--keep-columns takes one table at a time, got {len(inputs)}")
    local = LocalStars({})
    try:
        from skysort_cli.star_tables import classify_whole  # noqa: PLC0415
    except ImportError as error:
        raise missing("tables", error) from error
    began = time.monotonic()
    try:
        with interruptible():
            summary = classify_whole(inputs[0], Path(options.out), local)
    except ProblemError as error:
        say(f"{inputs[0].name}: {error.detail}")
        return Exit.SOME_FAILED
    except InputError as error:
        say(f"{inputs[0].name}: {error.detail}")
        return Exit.SOME_FAILED
    rows = summary["rows"]
    if rows["rejected"]:
        say(f"{rows['rejected']:,} of {rows['total']:,} rows cannot be classified: {options.out}.rejected.csv says why")
    if not options.quiet and is_terminal(sys.stderr):
        say(f"{rows['classified']:,} classified in {time.monotonic() - began:.1f} s, in {options.out}")
    return Exit.SOME_FAILED if rows["rejected"] else Exit.OK
