"""Verification of a version: every reference sample of its function must get the expected answer.

Reference samples are events with known answers, one file per function.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from skysort.errors import ConfigurationError, NotFoundError, SkysortError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from skysort.model_card import ModelRegistry

    # Invokes a version of a function (its ARN) with an event and returns its result; raises VerificationError if the
    # function fails, or if no sandbox was free until the deadline, by the hook's clock.
    Invoke = Callable[[str, Mapping[str, Any], float], Any]

# Processors differ in the last digits of a network's or a booster's sums; another model differs by more.
TOLERANCE: Final = 0.01
# A proof waits for free sandboxes until then; CloudFormation waits longer, by a call that begins last and the answer.
PROOF_S: Final = 540
ANSWER_S: Final = 120
# How long an alarm stays raised after the last failure: its periods, and the delay of its metrics.
SETTLED_S: Final = 240


class VerificationError(SkysortError):
    """A version does not answer as expected; the message lists the samples and differences."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One event and the expected answer.

    status: of an HTTP response, None for a function without HTTP. model: (name, version). best: label and probability
    of each result's first prediction. answer: the expected result of a function without HTTP.
    """

    name: str
    event: Mapping[str, Any]
    status: int | None = None
    model: tuple[str, str] | None = None
    best: tuple[tuple[str, float], ...] = ()
    answer: Any = None


def read_samples(folder: Path, function: str) -> tuple[Sample, ...]:
    """Read a function's samples; raises NotFoundError without any, ConfigurationError if they are malformed."""
    path = folder / f"{function}.json"
    try:
        return tuple(_sample(document) for document in json.loads(path.read_text()))
    except OSError:
        raise NotFoundError(f"no reference samples for {function}: {path.name} is missing") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"the reference samples {path.name} cannot be read: {error!r}") from error


def _sample(document: Mapping[str, Any]) -> Sample:
    model = document.get("model")
    return Sample(
        name=document["name"],
        event=document["event"],
        status=document.get("status"),
        model=(model["name"], model["version"]) if model else None,
        best=tuple((str(best["label"]), float(best["probability"])) for best in document.get("best", ())),
        answer=document.get("answer"),
    )


def differences(sample: Sample, returned: Any) -> list[str]:
    """Messages about the differences between a function's result and a sample's expected answer."""
    if sample.status is None:
        same = returned == sample.answer
        return [] if same else [f"{sample.name}: returned {returned!r:.200}, not {sample.answer!r}"]
    status, body = (
        (returned.get("statusCode"), returned.get("body")) if isinstance(returned, dict) else (None, returned)
    )
    if status != sample.status:
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
    predictions = [result["predictions"][0] for result in answer["results"]]
    if len(predictions) != len(sample.best):
        return [f"{sample.name}: {len(predictions)} results, not {len(sample.best)}"]
    return [
        f"{sample.name}: {best['label']} with {best['probability']:g}, not {label} with {probability:g}"
        for best, (label, probability) in zip(predictions, sample.best, strict=True)
        if best["label"] != label or abs(best["probability"] - probability) > TOLERANCE
    ]


@dataclass(frozen=True, slots=True)
class VersionVerifier:
    """Verifies versions. references: the folder of the samples. registry: the deployed model cards."""

    invoke: Invoke
    references: Path
    registry: ModelRegistry

    def verify(self, function: str, version: str, deadline: float) -> int:
        """Verify a version by all samples of its function; VerificationError if one differs, or there is none."""
        try:
            samples = read_samples(self.references, function)
        except NotFoundError as error:
            raise VerificationError(error.detail) from error
        messages = [message for sample in samples for message in self._wrong(sample, version, deadline)]
        if messages:
            raise VerificationError(f"{function} failed verification: {'; '.join(messages)}")
        return len(samples)

    def _wrong(self, sample: Sample, version: str, deadline: float) -> list[str]:
        if sample.model is not None:
            name, expected = sample.model
            card = self.registry.get(name).version
            if card != expected:
                return [
                    f"{sample.name}: the sample expects {name} {expected}, the card has {card}; run make references"
                ]
        return differences(sample, self.invoke(version, sample.event, deadline))


@dataclass(frozen=True, slots=True)
class Watcher:
    """Watches an alarm after a version took over.

    raised: whether an alarm is raised, by its name. clock: seconds. sleep: waits for seconds.
    """

    raised: Callable[[str], bool]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    every_s: float = 15.0

    def watch(self, alarm: str, minutes: float) -> None:
        """Return if the alarm stays quiet; raises VerificationError as soon as it is raised."""
        # One that is raised already is the old version's: what replaces it has until SETTLED_S to show that it works.
        start = self.clock()
        end = start + 60 * minutes
        settled = min(end, start + SETTLED_S) if self.raised(alarm) else start
        while True:
            if not self.raised(alarm):
                settled = start
            elif self.clock() >= settled:
                raise VerificationError(f"the alarm {alarm} was raised after the new version took over")
            remaining = end - self.clock()
            if remaining <= 0:
                return
            self.sleep(min(self.every_s, remaining))
