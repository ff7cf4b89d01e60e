"""Values of options, read from the command line; a wrong one is an argparse.ArgumentTypeError with a sentence."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from skysort_cli.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


def model(spelled: str) -> str:
    """How a model is spelled, if there can be such a model."""
    from skysort_cli.classifiers import classifier  # noqa: PLC0415 - not needed for --help

    try:
        classifier(spelled)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return spelled


def pairs(text: str) -> dict[str, str]:
    """``BAND=COLUMN`` pairs, separated by commas."""
    parts = [pair.partition("=") for pair in listed(text)]
    if not all(name.strip() and column.strip() for name, _, column in parts):
        raise argparse.ArgumentTypeError(f"must be BAND=COLUMN pairs such as u=psfMag_u,g=psfMag_g, got {text!r:.100}")
    return {name.strip(): column.strip() for name, _, column in parts}


def listed(text: str) -> list[str]:
    """Names separated by commas."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"must be names separated by commas, got {text!r:.100}")
    return names


def shares(text: str) -> dict[str, float]:
    """Class shares, ``LABEL:SHARE`` separated by commas."""
    from skysort.errors import InvalidFieldsError  # noqa: PLC0415 - not needed for --help
    from skysort.prior_option import read_shares  # noqa: PLC0415

    try:
        return read_shares(text)
    except InvalidFieldsError as error:
        raise argparse.ArgumentTypeError(error.fields[0].detail) from error


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers from low to high."""

    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}, got {text!r}")
        return int(text)

    return read


def share(text: str) -> float:
    """A share from 0 to 1, or in percent."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise argparse.ArgumentTypeError(f"must be a share from 0 to 1, such as 0.05 or 5%, got {text!r}")
    return share


def seconds(text: str) -> float:
    """A number of seconds, of at most a day."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= 86_400:  # noqa: PLR2004 - a day
        raise argparse.ArgumentTypeError(f"must be a number of seconds up to 86400, got {text!r}")
    return seconds
