"""The tables of the documents: filled from the committed results and the model cards, so that no figure is typed.

    python -m tests.bench.readme

A table stands between ``<!-- NAME: command -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.bench import bulk_tables, cost_tables, custom_tables, image_tables, training_tables
from tests.bench.markdown import table as _markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = tuple(
    ROOT / name for name in ("README.md", "functions/README.md", "infra/README.md", "tests/bench/README.md")
)
RESULTS: Final = Path(__file__).with_name("results")
BLOCK: Final = re.compile(r"(<!-- (?P<name>\w+): [^>]+ -->\n).*?(<!-- end -->)", re.DOTALL)
PICTURE_MODELS: Final = ("galaxy", "image")
NOT_YET: Final = "Not measured yet: run `make bench`."


def render(text: str, results: Path = RESULTS) -> str:
    """A document's text with every table of TABLES made anew."""

    def block(found: re.Match[str]) -> str:
        table = TABLES.get(found["name"])
        return f"{found[1]}{table(results)}\n{found[3]}" if table else found[0]

    return BLOCK.sub(block, text)


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return document


def _card(model: str) -> dict[str, Any]:
    return _read(ROOT / "functions" / model / "model" / "card.json")


def _interval(score: Mapping[str, float]) -> str:
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


def _sets(found: Mapping[str, Any]) -> str:
    """How often the 90 % prediction sets held the true class, and their mean size; cards say it in three ways."""
    coverage = found.get("coverage", found.get("conformal_coverage"))
    size = found.get("mean_set_size", found.get("conformal_set_size"))
    share, labels = (value["value"] if isinstance(value, dict) else value for value in (coverage, size))
    return f"{share:.3f}; {labels:.2f}"


def models(_: Path) -> str:
    """What the cards say of the models on their held-out parts."""
    star, galaxy, image = (_card(name) for name in ("star", *PICTURE_MODELS))
    header = [
        "", "version", "held out", "accuracy (95 %)", "macro F1 (95 %)", "ECE", "sets right; labels in one", "file",
        "one at a time",
    ]  # fmt: skip
    rows = [
        [
            f"star, `{name}`",
            star["version"],
            f"{variant['metrics']['rows']:,}",
            _interval(variant["metrics"]["accuracy"]),
            _interval(variant["metrics"]["macro_f1"]),
            f"{variant['metrics']['ece_after']:.3f}",
            _sets(variant["metrics"]["conformal"]),
            f"{variant['bytes'] / 1e6:.1f} MB",
            f"{star['latency'][name]['one_row_ms']:.2f} ms",
        ]
        for name, variant in star["variants"].items()
    ]
    measured_with = (
        (galaxy, galaxy["latency"]["one_thread"], galaxy["latency"]["roofline"]["peak_gflops_one_thread"]),
        (image, image["latency"]["one"], image["latency"]["roofline"]["peak_gflops"]),
    )
    for card, latency, peak in measured_with:
        metrics = card["metrics"]
        rows.append(
            [
                card["name"],
                card["version"],
                f"{metrics['rows']:,}",
                _interval(metrics["accuracy"]),
                # One photograph a class has no F1 worth the name; the top five are what is told of such sets.
                _interval(metrics["macro_f1"]) if "macro_f1" in metrics else f"top 5: {_interval(metrics['top_5'])}",
                f"{metrics['ece_after']:.3f}",
                _sets(metrics["conformal"] if "conformal" in metrics else metrics["calibration_cross_fitted"]),
                f"{card['bytes'] / 1e6:.1f} MB",
                f"{latency['least']:.1f} ms at {peak:.0f} GFLOP/s",
            ]
        )
    rows += [
        ["image, " + group.replace("_", " "), image["version"], f"{found['rows']:,}", _interval(found["top_1"]),
         f"top 5: {_interval(found['top_5'])}", f"{found['ece']:.3f}", _sets(found), "", ""]
        for group, found in image["metrics"].get("exported_file", {}).items()
        if found["rows"] != image["metrics"]["rows"]
    ]  # fmt: skip
    licences = [f"- {card['name']}: {card['architecture']}. {card['licence']}" for card in (star, galaxy, image)]
    return _markdown(header, rows) + "\n\n" + "\n".join(licences)


