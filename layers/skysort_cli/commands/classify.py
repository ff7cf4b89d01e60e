"""`skysort classify`: classify files, on this machine or by a service."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort.drop.keys import REJECTED
from skysort.errors import InputError
from skysort.registry.names import Kind, TrainedName
from skysort_cli.classifiers import Classifier, checked_name, classifier, plain_name
from skysort_cli.endpoint import Endpoint, find_endpoint
from skysort_cli.exits import Exit, ProblemError, UsageError
from skysort_cli.inputs import STDIN, Input, expand
from skysort_cli.local import missing_package
from skysort_cli.local_models import LocalCustom, LocalPictures, LocalStars
from skysort_cli.output import STDOUT, Format, JsonLines, Writer, check_out, choose_format, error_message, opened
from skysort_cli.pictures import HeatMaps, heat_map_folder
from skysort_cli.pictures import classify as classify_pictures
from skysort_cli.record_rows import RecordRows
from skysort_cli.terminal import bar, console, interruptible, is_terminal, say
from skysort_cli.wholes import Whole

if TYPE_CHECKING:
    import argparse
    import threading
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from skysort_cli.output import Record
    from skysort_cli.pictures import Answer

HTTP_JOBS: Final = 8
# In place of a prior: shares of the table itself.
ESTIMATED: Final = "estimated"
# Failures reported on stderr one by one; the output has them all.
_REPORTED: Final = 20


def run(options: argparse.Namespace) -> int:
    """Classify; returns the exit status."""
    model = _chosen(options)
    star = model.has_rows
    endpoint = find_endpoint(options.endpoint, os.environ, in_process=options.in_process)
    _check(options, model, endpoint)
    inputs = expand(options.files, tuple(model.input.files))
    check_out(options.out, inputs)
    if options.keep_columns:
        return _keep_columns(options, model, inputs)
    explain = options.explain or options.explain_to is not None
    output_format = choose_format(options.format, options.out)
    maps = None if star or not explain else heat_map_folder(options.explain_to, options.out)
    if explain and not star and maps is None and output_format is not Format.JSONL:
        raise UsageError("--explain needs a directory for the heat maps: give --explain-to FOLDER, or --out FILE")
    extract = HeatMaps(maps, {item.name: item.below for item in inputs}).extract if maps else None
    with ExitStack() as stack:
        stop = stack.enter_context(interruptible())
        answer, local = _answering(options, model, endpoint, stop, stack, explain=explain)
        file = stack.enter_context(opened(options.out))
        writer = _writer(output_format, file, options, model, many=len(inputs) > 1, explain=explain)
        report = output_format is not Format.TABLE or file is not sys.stdout
        tally = _Tally(writer, extract, report, Whole(model.input.name))
        try:
            if star:
                _stars(options, inputs, answer, local, tally, explain=explain)
            else:
                _pictures(options, inputs, answer, tally, over_http=endpoint is not None)
        finally:
            writer.close()
    tally.close(options)
    return Exit.SOME_FAILED if tally.failed else Exit.OK


def _chosen(options: argparse.Namespace) -> Classifier:
    """The model of the argument, or of --model; raises UsageError."""
    model = classifier(options.model)
    if options.trained is None:
        return model
    if model.trained is not None or not model.has_rows:
        raise UsageError(f"--model is for `skysort classify star`; give {options.model} or a model of yours alone")
    return classifier(str(TrainedName(Kind.STAR, checked_name(plain_name(options.trained)))))


def _check(options: argparse.Namespace, model: Classifier, endpoint: Endpoint | None) -> None:
    """Raise UsageError for options that cannot be combined."""
    star = model.has_rows
    if options.explain_to is not None and star:
        raise UsageError("--explain-to is for the heat maps of pictures; SHAP values are in the output with --explain")
    if options.prior == ESTIMATED:
        _check_estimated(options, model, endpoint)
    if not options.keep_columns:
        return
    if not star:
        raise UsageError("--keep-columns is for tables of stars")
    if endpoint is not None:
        raise UsageError("--keep-columns works in process only; with a service, use `skysort drop star`")
    if options.out is None or options.out == STDOUT:
        raise UsageError("--keep-columns needs --out FILE for the table")
    if options.explain or options.labels or options.top_k or options.format:
        raise UsageError("--keep-columns cannot be combined with --explain, --labels, --top-k or --format")


def _check_estimated(options: argparse.Namespace, model: Classifier, endpoint: Endpoint | None) -> None:
    if not model.has_rows:
        raise UsageError("--prior estimated is for tables of stars; for pictures, give the share of each class")
    if endpoint is not None:
        raise UsageError("--prior estimated reads a table twice, in process only; give a service the shares")
    if STDIN in options.files:
        raise UsageError("--prior estimated reads a table twice, which stdin cannot be; give a file")


def _query(options: argparse.Namespace, *, explain: bool) -> dict[str, str]:
    if options.labels is not None and not options.labels.strip(", "):
        raise UsageError("--labels is empty; name labels separated by commas")
    if options.prior is not None and not options.prior.strip(", "):
        raise UsageError("--prior is empty; give the share of each class, as in GALAXY:0.9,QSO:0.001,STAR:0.099")
    prior = None if options.prior == ESTIMATED else options.prior
    query = {"top_k": options.top_k, "labels": options.labels, "explain": "true" if explain else None, "prior": prior}
    return {name: str(value) for name, value in query.items() if value is not None}


def _answering(
    options: argparse.Namespace,
    model: Classifier,
    endpoint: Endpoint | None,
    stop: threading.Event,
    stack: ExitStack,
    *,
    explain: bool,
) -> tuple[Answer, LocalStars | None]:
    """The function that answers requests, and the star model if it runs in process."""
    query = _query(options, explain=explain)
    if endpoint is not None:
        from skysort_cli.client import Client, RemoteModel  # noqa: PLC0415 - not needed in process

        jobs = options.jobs or HTTP_JOBS
        client = stack.enter_context(Client(endpoint, timeout_s=options.timeout, stop=stop, connections=jobs))
        trained = model.spelled if model.trained else ""
        return RemoteModel(client, model.path, {**query, **model.query}, trained=trained).answer, None
    if model.has_rows:
        local = _local_stars(options, model, query)
        return local.answer, local
    if model.trained is not None:
        return LocalCustom(model, query).answer, None
    return LocalPictures(model.spelled, query).answer, None


def _local_stars(options: argparse.Namespace, model: Classifier, query: dict[str, str]) -> LocalStars:
    """The model in process; raises UsageError if it cannot be asked as the options say."""
    local = LocalStars(model, query)
    if options.prior == ESTIMATED and local.model.no_prior:
        raise UsageError(f"--prior: {local.model.no_prior}")
    return local


def _writer(
    output_format: Format, file: TextIO, options: argparse.Namespace, model: Classifier, *, many: bool, explain: bool
) -> Writer:
    star, top_k, trained = model.has_rows, options.top_k or 1, model.trained is not None
    if output_format is Format.JSONL:
        return JsonLines(file)
    if output_format is not Format.TABLE:
        return RecordRows(output_format, file, star=star, top_k=top_k, explain=explain, trained=trained)
    from skysort_cli.tables import TerminalTable  # noqa: PLC0415 - only for people

    return TerminalTable(console(file), rows=star, files=many or not star, top_k=top_k, explain=explain)


@dataclass
class _Tally:
    """Passes records to the writer, counts them, and reports failures."""

    writer: Writer
    extract: Callable[[Record], Record] | None
    report: bool
    whole: Whole
    started: float = field(default_factory=time.monotonic)
    classified: int = 0
    failed: int = 0

    def write(self, record: Record) -> None:
        if "error" in record:
            self.failed += record.get("last_row", 0) - record["row"] + 1 if "last_row" in record else 1
            if self.report and self.failed <= _REPORTED:
                row = f", row {record['row']:,}" if "row" in record else ""
                say(f"{record['file']}{row}: {error_message(record)}")
        else:
            self.classified += 1
            self.whole.items.add(record)
        self.writer.write(self.extract(record) if self.extract else record)

    def close(self, options: argparse.Namespace) -> None:
        if self.report and self.failed > _REPORTED:
            say(f"and {self.failed - _REPORTED:,} more that failed, each with its reason in the output")
        if options.quiet:
            return
        verbose = is_terminal(sys.stderr)
        self.whole.report(verbose=verbose)
        if not verbose:
            return
        where = f", in {options.out}" if options.out not in {None, STDOUT} else ""
        failed = f", {self.failed:,} refused" if self.failed else ""
        say(f"{self.classified:,} classified{failed} in {time.monotonic() - self.started:.1f} s{where}")


def _pictures(
    options: argparse.Namespace, inputs: Sequence[Input], answer: Answer, tally: _Tally, *, over_http: bool
) -> None:
    jobs = options.jobs or (HTTP_JOBS if over_http else os.cpu_count() or 1)
    with bar("classifying", len(inputs), quiet=options.quiet or len(inputs) == 1, unit="pictures") as progress:
        for record in classify_pictures(inputs, answer, jobs=jobs, over_http=over_http, done=progress.advance):
            tally.write(record)


def _stars(
    options: argparse.Namespace,
    inputs: Sequence[Input],
    answer: Answer,
    local: LocalStars | None,
    tally: _Tally,
    *,
    explain: bool,
) -> None:
    from skysort_cli.stars import StarTables  # noqa: PLC0415

    estimating = local is not None and options.prior == ESTIMATED
    prepare = (lambda item: _estimate(options, item, local)) if estimating and local is not None else None
    tables = StarTables(answer, local, 1 if local else options.jobs or HTTP_JOBS, explain, prepare)
    with bar("classifying", None, quiet=options.quiet, unit="rows") as progress:

        def emit(record: Record) -> None:
            tally.write(record)
            progress.advance()

        for item in inputs:
            progress.say(f"classifying {Path(item.name).name}")
            tally.whole.add_table(item.name, tables.classify(item, emit))


def _estimate(options: argparse.Namespace, item: Input, local: LocalStars) -> None:
    """Take the class shares of a table from itself; raises InputError and ProblemError."""
    try:
        from skysort_cli.estimated_shares import estimate  # noqa: PLC0415 - needs what reads tables
    except ImportError as error:
        raise missing_package("tables", error) from error
    shares, sentence = estimate(item, local.model)
    local.use_prior(shares)
    if not options.quiet:
        say(f"{item.name}: {sentence}")


def _keep_columns(options: argparse.Namespace, model: Classifier, inputs: Sequence[Input]) -> int:
    """Write one table with the classification appended."""
    if len(inputs) != 1:
        raise UsageError(f"--keep-columns takes one table at a time, got {len(inputs)}")
    local = _local_stars(options, model, _query(options, explain=False))
    try:
        from skysort_cli.star_tables import classify_whole  # noqa: PLC0415
    except ImportError as error:
        raise missing_package("tables", error) from error
    started = time.monotonic()
    try:
        with interruptible():
            if options.prior == ESTIMATED:
                _estimate(options, inputs[0], local)
            summary = classify_whole(inputs[0], Path(options.out), local)
    except (ProblemError, InputError) as error:
        say(f"{inputs[0].name}: {error.detail}")
        return Exit.SOME_FAILED
    rows = summary["rows"]
    if rows["rejected"]:
        say(f"{rows['rejected']:,} of {rows['total']:,} rows cannot be classified; {options.out}{REJECTED} says why")
    if not options.quiet:
        whole, verbose = Whole(model.input.name), is_terminal(sys.stderr)
        whole.add_summary(inputs[0].name, summary)
        whole.report(verbose=verbose)
        if verbose:
            say(f"{rows['classified']:,} classified in {time.monotonic() - started:.1f} s, in {options.out}")
    return Exit.SOME_FAILED if rows["rejected"] else Exit.OK
