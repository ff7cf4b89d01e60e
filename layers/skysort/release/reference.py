"""Reference samples: events whose answers are known, one file a function."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from skysort.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Processors differ in the last digits of a network's or a booster's sums; another model differs by more.
TOLERANCE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Sample:
    """One event and what must come back.

    status: of an HTTP answer, None for an answer that is compared whole. model: (name, version). best: label and
    probability of each result's first prediction. answer: what a function that answers no HTTP returns.
    """

    name: str
    event: Mapping[str, Any]
    status: int | None = None
    model: tuple[str, str] | None = None
    best: tuple[tuple[str, float], ...] = ()
    answer: Any = None


def read_samples(folder: Path, function: str) -> tuple[Sample, ...]:
    """Read a function's samples; raises NotFoundError where it has none, ConfigurationError where they are broken."""
    path = folder / f"{function}.json"
    try:
        documents = json.loads(path.read_text())
        return tuple(_sample(document) for document in documents)
    except OSError:
        raise NotFoundError(f"there are no reference samples for {function}: {path.name} is missing") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"the reference samples {path.name} cannot be read: {error!r}") from error


def _sample(document: Mapping[str, Any]) -> Sample:
    model = document.get("model")
    return Sample(
        name=document["name"],
        event=document["event"],
        status=document.get("status"),
        model=(model["name"], model["version"]) if model else None,
        best=tuple((str(one["label"]), float(one["probability"])) for one in document.get("best", ())),
        answer=document.get("answer"),
    )


def differences(sample: Sample, returned: Any) -> list[str]:
    """What is wrong with what a function returned for a sample, a sentence each; empty where nothing is."""
    if sample.status is None:
        same = returned == sample.answer
        return [] if same else [f"{sample.name}: returned {returned!r:.200}, not {sample.answer!r}"]
    if not isinstance(returned, dict) or returned.get("statusCode") != sample.status:
        status = returned.get("statusCode") if isinstance(returned, dict) else None
        body = returned.get("body") if isinstance(returned, dict) else returned
        return [f"{sample.name}: answered {status}, not {sample.status}: {body!s:.300}"]
    if sample.model is None:
        return []
    try:
        return _different_answer(sample, json.loads(returned["body"]))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        return [f"{sample.name}: its answer cannot be read: {error!r}"]


def _different_answer(sample: Sample, answer: Mapping[str, Any]) -> list[str]:
    model = (answer["model"]["name"], answer["model"]["version"])
    if model != sample.model:
        return [f"{sample.name}: answered by {' '.join(model)}, not {' '.join(sample.model or ())}"]
    found = [result["predictions"][0] for result in answer["results"]]
    if len(found) != len(sample.best):
        return [f"{sample.name}: {len(found)} results, not {len(sample.best)}"]
    return [
        f"{sample.name}: {one['label']} with {one['probability']:g}, not {label} with {probability:g}"
        for one, (label, probability) in zip(found, sample.best, strict=True)
        if one["label"] != label or abs(one["probability"] - probability) > TOLERANCE
    ]
