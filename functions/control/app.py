"""Health, models, uploads, batches, trainings, bulk jobs, and the contract of every function."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysort.batches.status import BatchStatusService
from skysort.bulk.service import BulkService, Surroundings
from skysort.http.api import serve
from skysort.http.bulk import BulkRoutes
from skysort.http.control import Contract, control_api
from skysort.http.trained import TrainedServices
from skysort.limits import PRESIGNED_S
from skysort.model_card import ModelRegistry
from skysort.models import MODELS
from skysort.observability import Start, logger, metrics
from skysort.registry.catalogue import Catalogue
from skysort.registry.keys import owner_of
from skysort.registry.promotion import Promotions
from skysort.registry.store import S3ModelStore
from skysort.registry.versions import VersionFiles
from skysort.s3.client import S3Client
from skysort.s3.signature import Addressing, Credentials, Signer
from skysort.settings import ControlSettings
from skysort.trainings.service import TrainingService
from skysort.uploads.presigner import UploadPresigner

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

start = Start()
settings = ControlSettings.from_environment(os.environ, Path(__file__).parent)
addressing = Addressing.from_environment(os.environ)
signer = Signer(Credentials.from_environment(os.environ), addressing.region)
s3 = S3Client(addressing, signer)
registry = ModelRegistry(settings.cards_folder)
uploads = UploadPresigner(settings.drop_bucket, addressing, signer, s3)
store = S3ModelStore(s3, settings.models_bucket)
trained = TrainedServices(
    catalogue=Catalogue(store),
    promotions=Promotions(store),
    versions=VersionFiles(store),
    trainings=TrainingService(store, s3, settings.drop_bucket),
)
batches = BatchStatusService(
    s3,
    drop_bucket=settings.drop_bucket,
    results_bucket=settings.results_bucket,
    models=tuple(MODELS),
    addressing=addressing,
    signer=signer,
    trained=lambda client: trained.catalogue.spelled(owner_of(client)),
)
jobs = BulkService(
    S3ModelStore(s3, settings.results_bucket),
    s3,
    Surroundings(
        drop_bucket=settings.drop_bucket,
        results_bucket=settings.results_bucket,
        opened=settings.bulk_sources,
        database=settings.glue_database,
        link=lambda key: signer.url("GET", addressing.locate(settings.results_bucket, key), PRESIGNED_S),
    ),
)
api = control_api(
    registry,
    uploads,
    batches,
    trained,
    BulkRoutes(jobs, trained.check_model),
    contract=Contract(Path(__file__).parent),
    clients=settings.clients,
)
start.done()


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one API Gateway REST proxy event."""
    return serve(api, event, context)
