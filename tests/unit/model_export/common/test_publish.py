from __future__ import annotations

import pytest

from model_export.common.publish import next_version, worse


@pytest.mark.parametrize(
    ("current", "part", "expected"),
    [(None, "minor", "1.0.0"), ("1.2.3", "major", "2.0.0"), ("1.2.3", "minor", "1.3.0"), ("1.2.3", "patch", "1.2.4")],
)
def test_versions_count_up(current: str | None, part: str, expected: str) -> None:
    assert next_version(current, part) == expected


@pytest.mark.parametrize(
    ("accuracy", "macro_f1", "reason"),
    [
        (0.9, 0.8, None),
        (0.89, 0.85, "accuracy on the test split is 0.890000, below the 0.900000 of comet 1.2.0 in place"),
        (0.95, 0.79, "macro f1 on the test split is 0.790000, below the 0.800000 of comet 1.2.0 in place"),
    ],
)
def test_nothing_replaces_what_is_better(accuracy: float, macro_f1: float, reason: str | None) -> None:
    in_place = {"accuracy": {"value": 0.9}, "macro_f1": {"value": 0.8}}
    candidate = {"accuracy": {"value": accuracy}, "macro_f1": {"value": macro_f1}}
    assert worse(candidate, in_place, "comet 1.2.0") == reason
