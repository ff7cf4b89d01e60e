"""The settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass

from model_export.common.networks import warm_up_cosine


@dataclass(frozen=True, slots=True)
class Recipe:
    """Training settings of a candidate.

    minutes: the budget in CPU time of one core, from which the number of steps is computed once, unless `steps` is
    given; an interruption does not change it. peak_rate: of AdamW, reached after `warm_up` of the steps, then a cosine
    decay. averaging: decay of the moving average of the weights. without: a kind of label to leave out (labels.KINDS).
    coarse: learn from the Galaxy Zoo 1 pictures too. instruments: show the pictures as other instruments would too.
    teachers: the runs whose answers are learnt (teach.py). start: the run whose weights are the first ones.
    """

    candidate: str
    minutes: float
    fraction: float = 1.0
    steps: int = 0
    batch: int = 64
    peak_rate: float = 1e-3
    warm_up: float = 0.08
    weight_decay: float = 0.05
    averaging: float = 0.998
    seed: int = 2
    without: str = ""
    coarse: bool = False
    instruments: bool = False
    teachers: tuple[str, ...] = ()
    start: str = ""

    def rate(self, step: int, steps: int) -> float:
        """The learning rate at a step."""
        done = step / steps
        return self.peak_rate * (warm_up_cosine(done, self.warm_up) + (1e-3 if done < self.warm_up else 0.0))
