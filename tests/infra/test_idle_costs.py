"""What a stage costs that nobody uses, as the page on deployments says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.constructs.brake import BUDGET_STEPS
from tests.infra.idle_costs import README, costs, items, total, written

if TYPE_CHECKING:
    from tests.infra.synth import Synthesised


def test_the_document_says_what_the_templates_cost(dev: Synthesised, prod: Synthesised) -> None:
    text = README.read_text("utf-8")
    assert "| sandboxes kept warm, on average over a day |" in text
    assert written(text, costs([dev, prod])) == text, "python -m tests.infra.idle_costs writes it anew"


def test_a_resource_more_costs_more(prod: Synthesised) -> None:
    # Given prod's templates, and one more with an alarm on the ratio of two metrics, and a bucket whose requests are
    # measured
    metric = {"MetricStat": {"Stat": "Sum"}}
    more = {
        "Resources": {
            "Ratio": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {"Metrics": [metric, metric, {"Expression": "a/b"}]},
            },
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"MetricsConfigurations": [{"Id": "all"}]}},
        }
    }
    templates = [*prod.templates.values()]
    # Then both metrics of the alarm are charged, and every metric of the bucket's requests
    added = total(prod.stage, [*templates, more]) - total(prod.stage, templates)
    assert added == pytest.approx(2 * 0.10 + 16 * 0.30)


def test_prod_that_nobody_uses_does_not_reach_the_first_step_of_its_budget(prod: Synthesised) -> None:
    budget = prod.stage.operations.monthly_budget_usd
    assert budget is not None
    first = min(percent for _, percent in BUDGET_STEPS)
    assert total(prod.stage, prod.templates.values()) < budget * first / 100


def test_a_stage_that_keeps_nothing_warm_costs_a_few_dollars(dev: Synthesised) -> None:
    found = items(dev.stage, dev.templates.values())
    assert {what for what, item in found.items() if item.dollars} == {
        "dashboards (an account's first three are free)",
        "queues that are polled",
    }
