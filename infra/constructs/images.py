"""The container images: one asset a build target of functions/Dockerfile, so that each is built and pushed once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_

from infra import ROOT
from infra.containers.base_image import BASE_IMAGE_SETTING

if TYPE_CHECKING:
    from infra.stages.functions import FunctionSettings
    from infra.stages.stage import Architecture

DOCKERFILE: Final = "functions/Dockerfile"

_PLATFORMS: Final = {"x86_64": ecr_assets.Platform.LINUX_AMD64, "arm64": ecr_assets.Platform.LINUX_ARM64}


def image_code(settings: FunctionSettings, architecture: Architecture) -> lambda_.DockerImageCode:
    """The code of one function: its target's image, started with its handler.

    The project's .dockerignore says what an image may be made of, and so what changes an asset's hash.
    """
    base = os.environ.get(BASE_IMAGE_SETTING)
    return lambda_.DockerImageCode.from_image_asset(
        str(ROOT),
        file=DOCKERFILE,
        target=settings.target,
        asset_name=f"skysort-{settings.target}",
        build_args={"BASE_IMAGE": base} if base else None,
        cmd=[settings.handler],
        platform=_PLATFORMS[architecture],
    )
