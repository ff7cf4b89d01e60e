"""Monitoring of a stage: dashboard, saved queries, and optionally alarms and a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cw
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.api.routes import ROUTES
from infra.constructs.brake import MonthlyBudget
from infra.constructs.common import account_name, alarm_above
from infra.constructs.dashboard import ServiceDashboard
from infra.constructs.metrics import FunctionMetrics, QueueMetrics
from infra.stages.functions import Provisioned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.constructs.metrics import ApiMetrics, ExecutionMetrics
    from infra.stages.operations import Alarms
    from infra.stages.stage import AwsStage

_PUBLISHERS: Final = ("cloudwatch.amazonaws.com", "budgets.amazonaws.com")


class AlarmTopic(Construct):
    """skysort-alarms-<stage>. mail: subscribed addresses; each must confirm once.

    It uses a customer managed key, since CloudWatch cannot use AWS's managed key for SNS.
    """

    def __init__(self, scope: Construct, name: str, stage: str, mail: Sequence[str]) -> None:
        super().__init__(scope, name)
        # No stored data depends on the key.
        self.key = kms.Key(
            self,
            "Key",
            description=f"skysort, stage {stage}: messages of alarms",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.topic = sns.Topic(
            self,
            "Topic",
            topic_name=f"skysort-alarms-{stage}",
            display_name=f"skysort {stage}",
            master_key=self.key,
            enforce_ssl=True,
        )
        same_account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        publishers = [iam.ServicePrincipal(publisher) for publisher in _PUBLISHERS]
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsAndBudgets",
                principals=list(publishers),
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=same_account,
            )
        )
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsAndBudgets",
                principals=list(publishers),
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # in a key's policy: this key
                conditions=same_account,
            )
        )
        for address in mail:
            self.topic.add_subscription(subscriptions.EmailSubscription(address))


# Logs Insights discovers the fields of Powertools' JSON lines and of Lambda's REPORT lines.
QUERIES: Final = {
    "errors by type": """
filter level in ["ERROR", "CRITICAL"] or @message like /Task timed out|Runtime\\.\\w+|Runtime exited/
| parse @message /(?<died>Task timed out|Runtime\\.\\w+|Runtime exited)/
| fields coalesce(exception_name, died, message) as kind
| stats count(*) as times, max(@timestamp) as last_seen by kind, @log
| sort times desc
""",
    "slowest requests": """
filter @type = "REPORT"
| fields @timestamp, @log, @requestId, @duration, @initDuration, @maxMemoryUsed / 1000 / 1000 as used_mb
| sort @duration desc
| limit 50
""",
    "cold starts by part": """
filter message = "started" or (@type = "REPORT" and ispresent(@initDuration))
| stats count(@initDuration) as cold_starts, pct(@initDuration, 50) as init_ms, pct(@initDuration, 99) as init_p99_ms,
    pct(imports_ms, 50) as imports_ms, pct(model_ms, 50) as model_ms, pct(@duration, 50) as first_call_ms by @log
| sort cold_starts desc
""",
    "one request by id": """
fields @timestamp, @log, @message
| filter correlation_id = "PASTE-ID" or function_request_id = "PASTE-ID" or @requestId = "PASTE-ID"
    or request_id = "PASTE-ID"
| sort @timestamp asc
""",
    "bad inputs by reason": """
