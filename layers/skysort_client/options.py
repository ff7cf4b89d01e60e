"""The options of a call, as the API's query has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Labels: TypeAlias = str | Sequence[str]
Prior: TypeAlias = str | Mapping[str, float]


def option_query(
    *, top_k: int | None = None, labels: Labels | None = None, explain: bool = False, prior: Prior | None = None
) -> dict[str, str]:
    """The query of some options."""
    shares = [f"{label}:{float(share)!r}" for label, share in prior.items()] if isinstance(prior, Mapping) else prior
    query = {
        "top_k": top_k,
        "labels": labels if labels is None or isinstance(labels, str) else ",".join(labels),
        "explain": "true" if explain else None,
        "prior": ",".join(shares) if isinstance(shares, list) else shares,
    }
    return {name: str(value) for name, value in query.items() if value is not None}
