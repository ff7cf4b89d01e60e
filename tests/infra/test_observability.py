"""What watches over a stage: every metric that is drawn or alarmed on exists under the name that it is published by."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from infra import ROOT
from infra.api.routes import ROUTES
from infra.constructs.observability import QUERIES
from infra.stages.functions import StageError
from infra.stages.operations import Alarms, Flood, Operations
from skysort import METRICS_NAMESPACE
from skysort.metric_names import COLD_START, CONFIDENCE, FAILED, ITEMS_REFUSED, REFUSED, label_metric
from skysort.model_card import load_card
from tests.infra.synth import flat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.infra.synth import Synthesised

HTTP = sorted({route.function for route in ROUTES})
DROPPED = ("star", "galaxy", "image", "custom")
# What functions publish themselves, beside what Lambda, SQS and API Gateway do.
OWN = {COLD_START, CONFIDENCE, FAILED, ITEMS_REFUSED, REFUSED, "Files", "FilesFailed", "FilesRefused"}
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html, the like pages of SQS and API Gateway.
PUBLISHED = {
    "AWS/Lambda": {
        "ConcurrentExecutions",
        "Duration",
        "Errors",
        "Invocations",
        "ProvisionedConcurrencyInvocations",
        "ProvisionedConcurrencySpilloverInvocations",
        "ProvisionedConcurrencyUtilization",
        "ProvisionedConcurrentExecutions",
        "Throttles",
    },
    "AWS/SQS": {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesVisible",
    },
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    "AWS/States": {
        "ExecutionTime",
        "ExecutionsFailed",
        "ExecutionsStarted",
        "ExecutionsSucceeded",
        "ExecutionsTimedOut",
    },
    "AWS/ApiGateway": {"4XXError", "5XXError", "Count", "IntegrationLatency", "Latency"},
}


def panels(stage: Synthesised) -> list[Mapping[str, Any]]:
    """The dashboard's graphs."""
    (dashboard,) = stage.resources("AWS::CloudWatch::Dashboard")
    assert flat(dashboard.properties["DashboardName"]) == f"skysort-{stage.stage.name}-<AWS::Region>"
    body = json.loads(flat(dashboard.properties["DashboardBody"]))
    return [widget["properties"] for widget in body["widgets"] if widget["type"] == "metric"]


