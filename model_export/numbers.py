"""Numbers on a command line, refused with a sentence when they make no sense."""

from __future__ import annotations

import argparse


def positive(text: str) -> float:
    """A number above zero; raises ArgumentTypeError."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not more than zero")
    return value


def count(text: str) -> int:
    """A whole number of at least 1; raises ArgumentTypeError."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return value