def summary(results: Path) -> str:
    """How good and how fast each model is, a line each."""
    star, pictures = _read(results / "star.json"), _read(results / "pictures.json")
    loads = {"star": star.get("http", [])} | {
        name: found["http"] for name, found in pictures.get("pictures", {}).items()
    }
    rows = []
    for name in ("star", *PICTURE_MODELS):
        card = _card(name)
        metrics = card["variants"]["with_redshift"]["metrics"] if "variants" in card else card["metrics"]
        new = [load for load in loads.get(name, []) if load["inputs"] == "unique"]
        rows.append(
            [
                f"{name} {card['version']}{', with redshift' if 'variants' in card else ''}",
                _interval(metrics["accuracy"]),
                _interval(metrics["macro_f1"]) if "macro_f1" in metrics else f"top 5: {_interval(metrics['top_5'])}",
                _sets(metrics.get("conformal", metrics.get("calibration_cross_fitted"))),
                f"{new[0]['p50_ms']:.1f} ms" if new else "",
                f"{max(load['requests_per_s'] for load in new):,.0f}" if new else "",
            ]
        )
    header = [
        "",
        "accuracy",
        "macro F1",
        "sets right; labels",
        "p50 over HTTP, new inputs, one user",
        "requests/s at most",
    ]
    about = f"Over HTTP on one machine with {star['machine']['cpus']} cores, load included." if star else NOT_YET
    return f"{_markdown(header, rows)}\n\n{about}"


def measured(results: Path) -> str:
    """HTTP, start-up and tables as the benchmark found them."""
    star, pictures = _read(results / "star.json"), _read(results / "pictures.json")
    parts = [
        _http(star, pictures),
        _large(pictures),
        _peer(pictures),
        _init(star, pictures),
        _table(star),
    ]
    found = [part for part in parts if part]
    if not found:
        return NOT_YET
    machine = (star or pictures)["machine"]
    about = f"One machine with {machine['cpus']} cores ({machine['arch']}, Python {machine['python']}), load included."
    return "\n\n".join([about, *found])


def _http(star: Mapping[str, Any], pictures: Mapping[str, Any]) -> str:
    loads = [("star", record) for record in star.get("http", [])]
    loads += [(model, record) for model, found in pictures.get("pictures", {}).items() for record in found["http"]]
    columns = ("p50_ms", "p90_ms", "p95_ms", "p99_ms")
    rows = [
        [
            model,
            record["inputs"],
            str(record["users"]),
            *(f"{record[name]:.1f}" for name in columns),
            f"{record['requests_per_s']:,.0f}",
            f"{record['refused_429']} / {record['failed']}",
        ]
        for model, record in loads
    ]
    header = ["HTTP", "inputs", "users", "p50 (ms)", "p90", "p95", "p99", "requests/s", "429 / failed"]
    return _markdown(header, rows) if rows else ""


def _large(pictures: Mapping[str, Any]) -> str:
    rows = [
        [
            model,
            f"{found['large']['size'][0]:,} x {found['large']['size'][1]:,}",
            f"{found['large']['bytes'] / 1e6:.1f} MB",
            f"{found['large']['p50_ms']:.1f}",
            f"{found['large']['p95_ms']:.1f}",
        ]
        for model, found in pictures.get("pictures", {}).items()
    ]
    return _markdown(["large JPEG", "pixels", "file", "p50 (ms)", "p95"], rows) if rows else ""


def _peer(pictures: Mapping[str, Any]) -> str:
    rows = [
        [
            model,
            str(record["users"]),
            f"{record['p50_ms']:.1f}",
            f"{record['requests_per_s']:,.0f}",
            f"{ratio['p50']:.1f}",
            f"{ratio['p95']:.1f}",
            f"{ratio['requests_per_s']:.1f}",
        ]
        for model, found in pictures.get("peer", {}).items()
        for record, ratio in zip(found["http"], pictures.get("ratios", {}).get(model, []), strict=False)
    ]
    if not rows:
        return ""
    table = _markdown(
        ["PyTorch + FastAPI", "users", "p50 (ms)", "requests/s", "skysort: p50 times faster", "p95", "requests/s"], rows
    )
    return (
        "The same networks as TorchScript behind FastAPI (`tests/bench/peer`), two workers with one thread each, "
        f"same machine, same run, unique pictures:\n\n{table}"
    )


