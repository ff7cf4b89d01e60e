"""The documents' tables of what requests cost: measured milliseconds, times list prices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from infra.stages.deployments import prod
from infra.stages.functions import Provisioned
from skysort.prices import ARM64_PRICES, Prices
from tests.bench import billed
from tests.bench.markdown import table

if TYPE_CHECKING:
    from pathlib import Path

NOT_YET: Final = "Not measured yet: run `make bench`."


def cost(results: Path) -> str:
    """Dollars for what was measured."""
    durations = _billed_ms(results)
    if not durations:
        return NOT_YET
    rows = []
    for model, milliseconds in durations.items():
        memory = prod().functions[model].memory_mb
        on_demand = billed.million_invocations(milliseconds, memory)
        rows.append(
            [
                model,
                f"{milliseconds:.1f} ms",
                f"{memory:,} MB",
                f"${on_demand:.2f}",
                f"${on_demand + billed.MILLION_REST_REQUESTS:.2f}",
                f"${billed.kept_warm(memory):.2f}",
            ]
        )
    header = [
        "",
        "billed a request",
        "memory",
        "Lambda, a million requests",
        "with API Gateway",
        "one sandbox kept warm, a month",
    ]
    about = (
        "Billed milliseconds are those of one user with new inputs on the machine above; prices are AWS's list prices "
        f"of {billed.REGION} for x86 as of {billed.PRICES_OF}, without the free tier. "
        "Check them against AWS's pricing pages before relying on them."
    )
    return f"{table(header, rows)}\n\n{_kept_warm()} {about}"


def architectures(results: Path) -> str:
    """Dollars for the same load on both architectures, for the same milliseconds."""
    durations = _billed_ms(results)
    if not durations:
        return NOT_YET
    lists = {"x86_64": Prices(), "arm64": ARM64_PRICES}
    rows = []
    for model, milliseconds in durations.items():
        memory = prod().functions[model].memory_mb
        requests = [billed.million_invocations(milliseconds, memory, prices) for prices in lists.values()]
        warm = [billed.kept_warm(memory, prices) for prices in lists.values()]
        rows.append([model, *(f"${dollars:.2f}" for dollars in (*requests, *warm))])
    columns = ("Lambda, a million requests", "one sandbox kept warm, a month")
    return table(["", *(f"{column}, {name}" for column in columns for name in lists)], rows)


def _billed_ms(results: Path) -> dict[str, float]:
    """Billed milliseconds of a request by model, as far as they were measured."""
    star, pictures = _read(results / "star.json"), _read(results / "pictures.json")
    durations = {"star": star["billed_ms"]["unique"]} if "billed_ms" in star else {}
    return durations | {model: found["billed_ms"]["unique"] for model, found in pictures.get("pictures", {}).items()}


def _kept_warm() -> str:
    """What the prod stage costs before the first request."""
    functions = prod().functions.items()
    average = {
        name: (function.warm.average, function.memory_mb)
        for name, function in functions
        if isinstance(function.warm, Provisioned)
    }
    dollars = sum(count * billed.kept_warm(memory) for count, memory in average.values())
    kept = ", ".join(f"{name} {count:.1f}" for name, (count, _) in average.items())
    return (
        f"The prod stage keeps sandboxes warm ({kept} on average over a day): ${dollars:,.0f} a month without any "
        "request. The dev stage keeps none."
    )


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return document
