"""Saved Logs Insights queries: the questions that are asked when something is wrong.

In the console: CloudWatch, Logs Insights, Saved queries, folder skysort/<stage>.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import aws_logs as logs
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.stages.stage import Stage

# Powertools' lines are JSON, whose fields Logs Insights finds by itself; Lambda's own REPORT lines it takes apart too.
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
    """The queries, each over all these logs: of every function and of the API."""

    def __init__(self, scope: Construct, name: str, stage: Stage, groups: Sequence[logs.ILogGroup]) -> None:
        super().__init__(scope, name)
        for question, text in QUERIES.items():
            logs.CfnQueryDefinition(
                self,
                question.title().replace(" ", ""),
                name=f"skysort/{stage.name}/{question}",
                query_string=text.strip(),
                log_group_names=[group.log_group_name for group in groups],
            )