filter message in ["request refused", "items refused", "file refused"]
| fields coalesce(detail, error) as why, coalesce(problem, "dropped file") as reason, coalesce(items, 1) as bad
| stats sum(bad) as times, latest(why) as example by reason, @log
| sort times desc
""",
}


class SavedQueries(Construct):
    """The saved queries, each over the logs of all functions and of the API.

    In the console: CloudWatch, Logs Insights, Saved queries, folder skysort/<stage>.
    """

    def __init__(self, scope: Construct, name: str, stage: AwsStage, groups: Sequence[logs.ILogGroup]) -> None:
        super().__init__(scope, name)
        for question, text in QUERIES.items():
            logs.CfnQueryDefinition(
                self,
                question.title().replace(" ", ""),
                name=f"skysort/{stage.name}/{question}",
                query_string=text.strip(),
                log_group_names=[group.log_group_name for group in groups],
            )


_MINUTE: Final = Duration.minutes(1)
_FIVE_MINUTES: Final = Duration.minutes(5)


class ServiceAlarms(Construct):
    """The alarms of a stage. topic: notified of ALARM and OK by the composite alarms, one for each part of the service.

    Single alarms have no action, so related failures give one notification, which names the alarms behind it, and a
    persistent failure is notified once.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: AwsStage,
        *,
        api: ApiMetrics,
        trainings: ExecutionMetrics,
        bulk: ExecutionMetrics,
        alarms: Alarms,
    ) -> None:
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
        self.answers = self._together("answers", answers, "The HTTP API is degraded.")
        self.drop_folder = self._together("drop-folder", drops, "Processing of dropped files is degraded.")
        self.trainings = self._together("trainings", self._executions("training", trainings), "Trainings fail.")
        self.bulk = self._together("bulk-jobs", self._executions("bulk", bulk), "Bulk jobs fail.")

    def _function(self, metrics: FunctionMetrics) -> list[cw.Alarm]:
        """Alarms of an HTTP function."""
        alarms = self._trouble(metrics)
        limit = self._alarms.p99_ms.get(metrics.name)
        if limit is not None:
            slow = metrics.lambda_metric("Duration", "p99").with_(period=_MINUTE)
            alarms.append(self._alarm(f"{metrics.name}-p99", slow, limit, 5, "1 % of calls exceed the limit"))
        if isinstance(self._stage.functions[metrics.name].warm, Provisioned):
            spilled = metrics.live("ProvisionedConcurrencySpilloverInvocations").with_(period=_MINUTE)
            meaning = "cold starts as all provisioned sandboxes are busy; raise its maximum"
            alarms.append(self._alarm(f"{metrics.name}-spill-over", spilled, 0, 5, meaning))
        return alarms

    def _trouble(self, metrics: FunctionMetrics) -> list[cw.Alarm]:
        """Alarms of every function: crashes, and throttled invocations."""
        crashed = metrics.lambda_metric("Errors").with_(period=_FIVE_MINUTES)
        throttled = metrics.lambda_metric("Throttles").with_(period=_MINUTE)
        return [
            self._alarm(f"{metrics.name}-crashes", crashed, 0, 1, "it crashed, ran out of memory or timed out"),
            self._alarm(f"{metrics.name}-throttles", throttled, 0, 3, "throttled; raise its concurrency"),
        ]

    def _queue(self, queue: QueueMetrics) -> list[cw.Alarm]:
        dead = queue.dead().with_(period=_MINUTE)
        age = queue.age().with_(period=_MINUTE)
        meaning = f"files failed {queue.settings.max_receive_count} times; fix the fault, then make redrive"
        overdue_s = self._alarms.queue_age_s or queue.settings.overdue_s
        return [
            self._alarm(f"{queue.model}-dead-letters", dead, 0, 1, meaning),
            self._alarm(f"{queue.model}-queue-age", age, overdue_s, 5, "dropped files wait for long"),
        ]

    def _executions(self, kind: str, executions: ExecutionMetrics) -> list[cw.Alarm]:
        """Alarms of a state machine, whose steps are retried; one that refuses its input succeeds as an execution."""
        failed = cw.MathExpression(
            expression="failed+timed_out",
            using_metrics={"failed": executions.executions("Failed"), "timed_out": executions.executions("TimedOut")},
            label="failed executions",
            period=_FIVE_MINUTES,
        )
        dead = executions.dead().with_(period=_MINUTE)
        return [
            self._alarm(f"{kind}-failures", failed, 0, 1, "a step failed after its retries; see the execution"),
            self._alarm(f"{kind}-dead-letters", dead, 0, 1, "requests started no execution; start them by hand"),
        ]

    def _failed_share(self, api: ApiMetrics) -> cw.Alarm:
        failed, requests = api.of("5XXError"), api.of("Count")
        share = cw.MathExpression(
            expression=f"IF(failed>={self._alarms.failed_at_least},failed/requests,0)",
            using_metrics={"failed": failed, "requests": requests},
            label="share of 5xx",
            period=_FIVE_MINUTES,
        )
        return self._alarm("api-5xx", share, self._alarms.failed_share, 1, "the API answers too many requests with 5xx")

    def _alarm(self, name: str, metric: cw.IMetric, threshold: float, periods: int, meaning: str) -> cw.Alarm:
        return alarm_above(
            self, name, stage=self._stage, metric=metric, above=threshold, meaning=meaning, periods=periods
        )

    def _together(self, name: str, parts: list[cw.Alarm], description: str) -> cw.CompositeAlarm:
        rules = [cw.AlarmRule.from_alarm(part, cw.AlarmState.ALARM) for part in parts]
        dashboard = account_name(self, f"skysort-{self._stage.name}")
        together = cw.CompositeAlarm(
            self,
            name,
            composite_alarm_name=f"skysort-{self._stage.name}-{name}",
            alarm_description=f"{description} Cause: see its alarms; dashboard {dashboard}.",
            alarm_rule=cw.AlarmRule.any_of(*rules),
        )
        action = actions.SnsAction(self.topic)
        together.add_alarm_action(action)
        together.add_ok_action(action)
        return together


class Observability(Construct):
    """Monitoring of a stage. logs: log groups of the saved queries. alarms: None if the stage has none."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: AwsStage,
        *,
        api: ApiMetrics,
        trainings: ExecutionMetrics,
        bulk: ExecutionMetrics,
        logs: Sequence[logs.ILogGroup],
    ) -> None:
        super().__init__(scope, name)
        self.dashboard = ServiceDashboard(self, "Dashboard", stage, api, trainings=trainings, bulk=bulk).dashboard
        SavedQueries(self, "Queries", stage, logs)
        self.alarms: ServiceAlarms | None = None
        self.budget: MonthlyBudget | None = None
        operations = stage.operations
        if operations.alarms is not None:
            self.alarms = ServiceAlarms(
                self, "Alarms", stage, api=api, trainings=trainings, bulk=bulk, alarms=operations.alarms
            )
            if operations.monthly_budget_usd is not None:
                self.budget = MonthlyBudget(self, "Budget", operations.monthly_budget_usd, self.alarms.topic)
