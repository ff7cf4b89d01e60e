"""A deployed function: image, role, log group, `live` alias, and its warm strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import ROOT
from infra.constructs.common import (
    KEPT,
    acknowledge,
    bucket_name,
    drop_bucket_name,
    log_group,
    results_bucket_name,
)
from infra.constructs.revision import revision
from infra.constructs.warm import WarmAlias
from infra.containers import DOCKERFILE, context, recipe
from infra.stages.environment import variables
from infra.stages.functions import Provisioned, SnapStart

if TYPE_CHECKING:
    from infra.stages.functions import FunctionSettings
    from infra.stages.stage import Architecture, AwsStage


_PLATFORMS: Final = {"x86_64": ecr_assets.Platform.LINUX_AMD64, "arm64": ecr_assets.Platform.LINUX_ARM64}


def image_code(settings: FunctionSettings, architecture: Architecture) -> lambda_.DockerImageCode:
    """The image of a function, with its handler as command."""
    # The context holds what this image is made of and nothing else, and so decides what changes the asset's hash.
    target, arguments = recipe(settings.image)
    return lambda_.DockerImageCode.from_image_asset(
        str(context(settings.image)),
        file=str(DOCKERFILE.relative_to(ROOT)),
        target=target,
        asset_name=f"skysort-{settings.image}",
        build_args=arguments,
        cmd=[settings.handler],
        platform=_PLATFORMS[architecture],
    )


# Callers invoke this alias only; it moves to a new version once that version is verified.
LIVE: Final = "live"


def logical_id(name: str) -> str:
    """The function's logical id in the template, for `sam local invoke`: star-drop is StarDropFunction."""
    return "".join(part.capitalize() for part in name.split("-")) + "Function"


class ModelFunction(Construct):
    """A deployed function; callers invoke `alias`, `function` is for permissions and variables."""

    def __init__(self, scope: Construct, name: str, *, stage: AwsStage, settings: FunctionSettings) -> None:
        super().__init__(scope, logical_id(name))
        self.name = name
        self.settings = settings
        self.log_group = log_group(self, "Logs", f"/aws/lambda/{stage.function_name(name)}", stage)
        self.variables = variables(
            stage,
            name,
            settings,
            drop_bucket=drop_bucket_name(self, stage),
            results_bucket=results_bucket_name(self, stage),
            models_bucket=bucket_name(self, stage.models_bucket),
            home="/tmp",  # noqa: S108 - Lambda's own, of one sandbox
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log_group.grant_write(self.role)
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            function_name=stage.function_name(name),
            code=image_code(settings, stage.architecture),
            architecture=_ARCHITECTURES[stage.architecture],
            memory_size=settings.memory_mb,
            timeout=cdk.Duration.seconds(settings.timeout_s),
            ephemeral_storage_size=cdk.Size.mebibytes(settings.scratch_mb),
            reserved_concurrent_executions=settings.reserved_concurrency,
            environment=self.variables,
            role=self.role,
            log_group=self.log_group,
            # Lambda itself sends the traces; the function needs no SDK.
            tracing=lambda_.Tracing.ACTIVE,
            # In every stage, for a rollback; deleting the function deletes its versions.
            current_version_options=lambda_.VersionOptions(removal_policy=KEPT),
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if isinstance(settings.warm, SnapStart) else None,
        )
        resource = self.function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)  # noqa: S101 - tells the type checker what it is made of
        resource.override_logical_id(logical_id(name))
        resource.description = f"skysort {name}, stage {stage.name}, revision {revision(resource, self.variables)}"
        # `sam build` reads the metadata of an image asset except the target, which it expects under this key.
        resource.add_metadata("DockerBuildTarget", recipe(settings.image)[0])
        traces = "only PutTraceSegments and PutTelemetryRecords: X-Ray has no resource-level permissions"
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
            WarmAlias(self, "Warm", function=name, alias=self.alias, warm=warm)

    def add_variable(self, name: str, value: str) -> None:
        """Give the function another environment variable, which makes another revision of it."""
        self.variables[name] = value
        self.function.add_environment(name, value)


_ARCHITECTURES: Final = {"x86_64": lambda_.Architecture.X86_64, "arm64": lambda_.Architecture.ARM_64}
