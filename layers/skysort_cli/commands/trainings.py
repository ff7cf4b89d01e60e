"""`skysort trainings`: list the trainings, or show one, of a service or of this machine."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import Exit, StoppedError
from skysort_cli.following import ENDED, follow_command, followed
from skysort_cli.registry_access import opened_registry, refusals
from skysort_cli.terminal import console, say
from skysort_cli.training_output import report, wants_json

if TYPE_CHECKING:
    import argparse
    import threading

    from skysort_cli.registries import Registry


def run(options: argparse.Namespace) -> int:
    """List the trainings, or show one; returns the exit status."""
    endpoint = find_endpoint(options.endpoint, os.environ, in_process=options.in_process)
    with opened_registry(endpoint, options.timeout) as (registry, stop), refusals():
        if options.id is not None:
            return _one(options, registry, stop)
        trainings = registry.trainings(options.limit)
    if wants_json(options.format):
        sys.stdout.write(json.dumps(trainings, indent=2) + "\n")
        return Exit.OK
    from skysort_cli.training_report import show_trainings  # noqa: PLC0415 - only for people

    show_trainings(trainings, console(sys.stdout))
    return Exit.OK


def _one(options: argparse.Namespace, registry: Registry, stop: threading.Event) -> int:
    training = registry.training(options.id)
    if options.wait and training["phase"] not in ENDED:
        try:
            training = followed(registry, options.id, max_s=options.wait_for, stop=stop, quiet=options.quiet)
        except (KeyboardInterrupt, StoppedError):
            say(f"interrupted; the training goes on. Follow it with: {follow_command(options.id, options.endpoint)}")
            return Exit.INTERRUPTED
    return report(options, registry, training)
