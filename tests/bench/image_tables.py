"""The README's tables of the container images: what they weigh, and how they start."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from infra.images import TARGETS
from infra.images.sizes import COMMITTED
from infra.stages import prod
from tests.bench.markdown import table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOT_YET: Final = "Not measured yet: run `make bench-images`."
# Packages of less than this say nothing about where the bytes are.
MIB: Final = 2**20


def images(_: Path) -> str:
    """What each layer holds and weighs, and which images it is in; then the sums."""
    sizes: Mapping[str, Any] = json.loads(COMMITTED.read_text(encoding="utf-8"))
    rows = [
        [
            ", ".join(layer["holds"]),
            *("" if target not in layer["images"] else _megabytes(layer) for target in TARGETS),
        ]
        for layer in sizes["layers"]
    ]
    sums = [f"**{_megabytes(sizes['images'][target])}**" for target in TARGETS]
    return table(["compressed MB", *TARGETS], [*rows, ["**image**", *sums]])


def _megabytes(size: Mapping[str, int]) -> str:
    return f"{size['compressed_bytes'] / 1e6:.1f}"


def containers(results: Path) -> str:
    """Cold start, calls and memory as the benchmark found them."""
    path = results / "containers.json"
    if not path.is_file():
        return NOT_YET
    document = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        [
            function,
            f"{prod().functions[function].memory_mb:,} MB",
            f"{found['init_ms']:.0f}",
            ", ".join(f"{name} {ms:.0f}" for name, ms in _parts(found).items()),
            f"{found['first_call_ms']:.0f}",
            f"{found['warm_call_ms']:.0f}",
            f"{found['function_bytes'] / MIB:.0f}",
            f"{found['group_bytes'] / MIB:.0f}",
        ]
        for function, found in document["functions"].items()
    ]
    times = ["init (ms)", "of which", "first call (ms)", "warm call"]
    return table(["", "limit", *times, "peak of the function (MiB)", "of the container"], rows)


def _parts(found: Mapping[str, Any]) -> dict[str, float]:
    """What was measured inside of the interpreter, and what is left: the process, Python itself, the runtime client."""
    inside = dict(found.get("parts_ms", {}))
    if not inside:
        inside = {"imports": found["imports_ms"], "model": found["model_ms"]} if "imports_ms" in found else {}
    left = found["init_ms"] - sum(inside.values())
    return {"interpreter and runtime client": left, **inside} if inside and left > 0 else inside
