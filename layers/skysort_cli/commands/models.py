"""`skysort models`: what models there are, and one's card made readable."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from skysort.models import MODELS
from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import Exit, MissingError, ProblemError, UsageError
from skysort_cli.interrupts import interruptible
from skysort_cli.model_files import model_folder
from skysort_cli.terminal import console, is_terminal

if TYPE_CHECKING:
    import argparse

    from skysort_cli.endpoint import Endpoint

Card = dict[str, Any]


def run(options: argparse.Namespace) -> int:
    """List the models, or show one; returns the exit status."""
    if options.in_process and options.endpoint is not None:
        raise UsageError("--in-process and --endpoint say the opposite; give one of them")
    endpoint = find_endpoint(options.endpoint, os.environ, in_process=options.in_process)
    found = _of_service(endpoint, options) if endpoint else _of_this_machine(options.name)
    as_json = options.format == "json" or (options.format is None and not is_terminal(sys.stdout))
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return Exit.OK
    from skysort_cli.cards import show_card, show_list  # noqa: PLC0415 - only for people

    screen = console(sys.stdout)
    if isinstance(found, list):
        show_list(found, screen)
    else:
        show_card(found, screen)
    return Exit.OK


def _of_service(endpoint: Endpoint, options: argparse.Namespace) -> Card | list[Card]:
    from skysort_cli.client import Client  # noqa: PLC0415 - not needed in process

    with interruptible() as stop, Client(endpoint, timeout_s=options.timeout, stop=stop) as client:
        try:
            if options.name is None:
                listed: list[Card] = client.get("/v1/models")["models"]
                return listed
            card: Card = client.get(f"/v1/models/{_plain(options.name)}")
        except ProblemError as error:
            raise UsageError(error.detail) from error
        return card


def _of_this_machine(name: str | None) -> Card | list[Card]:
    if name is not None:
        if name not in MODELS:
            raise UsageError(f"unknown model {name!r}; choose from {', '.join(MODELS)}")
        return _card(name)
    return [
        {key: card[key] for key in ("name", "version", "architecture", "labels") if key in card}
        for card in map(_card, MODELS)
    ]


def _card(name: str) -> Card:
    path = model_folder(name, os.environ) / "card.json"
    try:
        card: Card = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise MissingError(f"the card {path} cannot be read: {error}") from error
    return card


def _plain(name: str) -> str:
    """A name as one segment of a path; raises UsageError."""
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise UsageError(f"{name!r} is no model's name; `skysort models` lists them")
    return name