def _init(star: Mapping[str, Any], pictures: Mapping[str, Any]) -> str:
    starts = {"star": star["init"]} if "init" in star else {}
    starts |= pictures.get("init", {})
    rows = [
        [
            function,
            f"{start['init_ms']:.0f}",
            ", ".join(f"{name} {ms:.0f}" for name, ms in start["parts_ms"].items()),
            f"{start['first_call_ms']:.0f}",
            f"{start['peak_mib']:.0f}",
        ]
        for function, start in starts.items()
    ]
    return _markdown(["start", "init (ms)", "of which", "first call (ms)", "memory (MiB)"], rows) if rows else ""


def _table(star: Mapping[str, Any]) -> str:
    if "table" not in star:
        return ""
    found = star["table"]
    return (
        f"A dropped CSV of {found['rows']:,} rows ({found['bytes'] / 1e6:.0f} MB) has its result after "
        f"{found['seconds']:.1f} s: {found['rows_per_s']:,} rows a second, notification, queue and S3 included."
    )


def page(results: Path) -> str:
    """The web page in Chromium, in a sentence."""
    found = _read(results / "page.json")
    if not found:
        return "Not measured yet: run `python -m tests.bench.page`."
    visit, drop = found["page"], found["galaxy"]
    paint, answer, preview = visit["first_paint_ms"], drop["answer_ms"], drop["preview_ms"]
    load = "ahead of the machine's other work" if found["ahead_of_other_work"] else "load included"
    where = f"{found['browser']}, on the same {found['machine']['cpus']} cores as the stack, {load}"
    first = f"{visit['visits']} first visits, {visit['requests']} requests, {visit['kilobytes']:.0f} kB"
    return (
        f"{where}: first contentful paint {paint['p50']:.0f} ms (p95 {paint['p95']:.0f}; {first}); from a drop to the "
        f"preview {preview['p50']:.0f} ms, to the answer {answer['p50']:.0f} ms (p95 {answer['p95']:.0f}; "
        f"{drop['drops']} galaxies, none seen before)."
    )


def trained(results: Path) -> str:
    """A trained model's time beside those of the shipped ones."""
    measured = _read(results / "custom_latency.json")
    header = ["a trained model of", "picture", "galaxy (ms)", "image", "trained", "trained to both"]
    rows = [
        [model, picture, *(f"{times[name]:.1f}" for name in ("galaxy", "image", "trained")), f"{times['ratio']:.2f}"]
        for model, pictures in measured.items()
        if isinstance(pictures, dict)
        for picture, times in pictures.items()
        if isinstance(times, dict)
    ]
    return _markdown(header, rows) if rows else NOT_YET


def promotions(results: Path) -> str:
    """What happened while versions changed under load."""
    found = _read(results / "promotions.json")
    if not found:
        return NOT_YET
    header = ["requests/s", "requests", "failed", "promotions", "rollbacks", "new version answers (s)", "at most"]
    rolled_back, took = found["rollbacks"], found["every_answer_s"]
    numbers = [f"{found['requests_per_second']:.0f}", f"{found['requests']:,}", str(found["failed"])]
    changes = [str(found["changes"] - rolled_back), str(rolled_back)]
    return _markdown(header, [[*numbers, *changes, f"{took['median']:.1f}", f"{took['longest']:.1f}"]])


TABLES: Final[dict[str, Callable[[Path], str]]] = {
    "summary": summary,
    "models": models,
    "measured": measured,
    "cost": cost_tables.cost,
    "architectures": cost_tables.architectures,
    "page": page,
    "trained": trained,
    "promotions": promotions,
    "custom": custom_tables.custom,
    "bulk_survey": bulk_tables.bulk_survey,
    "bulk_plans": bulk_tables.bulk_plans,
    "bulk_pictures": bulk_tables.bulk_pictures,
    "images": image_tables.images,
    "containers": image_tables.containers,
    "star_trainings": training_tables.star_trainings,
    "picture_trainings": training_tables.picture_trainings,
}


def main() -> None:
    """Fill the documents."""
    for document in DOCUMENTS:
        document.write_text(render(document.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
