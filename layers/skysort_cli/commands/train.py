"""`skysort train`: make a classifier from a labelled folder, or from a table with classes, here or on a service."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from skysort.models import TRAINING
from skysort_cli.classifiers import checked_name, plain_name
from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import Exit, StoppedError, UsageError
from skysort_cli.following import follow_command, followed
from skysort_cli.inputs import url_fault
from skysort_cli.labelled import labelled
from skysort_cli.local import missing_package
from skysort_cli.registry_access import refusals
from skysort_cli.terminal import interruptible, is_terminal, say
from skysort_cli.training_output import report

if TYPE_CHECKING:
    import argparse
    import threading

    from skysort_cli.client import Client
    from skysort_cli.labelled import Labelled

_PICTURES: Final = "pictures"
# Reported on stderr one by one; the report has more.
_REPORTED: Final = 20


def run(options: argparse.Namespace) -> int:
    """Train; returns the exit status."""
    endpoint = find_endpoint(options.endpoint, os.environ, in_process=options.in_process)
    options.name = checked_name(plain_name(options.name))
    if options.force and not options.promote:
        raise UsageError("--force and --no-promote contradict each other; give one of them")
    if fault := url_fault(options.source):
        raise UsageError(fault)
    pictures = labelled(options.source) if options.kind == _PICTURES else None
    if pictures is not None and not options.quiet and is_terminal(sys.stderr):
        say(pictures.summary())
    elif pictures is not None and pictures.ignored:
        say(pictures.skipped())
    with interruptible() as stop:
        if endpoint is None:
            return _here(options, pictures, stop)
        from skysort_cli.client import Client  # noqa: PLC0415 - not needed in process

        connections = options.jobs + 1
        with Client(endpoint, timeout_s=options.timeout, stop=stop, connections=connections) as client:
            return _remotely(options, client, pictures, stop)


def _request(options: argparse.Namespace, source: dict[str, str]) -> dict[str, object]:
    """The body of POST /v1/trainings."""
    chosen: dict[str, object] = {"promote": options.promote, "force": options.force}
    if options.seed is not None:
        chosen["seed"] = options.seed
    if options.kind != _PICTURES:
        named = {"class_column": options.class_column, "columns": options.columns, "bands": options.bands}
        chosen |= {name: value for name, value in named.items() if value}
        chosen["search"] = options.search
    return {"kind": options.kind, "name": options.name, "source": source, "options": chosen}


def _remotely(options: argparse.Namespace, client: Client, pictures: Labelled | None, stop: threading.Event) -> int:
    from skysort_cli.remote_registry import RemoteRegistry  # noqa: PLC0415 - not needed in process
    from skysort_cli.source_uploads import SourceUpload  # noqa: PLC0415 - not needed in process

    upload = SourceUpload(client, TRAINING, options.name, options.jobs, quiet=options.quiet, again=options.again)
    registry = RemoteRegistry(client)
    identifier = ""
    try:
        with refusals():
            if pictures is None or pictures.is_archive:
                source = upload.file(Path(options.source))
            else:
                source = upload.folder(pictures.files)
            for name, problem in list(upload.failures.items())[:_REPORTED]:
                say(f"{name}: {problem.detail}")
            training = registry.start(_request(options, source))
        identifier = str(training["id"])
        if options.wait:
            training = followed(registry, identifier, max_s=options.wait_for, stop=stop, quiet=options.quiet)
            return report(options, registry, training, failed=len(upload.failures))
    except (KeyboardInterrupt, StoppedError):
        if identifier:
            say(f"interrupted; the training goes on. Follow it with: {follow_command(identifier, options.endpoint)}")
        else:
            say(f"interrupted. Resume with: {shlex.join(['skysort', *sys.argv[1:]])}")
        return Exit.INTERRUPTED
    sys.stdout.write(f"{identifier}\n")
    if not options.quiet and is_terminal(sys.stderr):
        say(f"the training goes on; follow it with: {follow_command(identifier, options.endpoint)}")
    return Exit.SOME_FAILED if upload.failures else Exit.OK


def _here(options: argparse.Namespace, pictures: Labelled | None, stop: threading.Event) -> int:
    """Run the steps of the service in this process."""
    try:
        from skysort_cli.local_training import train_here  # noqa: PLC0415 - needs the models' packages
    except ImportError as error:
        raise missing_package("a classifier", error, "training") from error
    options.wait = True
    with refusals():
        registry, training = train_here(options, _request(options, {}), pictures, stop)
    return report(options, registry, training)
