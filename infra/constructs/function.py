"""A function as each one of skysort is deployed: image, role, log group and `live` alias, warm as its stage says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.images import image_code
from infra.constructs.reasons import acknowledge
from infra.constructs.retention import log_group, removal
from infra.constructs.warm import WarmAlias
from infra.stages.functions import Provisioned, SnapStart
from skysort import METRICS_NAMESPACE, clients

if TYPE_CHECKING:
    from infra.stages.functions import FunctionSettings
    from infra.stages.stage import Stage

# Callers reach a function by this alias only; it moves to a new version when that version is proven.
LIVE: Final = "live"


def logical_id(name: str) -> str:
    """The function's logical id in the template, which `sam local invoke` takes: star-drop is StarDropFunction."""
    return "".join(part.capitalize() for part in name.split("-")) + "Function"


class ModelFunction(Construct):
    """A deployed function; `alias` is what callers invoke, `function` is for permissions and variables."""

    def __init__(self, scope: Construct, name: str, *, stage: Stage, settings: FunctionSettings) -> None:
        super().__init__(scope, logical_id(name))
        self.name = name
        self.settings = settings
        self.log_group = log_group(self, "Logs", f"/aws/lambda/{stage.function_name(name)}", stage)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log_group.grant_write(self.role)
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            function_name=stage.function_name(name),
            description=f"skysort {name}, stage {stage.name}",
            code=image_code(settings, stage.architecture),
            architecture=_ARCHITECTURES[stage.architecture],
            memory_size=settings.memory_mb,
            timeout=cdk.Duration.seconds(settings.timeout_s),
            ephemeral_storage_size=cdk.Size.mebibytes(settings.scratch_mb),
            reserved_concurrent_executions=settings.reserved_concurrency,
            environment=_environment(name, stage, settings),
            role=self.role,
            log_group=self.log_group,
            # Lambda itself sends the traces; nothing is needed inside the function.
            tracing=lambda_.Tracing.ACTIVE,
            current_version_options=lambda_.VersionOptions(removal_policy=removal(stage)),
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if isinstance(settings.warm, SnapStart) else None,
        )
        resource = self.function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)  # noqa: S101 - tells the type checker what it is made of
        resource.override_logical_id(logical_id(name))
        # `sam build` reads all of an image asset's metadata but the target, for which it has a name of its own.
        resource.add_metadata("DockerBuildTarget", settings.target)
        traces = "PutTraceSegments and PutTelemetryRecords, the only actions on it: X-Ray has no resources to name"
        acknowledge(self.role.node.find_child("DefaultPolicy"), "IAM5[Resource::*]", traces)
        warm = settings.warm
        self.alias = lambda_.Alias(
            self,
            "Live",
            alias_name=LIVE,
            version=self.function.current_version,
            provisioned_concurrent_executions=warm.concurrency if isinstance(warm, Provisioned) else None,
        )
        if isinstance(warm, Provisioned):
            WarmAlias(self, "Warm", alias=self.alias, warm=warm)


_ARCHITECTURES: Final = {"x86_64": lambda_.Architecture.X86_64, "arm64": lambda_.Architecture.ARM_64}


def _environment(name: str, stage: Stage, settings: FunctionSettings) -> dict[str, str]:
    """The variables of every function; a drop folder adds the names of its buckets."""
    return {
        "SKYSORT_STAGE": stage.name,
        clients.SETTING: stage.clients.value,
        # Metrics and logs of two stages in one account are told apart by it.
        "POWERTOOLS_SERVICE_NAME": stage.function_name(name),
        "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
        "POWERTOOLS_LOG_LEVEL": "INFO",
        # Only /tmp can be written to.
        "HOME": "/tmp",  # noqa: S108 - Lambda's own, of one sandbox
        "XDG_CACHE_HOME": "/tmp",  # noqa: S108
        **settings.environment,
    }
