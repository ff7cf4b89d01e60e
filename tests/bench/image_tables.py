"""The README's tables of the container images: what they weigh, and how they start."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from infra.containers import IMAGES
from infra.containers.sizes import COMMITTED
from infra.stages.deployments import prod
from tests.bench.markdown import table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOT_YET: Final = "Not measured yet: run `make bench-images`."
OWN: Final = ("layers/skysort", "model", "handlers")
MIB: Final = 2**20


def images(_: Path) -> str:
    """What the layers hold and weigh in each image, and the sums; a layer is in all images of its row once."""
    sizes: Mapping[str, Any] = json.loads(COMMITTED.read_text(encoding="utf-8"))
    weighed = [target for target in IMAGES if target in sizes["images"]]
    rows: dict[str, dict[str, str]] = {}
    for layer in sizes["layers"]:
        names = ", ".join(name.split(" ")[0] if name[0].islower() else name for name in layer["holds"])
        rows.setdefault(names, {}).update(dict.fromkeys(layer["images"], _megabytes(layer)))
    lines = [[names, *(row.get(target, "") for target in weighed)] for names, row in rows.items()]
    # What is every image's own stands last.
    lines.sort(key=lambda line: line[0] in OWN)
    sums = [f"**{_megabytes(sizes['images'][target])}**" for target in weighed]
    return table(["compressed MB", *weighed], [*lines, ["**image**", *sums]])


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
            f"{found['processor_ms']:.0f}",
            f"{found['warm_call_ms']:.0f}",
            f"{found['function_bytes'] / MIB:.0f}",
            f"{found['group_bytes'] / MIB:.0f}",
        ]
        for function, found in document["functions"].items()
    ]
    times = ["init (ms)", "of which", "first call (ms)", "processor time of both (ms)", "warm call (ms)"]
    machine = document["machine"]
    about = (
        f"One machine with {machine['cpus']} cores ({machine['arch']}), which other work loaded with "
        f"{machine['load']:.1f} when this began."
    )
    return table(["", "limit", *times, "peak of the function (MiB)", "of the container"], rows) + f"\n\n{about}"


def _parts(found: Mapping[str, Any]) -> dict[str, float]:
    """What was measured inside of the interpreter, and what is left: the process, Python itself, the runtime client."""
    inside = dict(found.get("parts_ms", {}))
    if not inside:
        inside = {"imports": found["imports_ms"], "model": found["model_ms"]} if "imports_ms" in found else {}
    left = found["init_ms"] - sum(inside.values())
    return {"interpreter and runtime client": left, **inside} if inside and left > 0 else inside
