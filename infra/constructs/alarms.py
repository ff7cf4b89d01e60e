"""What raises an alarm, and the topic that tells of it.

Single alarms are silent: two composite ones, answers and drop folder, tell. What goes wrong together is then one
message, which names the alarms behind it, and what stays wrong is told of once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cw
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from infra.api.routes import ROUTES
from infra.constructs.metrics import FunctionMetrics, QueueMetrics
from infra.constructs.topic import AlarmTopic
from infra.stages.functions import Provisioned

if TYPE_CHECKING:
    from infra.constructs.metrics import ApiMetrics
    from infra.stages.operations import Alarms
    from infra.stages.stage import Stage

_MINUTE: Final = Duration.minutes(1)
_FIVE_MINUTES: Final = Duration.minutes(5)


class ServiceAlarms(Construct):
    """A stage's alarms. topic: hears of answers and drop folder, when something is wrong and when it is over."""

    def __init__(self, scope: Construct, name: str, stage: Stage, api: ApiMetrics, alarms: Alarms) -> None:
        super().__init__(scope, name)
        self._stage = stage
        self._alarms = alarms
        self.topic = AlarmTopic(self, "Topic", stage.name, alarms.mail).topic
        answering = sorted({route.function for route in ROUTES})
        answers = [self._failed_share(api)]
        for function in answering:
            answers += self._function(FunctionMetrics.of(stage, function))
        drops: list[cw.Alarm] = []
        for queue in stage.drop_queues:
            drops += self._queue(QueueMetrics(queue))
            drops += self._trouble(FunctionMetrics.of(stage, queue.function))
        self.answers = self._together("answers", answers, "The HTTP API does not answer as it should.")
        self.drop_folder = self._together("drop-folder", drops, "Dropped files are not classified as they should be.")

    def _function(self, seen: FunctionMetrics) -> list[cw.Alarm]:
        """Alarms of a function that answers HTTP."""
        found = self._trouble(seen)
        limit = self._alarms.p99_ms.get(seen.name)
        if limit is not None:
            slow = seen.whole("Duration", "p99").with_(period=_MINUTE)
            found.append(self._alarm(f"{seen.name}-p99", slow, limit, 5, "1 % of calls take longer than they may"))
        if isinstance(self._stage.functions[seen.name].warm, Provisioned):
            spilled = seen.live("ProvisionedConcurrencySpilloverInvocations").with_(period=_MINUTE)
            what = "calls find no kept-warm sandbox free and wait for a cold start; raise its maximum"
            found.append(self._alarm(f"{seen.name}-spill-over", spilled, 0, 5, what))
        return found

    def _trouble(self, seen: FunctionMetrics) -> list[cw.Alarm]:
        """Alarms that every function has: crashes, and calls that Lambda turned away."""
        crashed = seen.whole("Errors").with_(period=_FIVE_MINUTES)
        throttled = seen.whole("Throttles").with_(period=_MINUTE)
        return [
            self._alarm(f"{seen.name}-crashes", crashed, 0, 1, "it crashed, ran out of memory or timed out"),
            self._alarm(f"{seen.name}-throttles", throttled, 0, 3, "calls are turned away; its concurrency is too low"),
        ]

    def _queue(self, queue: QueueMetrics) -> list[cw.Alarm]:
        dead = queue.dead().with_(period=_MINUTE)
        age = queue.age().with_(period=_MINUTE)
        again = f"files failed {queue.settings.max_receive_count} times; mend the fault, then make redrive"
        return [
            self._alarm(f"{queue.model}-dead-letters", dead, 0, 1, again),
            self._alarm(f"{queue.model}-queue-age", age, self._alarms.queue_age_s, 5, "dropped files wait for long"),
        ]

    def _failed_share(self, api: ApiMetrics) -> cw.Alarm:
        failed, every = api.of("5XXError"), api.of("Count")
        share = cw.MathExpression(
            expression=f"IF(failed>={self._alarms.failed_at_least},failed/requests,0)",
            using_metrics={"failed": failed, "requests": every},
            label="share of 5xx",
            period=_FIVE_MINUTES,
        )
        return self._alarm("api-5xx", share, self._alarms.failed_share, 1, "the API answers too many requests with 5xx")

    def _alarm(self, name: str, watched: cw.IMetric, threshold: float, periods: int, what: str) -> cw.Alarm:
        """An alarm when something is above a threshold for so many periods on end."""
        return cw.Alarm(
            self,
            name,
            alarm_name=f"skysort-{self._stage.name}-{name}",
            alarm_description=f"{name}: {what}",
            metric=watched,
            threshold=threshold,
            comparison_operator=cw.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=periods,
            # Nothing is published while nothing happens: that is no fault.
            treat_missing_data=cw.TreatMissingData.NOT_BREACHING,
        )

    def _together(self, name: str, parts: list[cw.Alarm], what: str) -> cw.CompositeAlarm:
        rules = [cw.AlarmRule.from_alarm(part, cw.AlarmState.ALARM) for part in parts]
        together = cw.CompositeAlarm(
            self,
            name,
            composite_alarm_name=f"skysort-{self._stage.name}-{name}",
            alarm_description=f"{what} The alarms behind it say what is wrong; dashboard skysort-{self._stage.name}.",
            alarm_rule=cw.AlarmRule.any_of(*rules),
        )
        action = actions.SnsAction(self.topic)
        together.add_alarm_action(action)
        together.add_ok_action(action)
        return together
