"""Simulated mixes of classes: rare quasars are purer with their share, and shares are found again."""

from __future__ import annotations

import numpy as np

from model_export.star import shift

TRAINED = np.array([0.6, 0.2, 0.2])
MIDDLES = np.array([-4.0, 0.0, 4.0])


def test_rare_quasars_are_purer_with_given_and_with_estimated_shares() -> None:
    # Given objects that overlap on a line, with the right probabilities
    draw = np.random.default_rng(0)
    labels = draw.choice(3, 20_000, p=TRAINED)
    values = MIDDLES[labels] + draw.normal(size=len(labels))
    densities = np.exp(-0.5 * (values[:, None] - MIDDLES) ** 2) * TRAINED
    probabilities = (densities / densities.sum(axis=1, keepdims=True)).astype(np.float32)
    # When
    report = shift.rare_quasars(probabilities, labels, TRAINED, tables=3)
    mixes = shift.shares(probabilities, labels, TRAINED, tables=3)
    coverage = shift.set_coverage(
        probabilities, labels, TRAINED, np.full(3, 0.1, np.float32), np.array([0.7, 0.001, 0.299])
    )
    # Then
    assert report["given"]["purity"]["value"] > 2 * report["unadjusted"]["purity"]["value"]
    assert report["given"]["completeness"]["value"] < report["unadjusted"]["completeness"]["value"]
    assert report["estimated_share"]["value"] < 0.02
    assert len(mixes) == len(shift.SIZES) * len(shift.MIXES)
    assert max(mixes[-1]["root_mean_square_error"]) < 0.02
    assert coverage["unadjusted"]["QSO"] > coverage["reweighted"]["QSO"] + 0.1
