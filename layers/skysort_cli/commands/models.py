"""`skysort models`: list the models, or show the card of one."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from skysort.models import MODELS
from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import Exit, MissingError, ProblemError, UsageError
from skysort_cli.local import model_folder
from skysort_cli.terminal import console, interruptible, is_terminal

if TYPE_CHECKING:
    import argparse

    from skysort_cli.endpoint import Endpoint

    Card = dict[str, Any]


def run(options: argparse.Namespace) -> int:
    """List the models, or show one; returns the exit status."""
    endpoint = find_endpoint(options.endpoint, os.environ, in_process=options.in_process)
    cards = _service_cards(endpoint, options) if endpoint else _local_cards(options.name)
    if options.format == "json" or (options.format is None and not is_terminal(sys.stdout)):
        sys.stdout.write(json.dumps(cards, indent=2) + "\n")
        return Exit.OK
    from skysort_cli.tables import show_card, show_list  # noqa: PLC0415 - only for people

    if isinstance(cards, list):
        show_list(cards, console(sys.stdout))
    else:
        show_card(cards, console(sys.stdout))
    return Exit.OK


def _service_cards(endpoint: Endpoint, options: argparse.Namespace) -> Card | list[Card]:
    from skysort_cli.client import Client  # noqa: PLC0415 - not needed in process

    name: str | None = options.name
    if name is not None and not (name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
        raise UsageError(f"{name!r} is not a model's name; `skysort models` lists them")
    with interruptible() as stop, Client(endpoint, timeout_s=options.timeout, stop=stop) as client:
        try:
            if name is not None:
                card: Card = client.get(f"/v1/models/{name}")
                return card
            cards: list[Card] = client.get("/v1/models")["models"]
        except ProblemError as error:
            raise UsageError(error.detail) from error
        return cards


def _local_cards(name: str | None) -> Card | list[Card]:
    if name is None:
        cards = map(_card, MODELS)
        return [{k: card[k] for k in ("name", "version", "architecture", "labels") if k in card} for card in cards]
    if name not in MODELS:
        raise UsageError(f"unknown model {name!r}; choose from {', '.join(MODELS)}")
    return _card(name)


def _card(name: str) -> Card:
    path = model_folder(name, os.environ) / "card.json"
    try:
        card: Card = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise MissingError(f"the card {path} cannot be read: {error}") from error
    return card
