"""`skysort`: options and help; runs one command and returns its exit status.

Nothing heavy is imported before a command runs, so that help is fast.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

import skysort
from skysort.models import MODELS
from skysort_cli.exits import EXPLAINED, CommandError, Exit, ProblemError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Errors caused by an answer that violates the API contract; in process they are bugs.
_MISUNDERSTOOD: Final = (ProblemError, LookupError, TypeError, ValueError, AttributeError, RecursionError, csv.Error)
_SERVICE: Final = """\
environment:
  SKYSORT_ENDPOINT  the service's address, where --endpoint is not given
  SKYSORT_API_KEY   its API key; never on the command line, where others can read it
  NO_COLOR          no colours"""

_DESCRIPTION: Final = "Classify galaxies, photographs and stars: here, on a local stack, or on a deployed service."
_EXAMPLES: Final = """\
examples:
  skysort classify galaxy cutouts/                     every picture of a folder, on this machine
  skysort classify star stars.csv --out classes.csv    every row of a table
  skysort classify image *.jpg --endpoint http://127.0.0.1:8000 | jq .predictions[0].label
  skysort drop galaxy survey/ --wait --out classes.csv thousands of files, resumable
  skysort models galaxy                                what a model is, and how good
  skysort serve                                        the whole service on this machine
  skysort doctor                                       what is missing here, and how to get it

`skysort COMMAND --help` has the options and more examples of each."""

_CLASSIFY: Final = f"""\
examples:
  skysort classify galaxy m51.jpg m87.fits
  skysort classify galaxy cutouts/ --explain-to maps/          with a heat map of each
  skysort classify image 'photos/**/*.jpg' --labels dogs --top-k 3
  skysort classify star sdss.fits --out classes.csv
  skysort classify star sdss.fits --out classified.fits --keep-columns
  curl -s https://example.org/m51.jpg | skysort classify galaxy -
  skysort classify star new.csv --endpoint http://127.0.0.1:8000 --format csv | head

On a terminal the answer is a table; into a pipe or a file it is JSON Lines, or CSV with --format csv or a name
that ends in .csv. Pictures are JPEG, PNG, WebP, TIFF, GIF, HEIC, AVIF and FITS; tables are CSV, FITS, VOTable, Parquet,
ECSV and IPAC, gzipped or not, over HTTP CSV alone. Larger sets go through `skysort drop`. A directory is searched for
files whose names end in these formats' suffixes, and skipped files are reported; a file that you name is tried
whatever its name.

{_SERVICE}

{EXPLAINED}"""

_DROP: Final = f"""\
examples:
  skysort drop galaxy survey/ --wait --out classes.csv
  skysort drop star big.parquet --batch night-7                upload and leave
  skysort drop star big.parquet --batch night-7 --wait         the same command again: fetches the results
  skysort drop star nights/*.fits --wait --results-dir classified/
  skysort drop image album.zip --endpoint https://abc123.execute-api.us-east-1.amazonaws.com/prod --wait

Files go into the drop folder of the service and are classified there, whatever their size. An interrupted
drop is resumed by the same command: what was uploaded is not uploaded again.

The results are a line a picture, a member of an archive, or a row of a CSV table. A table that is not a CSV, a
gzipped one and a CSV above 16 MiB stay whole: they come classified, in their own format with columns appended, into
--results-dir; their line in the output names the file (result_file), a second one that of the rows that were refused.

A directory is searched for files whose names end in these formats' suffixes, and skipped files are reported; a file
that you name is tried whatever its name.

{_SERVICE}

{EXPLAINED}"""

_MODELS_HELP: Final = f"""\
examples:
  skysort models
  skysort models galaxy
  skysort models image --format json | jq .metrics.accuracy

{_SERVICE}"""

_SERVE: Final = """\
examples:
  skysort serve
  skysort serve --port 8080 --s3-port 0      another port, and any free one for S3
  skysort serve --stage prod --verbose       the sizes and limits of another stage, a line an invocation

It is what `make run` starts. Ctrl-C stops everything."""

_DOCTOR: Final = f"""\
examples:
  skysort doctor
  skysort doctor --endpoint https://abc123.execute-api.us-east-1.amazonaws.com/prod
  skysort doctor --format json

exit status: 0 where everything that classifying needs is there, {Exit.MISSING:d} where something is missing,
{Exit.SERVICE:d} where the service does not answer as it should. What is only needed to develop skysort is shown and not
counted.

{_SERVICE}"""


class _Parser(argparse.ArgumentParser):
    """Reports errors in one line, with a reference to the help."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and exit."""
        self.exit(Exit.USAGE, f"skysort: {message}\nTry `{self.prog} --help`.\n")


def build() -> argparse.ArgumentParser:
    """The command line's parser; `command` is the name of a module in skysort_cli.commands."""
    parser = _Parser("skysort", description=_DESCRIPTION, epilog=_EXAMPLES, **_RAW)
    parser.add_argument("--version", action="version", version=f"skysort {skysort.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, summary, epilog, fill in _COMMANDS:
        command = commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=epilog, **_RAW
        )
        fill(command)
    return parser


def _classify(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", choices=MODELS, metavar="|".join(MODELS), help="what the files show")
    add("files", nargs="+", metavar="FILE", help="files, folders, quoted patterns such as '**/*.jpg', or - for stdin")
    add("--top-k", type=_whole(1, 10), metavar="N", help="number of classes to show, 1 to 10")
    add("--labels", metavar="A,B", help="choose from these alone, such as QSO,STAR or dogs")
    add("--explain", action="store_true", help="why: a heat map of a picture, SHAP values of a star")
    add("--explain-to", metavar="FOLDER", help="write heat maps there (default: beside --out)")
    add(
        "--keep-columns",
        action="store_true",
        help="star, in process: write the table itself, in its own format, with columns appended",
    )
    add("--in-process", action="store_true", help="on this machine, even where SKYSORT_ENDPOINT is set")
    add("--jobs", type=_whole(1, 64), metavar="N", help="files at once (default: 8 over HTTP, else one a core)")
    _out(parser)
    _service(parser)


