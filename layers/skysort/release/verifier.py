"""Proving a version: every reference sample of its function answered as it must be, by the model of the card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from skysort.errors import NotFoundError, SkysortError
from skysort.release.reference import differences, read_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from skysort.card import ModelRegistry
    from skysort.release.reference import Sample


class VerificationError(SkysortError):
    """A version answers otherwise than it must; the message says which samples, and how."""


class Invoke(Protocol):
    """Invokes one version of a function (its ARN) and returns what it returned.

    Raises VerificationError when the function itself failed.
    """

    def __call__(self, version: str, event: Mapping[str, Any]) -> Any:
        """Invoke and wait."""


@dataclass(frozen=True, slots=True)
class VersionVerifier:
    """Proves versions. references: the folder of the samples. registry: the cards that were deployed along."""

    invoke: Invoke
    references: Path
    registry: ModelRegistry

    def verify(self, function: str, version: str) -> int:
        """Prove a version by all samples of its function; returns how many there were.

        function: its name in the stage, such as star-drop. Raises VerificationError.
        """
        try:
            samples = read_samples(self.references, function)
        except NotFoundError as error:
            raise VerificationError(error.detail) from error
        wrong = [sentence for sample in samples for sentence in self._wrong(sample, version)]
        if wrong:
            raise VerificationError(f"{function} is not proven: {'; '.join(wrong)}")
        return len(samples)

    def _wrong(self, sample: Sample, version: str) -> list[str]:
        if sample.model is not None:
            name, expected = sample.model
            card = self.registry.get(name).version
            if card != expected:
                return [f"{sample.name}: the sample is of {name} {expected}, the card of {card}; run make references"]
        return differences(sample, self.invoke(version, sample.event))


@dataclass(frozen=True, slots=True)
class Watcher:
    """Waits for an alarm after a version took over.

    raised: whether the alarm of this name is raised. clock: seconds. sleep: waits for seconds.
    """

    raised: Callable[[str], bool]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    every_s: float = 15.0

    def watch(self, alarm: str, minutes: float) -> None:
        """Return when the alarm stayed quiet; VerificationError as soon as it is raised."""
        end = self.clock() + 60 * minutes
        while True:
            if self.raised(alarm):
                raise VerificationError(f"the alarm {alarm} was raised after the new version took over")
            remaining = end - self.clock()
            if remaining <= 0:
                return
            self.sleep(min(self.every_s, remaining))