def drawn(stage: Synthesised) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Namespace, name and dimensions of every metric on the dashboard; a row repeats what stands above it as dots."""
    for panel in panels(stage):
        for row in panel["metrics"]:
            cells = [cell for cell in row if isinstance(cell, str)]
            if cells:
                yield cells[0], cells[1], tuple(cells[2:])


def expressions(stage: Synthesised) -> list[str]:
    rows = [row[0] for panel in panels(stage) for row in panel["metrics"] if isinstance(row[0], dict)]
    return [row["expression"] for row in rows]


def alarms(stage: Synthesised) -> dict[str, Mapping[str, Any]]:
    found = stage.resources("AWS::CloudWatch::Alarm")
    start = f"skysort-{stage.stage.name}-"
    named = [one for one in found if "AlarmName" in one.properties]
    return {one.properties["AlarmName"].removeprefix(start): one.properties for one in named}


def test_what_is_drawn_is_published(stage: Synthesised) -> None:
    labels = {label_metric(label) for model in ("star", "galaxy") for label in card_labels(model)}
    functions = {stage.stage.function_name(name) for name in stage.stage.functions}
    seen = list(drawn(stage))
    assert len(seen) > 80
    for namespace, name, dimensions in seen:
        assert name in (OWN | labels if namespace == METRICS_NAMESPACE else PUBLISHED[namespace])
        of = dict(zip(dimensions[::2], dimensions[1::2], strict=True))
        if namespace == METRICS_NAMESPACE:
            # The functions name themselves so in POWERTOOLS_SERVICE_NAME
            assert of["service"] in functions
        elif namespace == "AWS/Lambda":
            assert of["FunctionName"] in functions
            assert of.get("Resource", f"{of['FunctionName']}:live") == f"{of['FunctionName']}:live"
        elif namespace == "AWS/States":
            machines = [f":stateMachine:skysort-{kind}-{stage.stage.name}" for kind in ("training", "bulk")]
            assert of["StateMachineArn"].endswith(tuple(machines))


def card_labels(model: str) -> tuple[str, ...]:
    return load_card(ROOT / "functions" / model / "model").labels


def test_functions_publish_under_the_names_that_are_drawn(stage: Synthesised) -> None:
    for name in stage.stage.functions:
        deployed = stage.stage.function_name(name)
        function = stage.named("AWS::Lambda::Function", "FunctionName", deployed)
        variables = function.properties["Environment"]["Variables"]
        assert (function.properties["FunctionName"], variables["POWERTOOLS_SERVICE_NAME"]) == (deployed, deployed)


@pytest.mark.parametrize("function", HTTP)
def test_every_function_that_answers_has_its_calls_errors_and_percentiles(stage: Synthesised, function: str) -> None:
    titled = [panel for panel in panels(stage) if panel["title"] == function]
    calls, latency = titled
    names = [row[1] for row in calls["metrics"]]
    assert {"Invocations", "Errors", "Throttles", FAILED, REFUSED} <= set(names)
    assert [row[-1]["stat"] for row in latency["metrics"]] == ["p50", "p90", "p99"]


def test_classes_are_drawn_for_the_models_that_have_few(stage: Synthesised) -> None:
    names = {name for _, name, _ in drawn(stage)}
    assert {label_metric(label) for label in (*card_labels("star"), *card_labels("galaxy"))} <= names
    assert len(card_labels("image")) == 1_000
    assert label_metric(card_labels("image")[0]) not in names


def test_kept_warm_sandboxes_are_drawn_where_there_are_some(dev: Synthesised, prod: Synthesised) -> None:
    provisioned = "ProvisionedConcurrencySpilloverInvocations"
    assert provisioned in {name for _, name, _ in drawn(prod)}
    assert provisioned not in {name for _, name, _ in drawn(dev)}


def test_the_cost_follows_memory_duration_and_price(dev: Synthesised, prod: Synthesised) -> None:
    # Given the stage's price of a gigabyte-second, and star's memory
    price = dev.stage.operations.prices.gb_second
    a_millisecond = dev.stage.functions["star"].memory_mb / 1_024 * price / 1_000
    # Then a function that is kept warm by nobody costs its calls and its time
    (star,) = {found for found in expressions(dev) if found.startswith("FILL(star_calls,0)*")}
    rates = [float(number) for number in re.findall(r"\*([\d.]+)", star)]
    assert rates == pytest.approx([0.2e-6, a_millisecond], rel=1e-6)
    # and one that is kept warm its sandboxes besides, for as long as the period is
    (warm,) = {found for found in expressions(prod) if found.startswith("FILL(star_calls,0)*")}
    assert "PERIOD(star_ms)" in warm
    # and all of them are summed
    whole = [found for found in expressions(prod) if found.startswith("cost_")]
    assert whole == ["+".join(f"cost_{name.replace('-', '_')}" for name in [*prod.stage.functions, "api"])]


class Seen:
    """The functions of CloudWatch's metric math that costs are made of, over one hour."""

    @staticmethod
    def FILL(value: float | None, other: float) -> float:  # noqa: N802 - metric math spells it so
        return other if value is None else value

    @staticmethod
    def IF(condition: bool, then: float, otherwise: float) -> float:  # noqa: N802
        return then if condition else otherwise

    @staticmethod
    def PERIOD(_: float) -> int:  # noqa: N802
        return 3_600


def worth(expression: str, **seen: float) -> float:
    functions = {name: getattr(Seen, name) for name in ("FILL", "IF", "PERIOD")}
    return float(eval(expression, {"__builtins__": {}, **functions}, seen))


def test_an_hour_of_kept_warm_sandboxes_costs_what_aws_lists(prod: Synthesised) -> None:
    # Given an hour of a thousand calls of 5 ms, 900 of them in four kept-warm sandboxes, of which two were busy at most
    (expression,) = {found for found in expressions(prod) if found.startswith("FILL(star_calls,0)*")}
    prices, gigabytes = prod.stage.operations.prices, prod.stage.functions["star"].memory_mb / 1_024
    seen = {"star_calls": 1_000, "star_ms": 5_000, "star_at_work": 2, "star_share": 0.5, "star_inside": 900}
    # Then it costs the calls, the time inside and outside at their rates, and four sandboxes for an hour
    inside, outside = 4.5 * prices.busy_provisioned_gb_second, 0.5 * prices.gb_second
    kept = 4 * 3_600 * prices.provisioned_gb_second
    assert worth(expression, **seen) == pytest.approx(0.0002 + gigabytes * (inside + outside + kept), rel=1e-6)
    # and without a call what the stage keeps warm at least
    idle = dict.fromkeys(seen, 0)
    floor = 2 * 3_600 * gigabytes * prices.provisioned_gb_second
    assert worth(expression, **idle) == pytest.approx(floor, rel=1e-6)


