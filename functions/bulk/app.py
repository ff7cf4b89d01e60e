"""The steps of bulk jobs before and after their parts: one event of the state machine a step."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from skysort.bulk.access import Access
from skysort.bulk.glue import GlueTables
from skysort.bulk.job_store import S3JobStore
from skysort.bulk.planner import Planner
from skysort.bulk.steps import BulkSteps, Reading, Site
from skysort.bulk.store import S3Sources
from skysort.observability import Start, logger
from skysort.prices import Prices
from skysort.registry.store import S3ModelStore
from skysort.s3.client import S3Client
from skysort.s3.signature import Addressing, Credentials, Signer
from skysort.settings import BulkSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start = Start()
settings = BulkSettings.from_environment(os.environ)
addressing = Addressing.from_environment(os.environ)
s3 = S3Client(addressing, Signer(Credentials.from_environment(os.environ), addressing.region))
models = S3ModelStore(s3, settings.models_bucket) if settings.models_bucket else None
reading = Reading(
    S3Sources(s3, settings.drop_bucket),
    lambda job: Access(job.client, settings.drop_bucket, settings.sources),
    Planner(models),
)
site = Site(
    bucket=settings.results_bucket,
    concurrency=settings.concurrency,
    prices=Prices.read(settings.prices),
    tables=GlueTables(settings.glue_database) if settings.glue_database else None,
)
steps = BulkSteps(S3JobStore(s3, settings.results_bucket), reading, site)
start.done()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes it
    """Do one step; raises BulkRefused for a job that can never succeed as it is."""
    logger.append_keys(job=event.get("key"), step=event.get("step"))
    return steps.run(event)
