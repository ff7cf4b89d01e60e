"""What running costs, by metric math: calls, their duration times memory, sandboxes kept warm; API requests.

Lambda's price formula (aws.amazon.com/lambda/pricing); the rates are the stage's. An estimate: without storage,
queues, logs, data transfer and the free tier, and blind to Lambda's rounding up to a millisecond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cw

from infra.constructs.metrics import MAXIMUM, ApiMetrics, FunctionMetrics
from infra.stages.functions import Provisioned

if TYPE_CHECKING:
    from infra.stages.stage import Stage

HOUR: Final = Duration.hours(1)
_MB_PER_GB: Final = 1_024
_MILLION: Final = 1_000_000


def function_cost(stage: Stage, name: str) -> cw.MathExpression:
    """Dollars an hour for one function."""
    prices, settings, seen = stage.operations.prices, stage.functions[name], FunctionMetrics.of(stage, name)
    prefix = name.replace("-", "_")
    gigabytes = settings.memory_mb / _MB_PER_GB
    calls, busy = f"{prefix}_calls", f"{prefix}_ms"
    used: dict[str, cw.IMetric] = {calls: seen.whole("Invocations"), busy: seen.whole("Duration")}
    a_call = _number(prices.million_invocations / _MILLION)
    a_millisecond = _number(gigabytes * prices.gb_second / 1_000)
    # No divisor is ever zero or absent: what is divided by it would be a gap, and so would the sum that it is part of.
    expression = f"FILL({calls},0)*{a_call}+FILL({busy},0)*{a_millisecond}"
    if isinstance(settings.warm, Provisioned):
        at_work, share, inside = f"{prefix}_at_work", f"{prefix}_share", f"{prefix}_inside"
        used |= {
            at_work: seen.live("ProvisionedConcurrentExecutions", MAXIMUM),
            share: seen.live("ProvisionedConcurrencyUtilization", MAXIMUM),
            inside: seen.live("ProvisionedConcurrencyInvocations"),
        }
        # Sandboxes kept warm are not published: busy ones over the busy share are, and the floor while none is busy.
        some = f"FILL({share},0)>0"
        kept = f"IF({some},FILL({at_work},0),{settings.warm.concurrency})/IF({some},FILL({share},0),1)"
        warm = _number(gigabytes * prices.provisioned_gb_second)
        saved = _number(gigabytes * (prices.gb_second - prices.busy_provisioned_gb_second) / 1_000)
        # Time in kept-warm sandboxes has a lower price; it is told from the rest by their share of the calls.
        expression += f"+{kept}*{warm}*PERIOD({busy})"
        every = f"IF(FILL({calls},0)>0,FILL({calls},0),1)"
        expression += f"-FILL({inside},0)/{every}*FILL({busy},0)*{saved}"
    return cw.MathExpression(expression=expression, using_metrics=used, label=name, period=HOUR)


def api_cost(stage: Stage, api: ApiMetrics) -> cw.MathExpression:
    """Dollars an hour for API Gateway."""
    rate = _number(stage.operations.prices.million_requests / _MILLION)
    return cw.MathExpression(
        expression=f"FILL(api_requests,0)*{rate}",
        using_metrics={"api_requests": api.of("Count")},
        label="API Gateway",
        period=HOUR,
    )


def whole_cost(stage: Stage, api: ApiMetrics) -> tuple[cw.MathExpression, list[cw.MathExpression]]:
    """Dollars an hour for everything, and for each part."""
    parts = {f"cost_{name.replace('-', '_')}": function_cost(stage, name) for name in stage.functions}
    parts["cost_api"] = api_cost(stage, api)
    whole = cw.MathExpression(expression="+".join(parts), using_metrics=dict(parts), label="together", period=HOUR)
    return whole, list(parts.values())


def _number(value: float) -> str:
    """A number as metric math reads it: it has no exponents."""
    return f"{value:.15f}".rstrip("0")