def test_numbers_in_metric_math_have_no_exponent(stage: Synthesised) -> None:
    assert [found for found in expressions(stage) if re.search(r"\de-?\d", found)] == []


def test_a_stage_that_nobody_is_woken_for_has_no_alarm(dev: Synthesised) -> None:
    kinds = ("AWS::CloudWatch::CompositeAlarm", "AWS::SNS::Topic", "AWS::KMS::Key", "AWS::Budgets::Budget")
    assert dev.stage.operations.alarms is None
    assert dev.resources(*kinds) == []


@pytest.mark.parametrize(
    "name",
    [
        "api-5xx",
        *(f"{function}-{what}" for function in HTTP for what in ("crashes", "throttles", "p99")),
        *(f"{model}-{what}" for model in DROPPED for what in ("dead-letters", "queue-age")),
        *(f"{model}-drop-{what}" for model in DROPPED for what in ("crashes", "throttles")),
        *(f"{kind}-{what}" for kind in ("training", "bulk") for what in ("failures", "dead-letters")),
        *(f"{model}-spill-over" for model in ("star", "galaxy", "image")),
    ],
)
def test_prod_has_an_alarm_that_is_quiet_while_nothing_happens(prod: Synthesised, name: str) -> None:
    found = alarms(prod)[name]
    assert found["TreatMissingData"] == "notBreaching"
    assert found["ComparisonOperator"] == "GreaterThanThreshold"
    # It says what is wrong, and leaves the telling to those that speak for all
    assert len(found["AlarmDescription"].split()) >= 5
    assert "AlarmActions" not in found


def test_a_files_wait_is_an_alarm_once_no_redelivery_explains_it(prod: Synthesised) -> None:
    # Given a message whose batch Lambda holds while its function is throttled: it comes again when the timeout ends
    for queue in prod.stage.drop_queues:
        found = prod.named("AWS::CloudWatch::Alarm", "AlarmName", f"skysort-prod-{queue.model.name}-queue-age")
        # Then that alone wakes nobody, and it still has one whole invocation
        timeout_s = prod.stage.functions[queue.function].timeout_s
        assert found.properties["Threshold"] >= queue.visibility_timeout_s + timeout_s


def test_an_alarm_for_each_part_of_the_service_speaks_for_all_and_tells_the_topic(prod: Synthesised) -> None:
    topic = {"Ref": prod.named("AWS::SNS::Topic", "TopicName", "skysort-alarms-prod").logical_id}
    speaking = prod.resources("AWS::CloudWatch::CompositeAlarm")
    names = {found.properties["AlarmName"] for found in speaking}
    assert names == {f"skysort-prod-{part}" for part in ("answers", "drop-folder", "trainings", "bulk-jobs")}
    for found in speaking:
        assert found.properties["AlarmActions"] == found.properties["OKActions"] == [topic]
    # Every single alarm of ours stands behind one of them; those of the roll-out have their own purpose
    behind = "".join(flat(found.properties["AlarmRule"]) for found in speaking)
    ours = [one for one in prod.resources("AWS::CloudWatch::Alarm") if one.path.startswith("Observability/")]
    assert [one.path for one in ours if f"<{one.logical_id}.Arn>" not in behind] == []


def test_the_topic_is_encrypted_by_a_key_that_turns(prod: Synthesised) -> None:
    topic = prod.named("AWS::SNS::Topic", "TopicName", "skysort-alarms-prod")
    (key,) = prod.resources("AWS::KMS::Key")
    assert topic.properties["KmsMasterKeyId"] == {"Fn::GetAtt": [key.logical_id, "Arn"]}
    assert key.properties["EnableKeyRotation"] is True


