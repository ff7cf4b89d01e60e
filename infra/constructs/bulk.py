"""Bulk jobs: a new run starts an execution of the state machine of infra/state_machine/bulk.py; results are a table.

The permissions of the functions on the results bucket follow from who writes what: control writes requests, and what
starts and cancels runs; what plans writes plans and ends; what classifies writes the results of parts, and their
counts. None of them may start a run but control.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_glue as glue
from constructs import Construct

from infra.constructs.common import bucket_arn, grant
from infra.constructs.executions import Executions
from infra.constructs.function import logical_id
from infra.state_machine.bulk import Family, bulk_definition
from skysort.bulk.keys import JOBS, REQUEST, START, STATUS
from skysort.drop.keys import INCOMING
from skysort.models import BULK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.constructs.function import ModelFunction
    from infra.stages.stage import AwsStage

# Ten thousand parts of ten minutes each, a hundred at a time, are 17 hours: what takes longer than a day and a half
# hangs, and goes on by a further run.
_TIMEOUT_S: Final = 36 * 3_600
_LIST: Final = ("s3:ListBucket",)
_READ: Final = ("s3:GetObject",)
_READ_VERSIONS: Final = ("s3:GetObject", "s3:GetObjectVersion")
_PUT: Final = ("s3:PutObject",)
_WRITE_LARGE: Final = ("s3:PutObject", "s3:AbortMultipartUpload")
_ANY_JOB: Final = "keys have the names of owners and jobs; only the prefix is known"


class BulkJobs(Construct):
    """The state machine, the database of results, and the permissions of the functions.

    functions: by name in the stage. drop_bucket, results_bucket: their names.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: AwsStage,
        functions: Mapping[str, ModelFunction],
        drop_bucket: str,
        results_bucket: str,
    ) -> None:
        super().__init__(scope, name)
        self._stage, self._drop_bucket, self._results_bucket = stage, drop_bucket, results_bucket
        families = {function: functions[function] for function in stage.bulk_parts}
        self.executions = Executions(
            self,
            "Jobs",
            stage=stage,
            kind="bulk",
            definition=bulk_definition(
                _placeholder(BULK),
                {each: Family(_placeholder(each), stage.bulk_parts[each]) for each in families},
            ),
            functions={logical_id(each): functions[each] for each in (BULK, *families)},
            timeout_s=_TIMEOUT_S,
            bucket=results_bucket,
            keys=f"{JOBS}*/runs/*/{START}",
            starts="a new run of a bulk job",
        )
        self._distribute()
        for function in families.values():
            self._grant(function, self._classifying())
        self._grant(functions[BULK], self._planning())
        self._grant(functions["control"], self._managing())
        self.database = self._database(functions[BULK])

    def _distribute(self) -> None:
        """Let the machine read the list of parts, and start, watch and stop the executions of its distributed map.

        "IAM policies for using Distributed Map states".
        """
        machine = self.executions
        children = machine.arn("execution", ":*")
        allowed = {
            self._jobs("*/runs/*/parts.json"): _READ,
            machine.arn(): ("states:StartExecution",),
            children: ("states:DescribeExecution", "states:StopExecution"),
        }
        policy = grant(self, "Distribute", machine.role, allowed, "executions have the names that AWS gives them")
        machine.machine.node.add_dependency(policy)

    def _grant(self, function: ModelFunction, allowed: Mapping[str, tuple[str, ...]]) -> None:
        grant(self, f"{function.name}-jobs", function.role, allowed, _ANY_JOB)

    def _sources(self) -> dict[str, tuple[str, ...]]:
        """What jobs may be about: dropped files, and what the stage names besides."""
        return {
            bucket_arn(self, self._drop_bucket, f"/{INCOMING}*"): _READ_VERSIONS,
            bucket_arn(self, self._drop_bucket): _LIST,
            **source_permissions(self, self._stage.bulk_sources),
        }

    def _classifying(self) -> dict[str, tuple[str, ...]]:
        """What a function that classifies parts needs: sources, its job's documents, and to write results."""
        return {
            **self._sources(),
            self._jobs(): _READ,
            **{self._jobs(f"*/{results}/*"): _WRITE_LARGE for results in ("data", "rejected")},
            **{self._jobs(f"*/{document}"): _PUT for document in ("done/*", "probe.json", "probing/*", STATUS)},
            bucket_arn(self, self._results_bucket): _LIST,
        }

    def _planning(self) -> dict[str, tuple[str, ...]]:
        """What the function that plans and finishes needs: sources, and to write what it plans and ends with."""
        ends = ("summary.json", "table.json", "_SUCCESS")
        plans = ("slices/*", "sources.json", "manifest.json", "plan.json", "runs/*/parts.json")
        return {
            **self._sources(),
            self._jobs(): _READ,
            self._jobs("*/index.csv"): _WRITE_LARGE,
            **{self._jobs(f"*/{document}"): _PUT for document in (*plans, *ends, "failed/*", STATUS)},
            # What attempts left behind, and counts of results that are other ones.
            **{self._jobs(f"*/{left}/*"): ("s3:DeleteObject",) for left in ("data", "rejected", "done")},
            bucket_arn(self, self._results_bucket): _LIST,
        }

    def _managing(self) -> dict[str, tuple[str, ...]]:
        """What the control function needs beside reading results: to start and cancel runs, and to know how far."""
        return {
            self.starts: _PUT,
            **{
                self._jobs(f"*/{document}"): _PUT
                for document in (REQUEST, "runs/*/cancel.json", STATUS, "progress.json")
            },
        }

    def _database(self, planner: ModelFunction) -> glue.CfnDatabase | None:
        """The database of Glue in which results become tables, which Athena reads at once."""
        name = self._stage.glue_database
        if name is None:
            return None
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Stack.of(self).account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=name, description=f"skysort, stage {self._stage.name}: results of bulk jobs"
            ),
        )
        allowed = dict.fromkeys(
            (self._glue("catalog"), self._glue("database", name), self._glue("table", f"{name}/*")),
            ("glue:CreateTable", "glue:UpdateTable"),
        )
        grant(self, "Tables", planner.role, allowed, "tables have the names of jobs")
        return database

    def _glue(self, resource: str, name: str | None = None) -> str:
        return Stack.of(self).format_arn(
            service="glue",
            resource=resource,
            resource_name=name,
            arn_format=ArnFormat.SLASH_RESOURCE_NAME if name else ArnFormat.NO_RESOURCE_NAME,
        )

    @property
    def starts(self) -> str:
        """The ARN pattern of what starts a run."""
        return self._jobs(f"*/runs/*/{START}")

    def _jobs(self, keys: str = "*") -> str:
        """The ARN of keys of jobs."""
        return bucket_arn(self, self._results_bucket, f"/{JOBS}{keys}")


def source_permissions(scope: Construct, sources: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What reading sources outside of the drop bucket needs, by ARN; each source is "bucket/prefix"."""
    buckets = sorted({source.partition("/")[0] for source in sources})
    return {
        **{bucket_arn(scope, source, "*"): _READ_VERSIONS for source in sources},
        **{bucket_arn(scope, bucket): _LIST for bucket in buckets},
    }


def _placeholder(function: str) -> str:
    """What stands for a function in the definition."""
    return f"${{{logical_id(function)}}}"
