"""Output of a training, as a report or as JSON, and the exit status that it means."""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from skysort_cli.exits import Exit, ProblemError, ServiceError, UsageError
from skysort_cli.following import DONE, ENDED, FAILED, follow_command
from skysort_cli.terminal import console, is_terminal, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from skysort_cli.registries import Registry


def wants_json(form: str | None) -> bool:
    """Whether the output is JSON: by --format, else where no terminal reads it."""
    return form == "json" or (form is None and not is_terminal(sys.stdout))


def report(options: argparse.Namespace, registry: Registry, training: Mapping[str, Any], *, failed: int = 0) -> int:
    """Write a training's state.

    Parameters
    ----------
    failed
        Number of files that could not be uploaded.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    UsageError
        The training refused its input.
    ServiceError
        It failed otherwise, or did not end in the time that the command waited.
    """
    if wants_json(options.format):
        sys.stdout.write(json.dumps(training, indent=2) + "\n")
    elif training["phase"] != FAILED:
        from skysort_cli.training_report import show_training  # noqa: PLC0415 - only for people

        show_training(training, _card(registry, training), console(sys.stdout))
    if training["phase"] == FAILED:
        problem = training.get("problem") or {}
        status = problem.get("status")
        message = f"the training failed: {problem.get('detail') or 'no reason given'}"
        is_refused = isinstance(status, int) and status < HTTPStatus.INTERNAL_SERVER_ERROR
        raise UsageError(message) if is_refused else ServiceError(message)
    if training["phase"] not in ENDED and options.wait:
        follow = follow_command(training["id"], options.endpoint)
        raise ServiceError(f"the training has not ended after {options.wait_for:g} s. Continue waiting with: {follow}")
    refused = (training.get("refused") or {}).get("count", 0) + failed
    if wants_json(options.format) and refused:
        say(f"{refused:,} not used; the reasons are in the output")
    return Exit.SOME_FAILED if training["phase"] == DONE and refused else Exit.OK


def _card(registry: Registry, training: Mapping[str, Any]) -> dict[str, Any] | None:
    """The card of the version that a training made, what is left of it if that was deleted, None if there is none."""
    if training["phase"] != DONE or not training.get("version"):
        return None
    try:
        return registry.card(training["name"], training["version"])
    except ProblemError:
        metrics = training.get("metrics") or {}
        labels = list(metrics.get("per_class") or ())
        return {**training, "metrics": metrics, "labels": labels}