def test_the_budget_tells_the_topic_before_and_when_it_is_spent(prod: Synthesised) -> None:
    (budget,) = prod.resources("AWS::Budgets::Budget")
    assert budget.properties["Budget"]["BudgetLimit"] == {
        "Amount": prod.stage.operations.monthly_budget_usd,
        "Unit": "USD",
    }
    told = budget.properties["NotificationsWithSubscribers"]
    steps = [(one["Notification"]["NotificationType"], one["Notification"]["Threshold"]) for one in told]
    assert steps == [("ACTUAL", 50), ("ACTUAL", 90), ("FORECASTED", 100)]
    topic = {"Ref": prod.named("AWS::SNS::Topic", "TopicName", "skysort-alarms-prod").logical_id}
    assert [one["Subscribers"] for one in told] == [[{"SubscriptionType": "SNS", "Address": topic}]] * 3


def test_no_alarm_waits_for_data_that_fill_has_replaced(prod: Synthesised) -> None:
    """FILL stands in for the newest data until they come: an alarm that needs the newest period may never fire."""
    filled = [
        one.properties
        for one in prod.resources("AWS::CloudWatch::Alarm")
        if any("FILL(" in metric.get("Expression", "") for metric in one.properties.get("Metrics", ()))
    ]
    assert filled
    for alarm in filled:
        assert alarm["DatapointsToAlarm"] < alarm["EvaluationPeriods"], flat(alarm["AlarmName"])


def test_saved_queries_look_through_every_log(stage: Synthesised) -> None:
    found = stage.resources("AWS::Logs::QueryDefinition")
    assert {query.properties["Name"] for query in found} == {f"skysort/{stage.stage.name}/{name}" for name in QUERIES}
    groups = {name["Ref"] for name in found[0].properties["LogGroupNames"]}
    for name in stage.stage.functions:
        wanted = f"/aws/lambda/{stage.stage.function_name(name)}"
        (group,) = [one for one in stage.resources("AWS::Logs::LogGroup") if one.properties["LogGroupName"] == wanted]
        assert group.logical_id in groups


def test_settings_that_would_tell_nobody_are_refused() -> None:
    with pytest.raises(StageError, match="a budget needs alarms"):
        Operations(monthly_budget_usd=10)
    with pytest.raises(StageError, match="stop_at_percent needs a monthly_budget_usd"):
        Operations(alarms=Alarms({}), stop_at_percent=100)
    with pytest.raises(StageError, match=re.escape("stop_at_percent must be from 1 to 1000 (got 0")):
        Operations(alarms=Alarms({}), monthly_budget_usd=10, stop_at_percent=0)
    with pytest.raises(StageError, match="a flood brake needs alarms"):
        Operations(flood=Flood())
    with pytest.raises(StageError, match="writes_in_5_minutes must be at least 1,000"):
        Flood(writes_in_5_minutes=10)
    with pytest.raises(StageError, match="uploaded_gb_in_5_minutes must be at least 1"):
        Flood(uploaded_gb_in_5_minutes=0)
    with pytest.raises(StageError, match="downloaded_gb_in_5_minutes must be at least 1"):
        Flood(downloaded_gb_in_5_minutes=0.5)
    with pytest.raises(StageError, match="invalid email address"):
        Alarms({}, mail=("nobody",))
    with pytest.raises(StageError, match="failed_share must be between 0 and 1"):
        Alarms({}, failed_share=1)
    with pytest.raises(StageError, match="p99_ms of star must be at least 1 ms"):
        Alarms({"star": 0})
    with pytest.raises(StageError, match="above 0 dollars"):
        dataclasses.replace(Operations(alarms=Alarms({})), monthly_budget_usd=0)


def test_the_document_counts_the_alarms(prod: Synthesised) -> None:
    # Given what the page on deployments says of prod
    text = " ".join((ROOT / "infra" / "README.md").read_text("utf-8").split())
    silent, roll_outs, floods = map(
        int, *re.findall(r"(\d+) silent ones: .*? (\d+) more watch roll-outs, (\d+) the", text)
    )
    # Then it is what the template has
    alarms = [flat(one.properties.get("AlarmName", "")) for one in prod.resources("AWS::CloudWatch::Alarm")]
    assert roll_outs == sum(name.endswith("-release") for name in alarms)
    assert floods == sum(name.endswith("-flood") for name in alarms)
    assert silent + roll_outs + floods == len(alarms)
