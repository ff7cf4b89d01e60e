"""What outlives a stack, and for how long logs are kept, by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

if TYPE_CHECKING:
    from constructs import Construct

    from infra.stages.stage import Stage

# CDK names the days rather than counting them.
_DAYS = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
}


def removal(stage: Stage) -> RemovalPolicy:
    """What happens to data, logs and old versions when they leave the stack: kept in prod, deleted in dev."""
    return RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY


def log_group(scope: Construct, id_: str, name: str, stage: Stage) -> logs.LogGroup:
    """A log group that keeps its lines as long as the stage says."""
    return logs.LogGroup(
        scope, id_, log_group_name=name, retention=_DAYS[stage.log_days], removal_policy=removal(stage)
    )
