from __future__ import annotations

import numpy as np

from model_export.galaxy.labels import CLASSES, COARSE, INDEX
from model_export.galaxy.metrics import agreement


def test_any_class_of_the_set_agrees_and_what_says_nothing_does_not_count() -> None:
    # Given a cigar called elliptical, a bar called clockwise and a round one called anticlockwise, and a merger
    sources = ["elliptical", "spiral_clockwise", "spiral_anticlockwise", "merger"]
    allowed = np.array([[name in COARSE[source] for name in CLASSES] for source in sources])
    answers = [INDEX[name] for name in ("smooth_cigar", "barred_spiral", "smooth_round", "irregular")]
    # When
    found = agreement(np.eye(len(CLASSES))[answers], allowed, sources)
    # Then
    assert found["elliptical"] == {"rows": 1, "agreement": 1.0}
    assert found["spiral"] == {"rows": 2, "agreement": 0.5}
    assert found["all"]["rows"] == 3
    assert "merger" not in found
