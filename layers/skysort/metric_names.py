"""Names of the metrics on the dashboard, shared by the code that counts and the code that draws."""

from __future__ import annotations

from typing import Final

REQUESTS: Final = "Requests"
REFUSED: Final = "RequestsRefused"  # answered 4xx
FAILED: Final = "RequestsFailed"  # answered 5xx
ITEMS_REFUSED: Final = "ItemsRefused"  # failed items of requests whose other items were answered
CONFIDENCE: Final = "Confidence"  # mean probability of the best label, one observation per request
COLD_START: Final = "ColdStart"  # Powertools counts these

# Each label is a metric of its own, at a monthly price: a model with more labels has none.
MAX_LABELS: Final = 20


def label_metric(label: str) -> str:
    """The metric that counts predictions of a label."""
    return f"Label: {label}"
