"""The service: functions, HTTP API, drop folder, trainings, bulk jobs and monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from infra.constructs.api import HttpApi
from infra.constructs.brake import BudgetBrake, FloodBrake, StopPolicy
from infra.constructs.bulk import BulkJobs
from infra.constructs.drop_folder import DropFolder
from infra.constructs.encryption import allow_key
from infra.constructs.firewall import WebFirewall
from infra.constructs.function import ModelFunction
from infra.constructs.metrics import ApiMetrics
from infra.constructs.network import IsolatedNetwork, connect
from infra.constructs.observability import Observability
from infra.constructs.roll_out import RollOut
from infra.constructs.trained_models import TrainedModels
from infra.constructs.trainings import Trainings
from infra.stacks.base import StageStack

if TYPE_CHECKING:
    import aws_cdk as cdk

    from infra.stages.stage import AwsStage


class ServiceStack(StageStack):
    """skysort-service-<stage>: a single stack, which exports the API's id to the page's, and nothing else."""

    def __init__(
        self, scope: Construct, id_: str, *, stage: AwsStage, environment: cdk.Environment | None = None
    ) -> None:
        super().__init__(scope, id_, stage=stage, description=f"skysort, stage {stage.name}", environment=environment)
        self.functions = {
            name: ModelFunction(self, name, stage=stage, settings=settings)
            for name, settings in stage.functions.items()
        }
        self.drop_folder = DropFolder(
            self,
            "DropFolder",
            stage,
            self.functions,
            # A page at CloudFront's own domain is known only once deployed: infra/commands/publish.py allows it then.
            origins=stage.page_origins,
        )
        self.models = TrainedModels(
            self,
            "TrainedModels",
            stage=stage,
            functions=self.functions,
            drop_bucket=self.drop_folder.drop_bucket_name,
            logs=self.drop_folder.buckets.logs,
        )
        self.trainings = Trainings(
            self, "Trainings", stage=stage, functions=self.functions, bucket=self.models.bucket_name
        )
        self.bulk = BulkJobs(
            self,
            "Bulk",
            stage=stage,
            functions=self.functions,
            drop_bucket=self.drop_folder.drop_bucket_name,
            results_bucket=self.drop_folder.results_bucket_name,
        )
        self._isolate(stage)
        self.api = HttpApi(self, "Api", stage=stage, functions=self.functions)
        if stage.api.firewall:
            WebFirewall(self, "Firewall", stage=stage, settings=stage.api.firewall, api=self.api.rest)
        api_metrics = ApiMetrics(self.api.rest.rest_api_name, stage.name)
        logs = [self.api.access_log, *(function.log_group for function in self.functions.values())]
        self.observability = Observability(
            self,
            "Observability",
            stage,
            api=api_metrics,
            trainings=self.trainings.metrics,
            bulk=self.bulk.executions.metrics,
            logs=logs,
        )
        self._brake(stage)
        self.roll_out = RollOut(self, "RollOut", stage=stage, functions=self.functions)
        allow_key(self, stage)
        self._outputs(stage.api.page_origin)

    def _isolate(self, stage: AwsStage) -> None:
        """Connect the isolated functions of the stage to their own network, and others to its owner's, if given."""
        isolated = [name for name, settings in stage.functions.items() if settings.isolated]
        given = stage.network
        if given is not None and given.function_subnets:
            owners = Construct(self, "OwnersNetwork")
            for name in sorted(stage.functions.keys() - set(isolated)):
                function = self.functions[name]
                connect(owners, stage.function_name(name), function, given.function_subnets, given.function_groups)
        if not isolated:
            return
        folder = self.drop_folder
        network = IsolatedNetwork(
            self,
            "Network",
            stage,
            dropped=folder.drop_bucket_name,
            results=folder.results_bucket_name,
            models=self.models.bucket_name,
        )
        for name in isolated:
            network.connect(name, self.functions[name])

    def _brake(self, stage: AwsStage) -> None:
        """Stop the drop folder at the stage's share of its budget, and within minutes of a flood."""
        operations, observability, folder = stage.operations, self.observability, self.drop_folder
        if observability.alarms is None or (operations.stop_at_percent is None and operations.flood is None):
            return
        stop = StopPolicy(self, "Stop", stage, folder, self.functions, starts=[self.models.requests, self.bulk.starts])
        topic = observability.alarms.topic
        if operations.stop_at_percent is not None and observability.budget is not None:
            percent = operations.stop_at_percent
            BudgetBrake(self, "BudgetBrake", stop=stop, budget=observability.budget, percent=percent, topic=topic)
        if operations.flood is not None:
            FloodBrake(self, "FloodBrake", stage=stage, stop=stop, flood=operations.flood, topic=topic, folder=folder)

    def _outputs(self, origin: str | None) -> None:
        self.output("ApiUrl", self.api.url, "base of the API's paths, /v1/...")
        self.output("DropBucket", self.drop_folder.drop_bucket_name)
        if origin:
            self.output("PageElsewhere", origin, "the page that may call and upload")
        self.output("ResultsBucket", self.drop_folder.results_bucket_name)
        self.output("ModelsBucket", self.models.bucket_name)
        self.output("TrainingMachine", self.trainings.machine.attr_arn)
        self.output("BulkMachine", self.bulk.executions.machine.attr_arn)
        for client, key in self.api.keys.items():
            self.output(
                f"Key{client.title().replace('-', '')}",
                key.key_id,
                f"the key of {client}: aws apigateway get-api-key --include-value --api-key THIS",
            )
