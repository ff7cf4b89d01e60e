"""Stands for what a Lambda layer brings."""

from __future__ import annotations

GREETING = "from the layer"
