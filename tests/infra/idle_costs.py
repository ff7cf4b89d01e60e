"""What a deployed stage costs a month before the first request: its resources, counted in its templates.

    python -m tests.infra.idle_costs                # writes the table into infra/README.md

List prices of us-east-1 as of 2025 without the free tier (aws.amazon.com/cloudwatch/pricing, and likewise waf, kms, sqs
and xray; skysort.prices for the rest). Storage, and what requests cost, is not in it.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from infra import ROOT
from infra.stages.functions import Provisioned
from tests.infra.synth import synthesise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.stages.stage import AwsStage
    from tests.infra.synth import Synthesised

README: Final = ROOT / "infra" / "README.md"
_TABLE: Final = re.compile(r"(<!-- idle: python -m tests\.infra\.idle_costs -->\n).*?(<!-- end -->)", re.DOTALL)
STAGES: Final = ("dev", "prod")
_MILLION: Final = 1_000_000
_MB_PER_GB: Final = 1_024
_GB: Final = 1_000_000_000
MINUTES_A_MONTH: Final = 730 * 60

# Dollars a month.
ALARMED_METRIC: Final = 0.10
COMPOSITE_ALARM: Final = 0.50
METRIC: Final = 0.30
DASHBOARD: Final = 3.00
KEY: Final = 1.00
WEB_ACL: Final = 5.00
RULE: Final = 1.00
MILLION_TRACES: Final = 5.00
# Target tracking has an alarm for scaling out and one for scaling in ("How target tracking scaling works").
ALARMS_OF_A_POLICY: Final = 2
# With all metrics that S3 has of requests ("Metrics and dimensions", S3), and those of a method that are not of caches
# ("API Gateway dimensions and metrics").
BUCKET_METRICS: Final = 16
METHOD_METRICS: Final = 5
# Lambda waits for messages by five pollers of a queue, for 20 s each time ("Using Lambda with Amazon SQS").
POLLS_A_MINUTE: Final = 5 * 60 // 20
# A request for readiness, on a slow core, and its lines in the log. Lambda traces the first request of each second.
READY_S: Final = 0.02
READY_LOG_BYTES: Final = 1_500

Resource = dict[str, Any]


class Item(NamedTuple):
    """How many of something a stage has, and what they cost a month together."""

    number: float
    dollars: float


def costs(stages: Iterable[Synthesised]) -> dict[str, dict[str, Item]]:
    """What costs money in stages that nobody uses, by their names."""
    return {one.stage.name: items(one.stage, one.templates.values()) for one in stages}


def items(stage: AwsStage, templates: Iterable[Mapping[str, Any]]) -> dict[str, Item]:
    """What costs money in a stage that nobody uses."""
    resources = [resource for template in templates for resource in template["Resources"].values()]

    def of(kind: str) -> list[Resource]:
        return [resource.get("Properties", {}) for resource in resources if resource["Type"] == kind]

    def priced(count: float, each: float) -> Item:
        return Item(count, count * each)

    alarmed = sum(map(_metrics, of("AWS::CloudWatch::Alarm")))
    policies = len(of("AWS::ApplicationAutoScaling::ScalingPolicy"))
    buckets = [bucket for bucket in of("AWS::S3::Bucket") if bucket.get("MetricsConfigurations")]
    methods = len(of("AWS::ApiGateway::Method")) if any(map(_detailed, of("AWS::ApiGateway::Stage"))) else 0
    firewalls = of("AWS::WAFv2::WebACL")
    asked = sum("ScheduleExpression" in rule for rule in of("AWS::Events::Rule"))
    polls = POLLS_A_MINUTE * MINUTES_A_MONTH / _MILLION * stage.operations.prices.million_messages
    return {
        "sandboxes kept warm, on average over a day": _kept_warm(stage),
        "functions asked every minute whether they are ready": priced(asked, _readiness(stage)),
        "metrics watched by alarms, those of scaling included": priced(
            alarmed + policies * ALARMS_OF_A_POLICY, ALARMED_METRIC
        ),
        "composite alarms": priced(len(of("AWS::CloudWatch::CompositeAlarm")), COMPOSITE_ALARM),
        "metrics of the buckets' requests, once there are any": priced(len(buckets) * BUCKET_METRICS, METRIC),
        "metrics of single methods of the API, once each is called": priced(methods * METHOD_METRICS, METRIC),
        "dashboards (an account's first three are free)": priced(len(of("AWS::CloudWatch::Dashboard")), DASHBOARD),
        "keys": priced(len(of("AWS::KMS::Key")), KEY),
        "firewalls": priced(len(firewalls), WEB_ACL),
        "their rules": priced(sum(len(firewall["Rules"]) for firewall in firewalls), RULE),
        "queues that are polled": priced(len(of("AWS::Lambda::EventSourceMapping")), polls),
    }


def total(stage: AwsStage, templates: Iterable[Mapping[str, Any]]) -> float:
    """Dollars a month of a stage that nobody uses."""
    return sum(item.dollars for item in items(stage, templates).values())


def _metrics(alarm: Resource) -> int:
    """The metrics that an alarm watches: each is charged, an expression is not."""
    return sum("MetricStat" in metric for metric in alarm.get("Metrics", ())) or 1


def _detailed(stage: Resource) -> bool:
    return any(settings.get("MetricsEnabled") for settings in stage.get("MethodSettings", ()))


def _kept_warm(stage: AwsStage) -> Item:
    kept = [
        (function.warm.average, function.memory_mb / _MB_PER_GB)
        for function in stage.functions.values()
        if isinstance(function.warm, Provisioned)
    ]
    second = stage.operations.prices.provisioned_gb_second
    dollars = sum(count * gigabytes for count, gigabytes in kept) * second * MINUTES_A_MONTH * 60
    return Item(sum(count for count, _ in kept), dollars)


def _readiness(stage: AwsStage) -> float:
    """Dollars a month for asking one function every minute: calls, time, traces, lines of its log, and its metric."""
    prices = stage.operations.prices
    gigabytes = (
        max(
            (function.memory_mb for function in stage.functions.values() if isinstance(function.warm, Provisioned)),
            default=0,
        )
        / _MB_PER_GB
    )
    call = (prices.million_invocations + MILLION_TRACES) / _MILLION
    work = READY_S * gigabytes * prices.busy_provisioned_gb_second
    return MINUTES_A_MONTH * (call + work + READY_LOG_BYTES / _GB * prices.gb_logged) + METRIC


def table(found: Mapping[str, Mapping[str, Item]]) -> str:
    """The Markdown table of what stages cost, by their name."""
    lines = ["| a month | " + " | ".join(f"{name} | $" for name in found) + " |", "|---|" + "---:|---:|" * len(found)]
    for what in next(iter(found.values())):
        cells = " | ".join(f"{_count(of[what].number)} | {of[what].dollars:,.2f}" for of in found.values())
        if any(of[what].number for of in found.values()):
            lines.append(f"| {what} | {cells} |")
    sums = " | ".join(f"| {sum(item.dollars for item in of.values()):,.2f}" for of in found.values())
    return "\n".join([*lines, f"| together | {sums} |"]) + "\n"


def _count(count: float) -> str:
    return f"{count:g}" if count == int(count) else f"{count:.1f}"


def written(text: str, found: Mapping[str, Mapping[str, Item]]) -> str:
    """A README with the current table."""
    return _TABLE.sub(lambda match: match[1] + table(found) + match[2], text)


def main() -> None:
    """Write the table anew."""
    with tempfile.TemporaryDirectory() as folder:
        stages = [synthesise(name, Path(folder) / name) for name in STAGES]
        found = costs(stages)
    README.write_text(written(README.read_text("utf-8"), found), "utf-8")
    sys.stdout.write(table(found))


if __name__ == "__main__":
    main()
