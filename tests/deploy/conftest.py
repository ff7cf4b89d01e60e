"""The dev stage, deployed once a session by the project's own commands into an emulated AWS."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from infra import ROOT
from tests.deploy.formation import ABROAD, REGION, Aws, emulated
from tests.infra.synth import shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

ACCOUNT = "123456789012"
STACKS = ("skysort-service-dev", "skysort-page-dev")
START_S = 60.0
SAM = ROOT / ".venv" / "sam" / "bin" / "sam"


@dataclass(frozen=True, slots=True)
class Account:
    """The emulated account: port is the emulated AWS's, registry the host:port of what stands in for ECR."""

    port: int
    registry: str
    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """What makes command lines and clients use it, and nothing of the person who runs the tests."""
        return {
            "AWS_ENDPOINT_URL": f"http://localhost:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "DOCKER_CONFIG": str(self.folder / "docker"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }

    def client(self, service: str) -> Any:
        """A client of one of its services."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=f"http://localhost:{self.port}",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
        )

    def cdk(self, action: str, *more: str) -> str:
        """Run `make <action> STAGE=dev`, and return what it wrote."""
        return self.command("cdk", action, *more, "--output", str(self.folder / "cdk.out"))

    def command(self, name: str, *more: str) -> str:
        """Run one of the project's commands on dev, and return what it wrote."""
        command = [sys.executable, "-m", f"infra.commands.{name}", *more, "--stage", "dev"]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | self.variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{name} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout + done.stderr

    def resources(self, stack: str) -> list[dict[str, Any]]:
        """The resources of a stack, as CloudFormation lists them."""
        found: list[dict[str, Any]] = self.client("cloudformation").describe_stack_resources(StackName=stack)[
            "StackResources"
        ]
        return found

    def outputs(self) -> dict[str, str]:
        """What the stacks tell their owner, by name."""
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for stack in stacks for output in stack.get("Outputs") or ()}


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An empty account: moto's server with the project's emulator around it, and a registry of images."""
    folder = tmp_path_factory.mktemp("account")
    port, registry_port = free_port(), free_port()
    (folder / "registry.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder / 'registry'}}}}}\n"
        f"http: {{addr: 'localhost:{registry_port}'}}\nlog: {{level: error}}\n"
    )
    program = shutil.which("docker-registry")
    assert program is not None, "mark tests that use this needs_registry"
    registry = [program, "serve", str(folder / "registry.yml")]
    if not SAM.exists():
        subprocess.run(["make", ".venv/sam/.ready"], cwd=ROOT, check=True, capture_output=True)
    emulator = [
        sys.executable,
        "-m",
        "tests.deploy.emulator",
        f"--port={port}",
        f"--registry=localhost:{registry_port}",
        f"--late-logs=skysort-access-logs-dev-{ACCOUNT}-{REGION}",
    ]
    with started(registry, registry_port, folder / "registry.log"), started(emulator, port, folder / "emulator.log"):
        yield Account(port, f"localhost:{registry_port}", folder)


@pytest.fixture(scope="session")
def deployed(account: Account) -> Account:
    """The account with the dev stage in it."""
    account.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    account.cdk("deploy", "--require-approval", "never")
    return account


@pytest.fixture
def aws() -> Iterator[Aws]:
    """An empty account in this process that has been used for a while, bootstrapped in two regions."""
    with emulated(regions=(REGION, ABROAD)) as empty:
        yield empty


@pytest.fixture(scope="session")
def service() -> Callable[[str], Mapping[str, Any]]:
    """The template of a stage's service, by the stage's name."""
    return lambda stage: shared(stage).templates[f"skysort-service-{stage}"]


@pytest.fixture(scope="session")
def page() -> Callable[[str], Mapping[str, Any]]:
    """The template of a stage's page, by the stage's name."""
    return lambda stage: shared(stage).templates[f"skysort-page-{stage}"]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float, log: Path) -> None:
    """Wait until a program listens on its port; stops it, and shows its log, where it does not."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("localhost", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    process.kill()
    raise AssertionError(f"{process.args!r} did not start:\n{log.read_text()[-2000:]}")


class started:  # noqa: N801 - reads as what it is in a with statement
    """A program that listens on a port while the block runs; its log says why where it does not."""

    def __init__(self, command: list[str], port: int, log: Path) -> None:
        self._command, self._port, self._log = command, port, log

    def __enter__(self) -> None:
        """Start it, and wait until it listens."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=log, stderr=log, env=self._environment())
        wait_for(self._port, self._process, START_S, self._log)

    def __exit__(self, *_: object) -> None:
        """Stop it as a person would."""
        self._process.terminate()
        self._process.wait(timeout=60)

    @staticmethod
    def _environment() -> Mapping[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
