"""Names of metrics that the dashboard shows, shared by the code that counts and the code that draws."""

from __future__ import annotations

from typing import Final

REQUESTS: Final = "Requests"
REFUSED: Final = "RequestsRefused"  # answered 4xx
FAILED: Final = "RequestsFailed"  # answered 5xx
ITEMS_REFUSED: Final = "ItemsRefused"  # bad items of requests whose other items were answered
CONFIDENCE: Final = "Confidence"  # mean probability of the best label, an observation a request
COLD_START: Final = "ColdStart"  # Powertools counts these

# Each label is a metric of its own, which costs money by the month: a model of a thousand labels has none.
MAX_LABELS: Final = 20


def label_metric(label: str) -> str:
    """The metric that counts a label's answers."""
    return f"Label: {label}"
