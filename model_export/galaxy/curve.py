"""The learning curve of a run: scores of the averaged network, in one view, as training goes on."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

from model_export.galaxy import metrics, predict, split
from model_export.galaxy.choice import ALL_VIEWS
from skysort.learning import calibration
from skysort.learning.metrics import summary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from model_export.galaxy.catalogue import Catalogue
    from model_export.galaxy.coarse import Coarse
    from model_export.galaxy.networks import Galaxy

CURVE: Final = "curve.jsonl"
AS_IT_IS: Final = ALL_VIEWS[:1]
ROUNDED: Final = 4


class Curve:
    """Adds a line to curve.jsonl whenever it is called."""

    def __init__(
        self, folder: Path, gz2: Catalogue, crops: NDArray[np.uint8], rows: NDArray[np.intp], coarse: Coarse | None
    ) -> None:
        self._path, self._truth, self._crops, self._rows = folder / CURVE, gz2.label[rows], crops, rows
        self._coarse = coarse

    def __call__(self, network: Galaxy, side: int, spent: Mapping[str, float]) -> None:
        """Measure the network on the validation part; spent: what the line says beside the scores."""
        answers = predict.logits(network, self._crops, self._rows, side, shown=AS_IT_IS)[:, 0]
        temperature = calibration.fit_temperature(answers, self._truth)
        scores = summary(calibration.probabilities(answers, temperature), self._truth)
        line: dict[str, object] = {
            **spent,
            "at": round(time.time()),
            "accuracy": round(scores["accuracy"]["value"], ROUNDED),
            "macro_f1": round(scores["macro_f1"]["value"], ROUNDED),
            "log_loss": round(float(calibration.log_loss(answers, self._truth, temperature)), ROUNDED),
        }
        if self._coarse:
            gz1 = self._coarse.gz1
            held = split.rows(self._coarse.parts.validation, gz1)
            seen = predict.logits(network, self._coarse.crops[0], held, side, shown=AS_IT_IS)[:, 0]
            agreed = metrics.agreement(seen, gz1.allowed[held], [gz1.source[row] for row in held])
            line["coarse"] = {name: scored["agreement"] for name, scored in agreed.items()}
        with self._path.open("a", encoding="utf-8") as written:
            written.write(json.dumps(line) + "\n")
