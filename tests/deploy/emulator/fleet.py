"""A stage's functions as calls in this process, for deployments without an engine.

The release hook is the real one: its code, its samples and its calls. Every other function answers the samples as
recorded, unless a release is broken: then it answers 500, as functions that catch their own exceptions do.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import pytest

from infra import ROOT
from skysort.model_card import ModelRegistry
from skysort.release.aws import Deployment
from skysort.release.hook import ReleaseHook
from skysort.release.verifier import Sample, VersionVerifier, Watcher, read_samples
from skysort.release.warmth import Warmth
from skysort.settings import NEW_VERSIONS
from tests.deploy.emulator.resources import client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.awslambda.models import LambdaFunction

HOOK: Final = "release-hook"
_FUNCTIONS: Final = ROOT / "functions"
_REFERENCE: Final = _FUNCTIONS / "control" / "reference"


class Fleet:
    """Runs functions.

    broken: the digests of images, and the names of functions, that answer 500. invoked: every version that was, in
    order.
    """

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.invoked: list[str] = []

    def invoke(self, function: LambdaFunction, body: bytes, /) -> bytes:
        """Have a function answer an event."""
        event = json.loads(body)
        self.invoked.append(f"{function.function_name}:{function.version}")
        if f"-{HOOK}-" in function.function_name:
            return json.dumps(_hook(function).answer(event)).encode()
        if self.broken & {function.code_sha_256, function.function_name}:
            return json.dumps({"statusCode": 500, "body": '{"title": "Internal Server Error"}'}).encode()
        return json.dumps(_recorded(_name(function.function_name), event)).encode()


def _hook(function: LambdaFunction) -> ReleaseHook:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", function.region)
        deployment, clock = _deployment(function.region)
    return ReleaseHook(
        verifier=VersionVerifier(deployment.invoke, _REFERENCE, _cards()),
        watcher=Watcher(deployment.raised, clock.now, clock.sleep),
        warmth=Warmth(deployment.provisioned, deployment.provision),
        respond=_respond,
        report=deployment.report,
        versions=json.loads(function.environment_vars.get(NEW_VERSIONS, "{}")),
        clock=clock.now,
    )


class _Clock:
    """Minutes that pass as they are asked for: nothing here becomes different by waiting."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        self._now_s += seconds


@cache
def _deployment(region: str) -> tuple[Deployment, _Clock]:  # noqa: ARG001 - of the region that the environment names
    clock = _Clock()
    return Deployment(clock.sleep, clock.now), clock


@cache
def _cards() -> ModelRegistry:
    return ModelRegistry(_FUNCTIONS)


def _respond(url: str, answer: Mapping[str, Any]) -> None:
    """Put the hook's answer where CloudFormation's URL says."""
    bucket, _, key = urlsplit(url).path.lstrip("/").partition("/")
    client("s3", "us-east-1").put_object(Bucket=bucket, Key=unquote(key), Body=json.dumps(answer).encode())


@cache
def _samples(name: str) -> tuple[Sample, ...]:
    return read_samples(_REFERENCE, name)


def _name(function: str) -> str:
    """The name of a function in its stage: of skysort-star-drop-dev, star-drop."""
    stems = sorted((path.stem for path in _REFERENCE.glob("*.json")), key=len)
    return next(stem for stem in reversed(stems) if function.startswith(f"skysort-{stem}-"))


def _recorded(name: str, event: Any) -> Any:
    sample = next(sample for sample in _samples(name) if sample.event == event)
    if sample.status is None:
        return sample.answer
    results = [{"predictions": [{"label": label, "probability": probability}]} for label, probability in sample.best]
    model = {"name": sample.model[0], "version": sample.model[1]} if sample.model else {}
    return {"statusCode": sample.status, "body": json.dumps({"model": model, "results": results})}