def _drop(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", choices=MODELS, metavar="|".join(MODELS), help="what the files show")
    add("files", nargs="+", metavar="PATH", help="files, archives, folders, quoted patterns")
    add("--batch", metavar="NAME", help="the batch's name (default: made from the paths' names)")
    add("--wait", action="store_true", help="wait until every file has its result")
    add("--wait-for", type=_seconds, default=3600.0, metavar="SECONDS", help="maximum wait (default 3600)")
    add(
        "--results-dir",
        metavar="FOLDER",
        help="star: classified tables that stay whole go there (default: BATCH-results, beside --out or here)",
    )
    add("--again", action="store_true", help="upload everything, even what was uploaded before")
    add("--jobs", type=_whole(1, 64), default=4, metavar="N", help="uploads at once (default 4)")
    _out(parser)
    _service(parser)


def _models(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="one model, with its whole card")
    add("--in-process", action="store_true", help="those on this machine, even where SKYSORT_ENDPOINT is set")
    add("--format", choices=("text", "json"), help="default: text on a terminal, JSON elsewhere")
    _service(parser)


def _serve(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--port", help="port of the HTTP API, 0 for any free one (default 8000)")
    add("--s3-port", help="port of the S3 endpoint, 0 for any free one (default 9000)")
    add("--stage", help="settings to use (default local)")
    add("--no-drop", action="store_true", help="do not classify dropped files")
    add("--verbose", action="store_true", help="a line for every invocation")


def _doctor(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--format", choices=("text", "json"), help="default: text")
    _service(parser)


def _out(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", metavar="FILE", help="write results there instead of to stdout")
    add(
        "--format",
        choices=("table", "jsonl", "csv"),
        help="default: by --out's ending; else table on a terminal, jsonl in a pipe",
    )
    add("--quiet", action="store_true", help="no progress bar and no closing line")


def _service(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--endpoint", metavar="URL", help="the service, such as http://127.0.0.1:8000 (default: SKYSORT_ENDPOINT)")
    add("--timeout", type=_seconds, default=35.0, metavar="SECONDS", help="for one answer of the service (default 35)")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}, got {text!r}")
        return int(text)

    return read


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= 86_400:  # noqa: PLR2004 - a day
        raise argparse.ArgumentTypeError(f"must be a number of seconds up to 86400, got {text!r}")
    return seconds


_RAW: Final[dict[str, Any]] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
_COMMANDS: Final = (
    ("classify", "classify pictures or tables of stars, and show or write the answers", _CLASSIFY, _classify),
    ("drop", "upload files of any number and size, and fetch their results", _DROP, _drop),
    ("models", "list the models, or show one's card", _MODELS_HELP, _models),
    ("serve", "run the whole service on this machine", _SERVE, _serve),
    ("doctor", "show what is missing on this machine, and how to get it", _DOCTOR, _doctor),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit status (see skysort_cli.exits)."""
    try:
        code = _run(build().parse_args(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader closed the pipe (| head): discard what is still buffered, also at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.BROKEN_PIPE
    except OSError as error:
        _say(f"the results cannot be written: {error.strerror or error}")
        return Exit.OUTPUT
    except CommandError as error:
        _say(str(error))
        return error.exit
    except KeyboardInterrupt:
        _say("interrupted")
        return Exit.INTERRUPTED
    return code


def _run(options: argparse.Namespace) -> int:
    try:
        command = importlib.import_module(f"skysort_cli.commands.{options.command}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"httpx", "rich"}:
            raise
        _say(f"the command line needs the package {error.name}: pip install rich httpx")
        return Exit.MISSING
    try:
        code: int = command.run(options)
    except _MISUNDERSTOOD as error:
        from skysort_cli.endpoint import find_endpoint  # noqa: PLC0415 - not needed for --help

        endpoint = find_endpoint(
            getattr(options, "endpoint", None), os.environ, in_process=getattr(options, "in_process", False)
        )
        if endpoint is None or isinstance(error, UnicodeEncodeError):
            raise
        fault = f"does not answer as skysort does ({type(error).__name__}: {error!s:.200}); check the address"
        fault = f"rejects the request: {error.detail}" if isinstance(error, ProblemError) else fault
        raise ServiceError(f"{endpoint.url} {fault}") from error
    return code


def _say(message: str) -> None:
    from skysort_cli.terminal import say  # noqa: PLC0415 - not needed for --help

    say(message)
