"""The command line's commands and options."""

from __future__ import annotations

import argparse
from typing import Final

import skysort
from skysort.models import MODELS
from skysort_cli import help_texts as texts
from skysort_cli import option_values as values
from skysort_cli.command_parser import CommandParser

# As in skysort_cli.classifiers.
_CHOICES: Final = ", ".join((*MODELS, "custom/NAME", "custom-star/NAME"))


def build() -> CommandParser:
    """The command line's parser; `command` is the name of a module in skysort_cli.commands."""
    parser = CommandParser("skysort", description=texts.DESCRIPTION, epilog=texts.EXAMPLES, arguments="commands")
    parser.add_argument(
        "--version", action="version", version=f"skysort {skysort.__version__}", help="show the version"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary, epilog, fill in _COMMANDS:
        command = commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=epilog
        )
        fill(command)
    return parser


def _classify(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", type=values.model, metavar="MODEL", help=f"what the files show: {_CHOICES}")
    add("files", nargs="+", metavar="FILE", help="files, folders, quoted patterns such as '**/*.jpg', or - for stdin")
    add("--model", dest="trained", metavar="NAME", help="star: a model of yours, as custom-star/NAME")
    add("--top-k", type=values.whole(1, 10), metavar="N", help="number of classes to show, 1 to 10")
    add("--labels", metavar="A,B", help="choose from these alone, such as QSO,STAR or dogs")
    add(
        "--prior",
        metavar="A:SHARE,...",
        help="star, own models: class shares of your survey, such as GALAXY:0.9,QSO:0.001,STAR:0.099; `estimated`: of "
        "each table, by its own rows",
    )
    add("--explain", action="store_true", help="why: a heat map of a picture, SHAP values of a star")
    add("--explain-to", metavar="FOLDER", help="write heat maps there (default: beside --out)")
    add(
        "--keep-columns",
        action="store_true",
        help="star, in process: write the table itself, in its own format, with columns appended",
    )
    add("--in-process", action="store_true", help="on this machine, even where SKYSORT_ENDPOINT is set")
    add("--jobs", type=values.whole(1, 64), metavar="N", help="files at once (default: 8 over HTTP, else one a core)")
    _out(parser)
    _service(parser)


def _drop(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", type=values.model, metavar="MODEL", help=f"what the files show: {_CHOICES}")
    add("files", nargs="+", metavar="PATH", help="files, archives, folders, quoted patterns")
    add("--batch", metavar="NAME", help="the batch's name (default: made from the paths' names)")
    add("--wait", action="store_true", help="wait until every file has its result")
    add("--wait-for", type=values.seconds, default=3600.0, metavar="SECONDS", help="maximum wait (default 3600)")
    add(
        "--results-dir",
        metavar="FOLDER",
        help="star: classified tables that stay whole go there (default: BATCH-results, beside --out or here)",
    )
    add("--again", action="store_true", help="upload everything, even what was uploaded before")
    add("--jobs", type=values.whole(1, 64), default=4, metavar="N", help="uploads at once (default 4)")
    _out(parser)
    _service(parser)


def _models(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    parser.usage = texts.MODELS_USAGE
    add("words", nargs="*", metavar="NAME", help="one model, with its whole card; or what to do, a model and a version")
    add("--force", action="store_true", help="promote: even if it is worse than the live version")
    add("--yes", action="store_true", help="delete: do not ask")
    add("--in-process", action="store_true", help="those on this machine, even where SKYSORT_ENDPOINT is set")
    _text_or_json(parser)
    _service(parser)


def _train(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    pictures = kinds.add_parser(
        "pictures",
        help="from a folder, or a zip, with a folder a class",
        description="Train a classifier of pictures, custom/NAME.",
        epilog=texts.TRAIN_PICTURES,
    )
    pictures.add_argument("name", metavar="NAME", help="the model's name: lower-case letters, digits, - and _")
    pictures.add_argument("source", metavar="FOLDER_OR_ZIP", help="a folder a class, with its pictures")
    star = kinds.add_parser(
        "star",
        help="from a table with a column of classes",
        description="Train a classifier of rows of a catalogue, custom-star/NAME.",
        epilog=texts.TRAIN_STAR,
    )
    star.add_argument("name", metavar="NAME", help="the model's name: lower-case letters, digits, - and _")
    star.add_argument("source", metavar="TABLE", help="CSV, FITS, VOTable, Parquet, ECSV or IPAC")
    star.add_argument("--class-column", metavar="C", help="the column of classes (default: class)")
    star.add_argument("--columns", type=values.pairs, metavar="BAND=COLUMN,...", help="where bands and features are")
    star.add_argument(
        "--bands", type=values.listed, metavar="A,B", help="bands in order of wavelength (default: u,g,r,i,z)"
    )
    star.add_argument("--search", action="store_true", help="search for hyperparameters for a short time")
    for kind in (pictures, star):
        _training(kind)


def _training(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--wait", action="store_true", help="wait for the report (in process it always comes)")
    add("--wait-for", type=values.seconds, default=3600.0, metavar="SECONDS", help="maximum wait (default 3600)")
    add(
        "--promote",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="make it live if it is not worse than the live version (default)",
    )
    add("--force", action="store_true", help="make it live even if it is worse; that is recorded")
    add(
        "--seed",
        type=values.whole(0, 2**31 - 1),
        metavar="N",
        help="of folds and search; the same seed gives the same model",
    )
    add("--again", action="store_true", help="upload everything, even what was uploaded before")
    add("--jobs", type=values.whole(1, 64), default=8, metavar="N", help="uploads at once (default 8)")
    add("--in-process", action="store_true", help="on this machine, even where SKYSORT_ENDPOINT is set")
    add("--quiet", action="store_true", help="no progress line")
    _text_or_json(parser)
    _service(parser)


def _trainings(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("id", nargs="?", metavar="ID", help="one training, with its report")
    add("--wait", action="store_true", help="wait until it has ended")
    add("--wait-for", type=values.seconds, default=3600.0, metavar="SECONDS", help="maximum wait (default 3600)")
    add("--limit", type=values.whole(1, 1000), default=20, metavar="N", help="number of trainings to list (default 20)")
    add("--in-process", action="store_true", help="those on this machine, even where SKYSORT_ENDPOINT is set")
    add("--quiet", action="store_true", help="no progress line")
    _text_or_json(parser)
    _service(parser)


def _bulk(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    parser.usage = texts.BULK_USAGE
    add("model", nargs="?", type=values.model, metavar="MODEL", help=f"what the files show: {_CHOICES}")
    add(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="files, folders, patterns; with a service also s3://BUCKET/KEY or incoming/... (prefixes end in /)",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--plan", action="store_true", help="say what the job would be, take and cost; start nothing")
    what.add_argument("--job", metavar="ID", help="show a job of the service")
    what.add_argument("--resume", metavar="ID", help="start a planned job; go on with a cancelled or failed one")
    what.add_argument("--cancel", metavar="ID", help="stop a job; what is done is kept")
    add("--out", metavar="FOLDER", help="on this machine, into this folder; the same command resumes the job")
    add("--workers", type=values.whole(1, 256), metavar="N", help="with --out: processes (default: one a core)")
    add("--again", action="store_true", help="with --out: a new job, even if this one is there; else upload all again")
    add("--output", choices=("parquet", "csv"), default="parquet", help="format of the results (default parquet)")
    add("--columns", type=values.listed, metavar="A,B", help="columns of the tables to copy into the results")
    add("--prior", type=values.shares, metavar="A:SHARE,...", help="star, own models: class shares of your survey")
    add(
        "--tolerated-share",
        type=values.share,
        metavar="SHARE",
        help="of rows, as 0.05 or 5%%: if more are rejected, the job fails (default 0.05)",
    )
    add(
        "--manifest",
        action="store_true",
        help="SOURCE lists the files: a key a line, JSON, or an S3 inventory's manifest",
    )
    add(
        "--concurrency",
        type=values.whole(1, 10_000),
        metavar="N",
        help="parts at a time (default: what the service allows)",
    )
    add("--wait", action="store_true", help="wait until the job has ended (with --out it always has)")
    add("--wait-for", type=values.seconds, default=86_400.0, metavar="SECONDS", help="maximum wait (default 86400)")
    add("--limit", type=values.whole(1, 1000), default=20, metavar="N", help="number of jobs to list (default 20)")
    add("--jobs", type=values.whole(1, 64), default=4, metavar="N", help="uploads at once (default 4)")
    add("--quiet", action="store_true", help="no progress bar and no closing line")
    _text_or_json(parser)
    add("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    _service(parser)


def _serve(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--port", help="port of the HTTP API, 0 for any free one (default 8000)")
    add("--s3-port", help="port of the S3 endpoint, 0 for any free one (default 9000)")
    add("--stage", help="settings to use (default local)")
    add("--no-drop", action="store_true", help="do not classify dropped files")
    add("--verbose", action="store_true", help="a line for every invocation")


def _open(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "page", nargs="?", choices=("page", "docs"), default="page", help="the page itself (default), or the API's docs"
    )
    add("--print", dest="print_only", action="store_true", help="print the address, start no browser")
    _endpoint(parser)


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell that reads the script")


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json"), help="default: text")
    _service(parser)


def _text_or_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json"), help="default: text on a terminal, JSON elsewhere")


def _out(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", metavar="FILE", help="write results there instead of to stdout")
    add(
        "--format",
        choices=("table", "jsonl", "csv", "parquet", "votable", "ecsv"),
        help="default: by --out's suffix; else table on a terminal, jsonl in a pipe",
    )
    add("--quiet", action="store_true", help="no progress bar and no closing line")


def _service(parser: argparse.ArgumentParser) -> None:
    _endpoint(parser)
    parser.add_argument(
        "--timeout", type=values.seconds, default=35.0, metavar="SECONDS", help="for one answer (default 35)"
    )


def _endpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoint", metavar="URL", help="the service's address (default: SKYSORT_ENDPOINT)")


_COMMANDS: Final = (
    ("classify", "classify pictures or tables of stars, and show or write the answers", texts.CLASSIFY, _classify),
    ("drop", "upload files of any number and size, and fetch their results", texts.DROP, _drop),
    ("bulk", "classify millions of pictures, or tables of any size, here or on a service", texts.BULK, _bulk),
    ("train", "train a classifier of your own", texts.TRAIN, _train),
    ("trainings", "list the trainings, or show one's report", texts.TRAININGS, _trainings),
    (
        "models",
        "list the models, show one's card, choose the live version of a trained one",
        texts.MODELS_HELP,
        _models,
    ),
    ("serve", "run the whole service on this machine", texts.SERVE, _serve),
    ("open", "open the page of a service in the browser", texts.OPEN, _open),
    ("completion", "print a script that completes commands in a shell", texts.COMPLETION, _completion),
    ("doctor", "show what is missing on this machine, and how to get it", texts.DOCTOR, _doctor),
)
