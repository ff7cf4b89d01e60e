"""The table of warm strategies is that of the settings and prices, and compares what it says."""

from __future__ import annotations

import re

from infra import ROOT
from infra.commands.warm_costs import README, table, written


def test_the_document_has_the_current_table() -> None:
    text = README.read_text("utf-8")
    assert table() in text
    assert written(text) == text, "python -m infra.commands.warm_costs writes it anew"


def test_images_allow_snapstart_which_needs_a_label_on_other_bases_than_lambdas() -> None:
    assert 'com.amazonaws.lambda.feature.snapstart="Allow"' in (ROOT / "functions" / "Dockerfile").read_text("utf-8")


def test_a_kept_warm_sandbox_costs_most_idle_and_least_a_call() -> None:
    _, _, on_demand, snap_start, provisioned = table().splitlines()
    rows = [list(map(float, re.findall(r"\d+\.\d\d", row))) for row in (on_demand, snap_start, provisioned)]
    idle, calls = zip(*rows, strict=True)
    assert sorted(idle) == list(idle)
    assert calls[2] < calls[0] < calls[1]
