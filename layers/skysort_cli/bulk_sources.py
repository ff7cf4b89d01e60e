"""The SOURCE arguments of a bulk job on a service: what lies in S3, and files of this machine, which are uploaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skysort.drop.keys import INCOMING
from skysort.limits import BULK_KEYS
from skysort.models import BULK
from skysort_cli.exits import UsageError
from skysort_cli.inputs import expand
from skysort_cli.source_uploads import SourceUpload
from skysort_cli.upload_plan import stem

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from skysort_cli.classifiers import Classifier
    from skysort_cli.client import Client
    from skysort_cli.exits import ProblemError

_S3: Final = "s3://"
# Pictures also come in a column of a table.
_PICTURE_TABLES: Final = (".parquet",)


def is_remote(argument: str) -> bool:
    """Whether an argument names what lies in S3."""
    return argument.startswith(_S3) or (argument.startswith(INCOMING) and not Path(argument).exists())


def suffixes(model: Classifier) -> tuple[str, ...]:
    """Of the files that a folder is searched for."""
    return (*model.input.files, *model.input.archives, *(() if model.has_rows else _PICTURE_TABLES))


def check_sources(options: argparse.Namespace) -> None:
    """Raise UsageError for sources that cannot be of one job."""
    remote = [source for source in options.sources if is_remote(source)]
    if remote and len(remote) < len(options.sources):
        raise UsageError(f"{remote[0]} lies in S3 and other sources on this machine; give a job of its own to each")
    if options.manifest and len(options.sources) != 1:
        raise UsageError(f"--manifest takes one file that lists the others, got {len(options.sources)}")
    prefixes = [source for source in remote if source.endswith("/")]
    if prefixes and len(remote) > 1:
        raise UsageError(
            f"{prefixes[0]} is a prefix, and a job has one prefix, or files; give a job of its own to each"
        )
    if prefixes and options.manifest:
        raise UsageError(f"--manifest takes one file that lists the others, and {prefixes[0]} is a prefix")
    if len(remote) > BULK_KEYS:
        raise UsageError(f"a job may name up to {BULK_KEYS:,} files; list more in a file, and give it with --manifest")


def source_of(
    options: argparse.Namespace, model: Classifier, client: Client
) -> tuple[dict[str, Any], Mapping[str, ProblemError]]:
    """Find the source of POST /v1/bulk, uploading what lies on this machine.

    Returns
    -------
    tuple
        The source, and the files that could not be uploaded, by name.

    Raises
    ------
    UsageError
        Nothing is left.
    """
    first = options.sources[0]
    if is_remote(first):
        if options.manifest:
            return {"manifest": first}, {}
        return ({"prefix": first} if first.endswith("/") else {"keys": options.sources}), {}
    upload = SourceUpload(client, BULK, stem(first) or BULK, options.jobs, quiet=options.quiet, again=options.again)
    if options.manifest:
        return {"manifest": upload.file(Path(first))["s3_key"]}, {}
    prefix = upload.prefix(expand(options.sources, suffixes(model)))
    if not prefix:
        name, problem = next(iter(upload.failures.items()))
        raise UsageError(f"{name}: {problem.detail}")
    return {"prefix": prefix}, upload.failures
