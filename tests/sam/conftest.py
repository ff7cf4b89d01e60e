"""The dev stage built once a session as `make sam` builds it, and an S3 for its functions."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from infra import ROOT
from infra.sam.__main__ import SAM
from tests.deploy.conftest import free_port, wait_for
from tests.deploy.emulator.sandboxes import HOST, bridge_address
from tests.sample_events import DROP_BUCKET, MODELS_BUCKET, REGION, RESULTS_BUCKET, objects, requested, trained

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

START_S = 120.0


@dataclass(frozen=True, slots=True)
class Sam:
    """The SAM command line on a built template; s3 has the buckets that the functions find, at the endpoint."""

    template: Path
    s3: S3Client
    endpoint: str

    def command(self, *arguments: str) -> list[str]:
        """A `sam local` command on this template."""
        options = ["--template", str(self.template), "--skip-pull-image", f"--add-host={HOST}:host-gateway"]
        return [str(SAM), "local", *arguments, *options]

    @contextmanager
    def serving(self, what: str, log: Path) -> Iterator[str]:
        """The address of `sam local start-api` or `start-lambda`; containers stay warm once they are used."""
        port = free_port()
        command = self.command(what, "--port", str(port), "--warm-containers", "LAZY")
        with (
            log.open("wb") as file,
            subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=file, stderr=file) as process,
        ):
            try:
                wait_for(port, process, START_S, log)
                yield f"http://127.0.0.1:{port}"
            finally:
                # As by Ctrl+C it removes its containers then. Not by SIGINT, which whatever a shell started in the
                # background ignores, its children included: the wait would last for as long as it may.
                process.terminate()
                process.wait(timeout=START_S)

    def results(self) -> set[str]:
        """The keys in the results bucket."""
        return {item["Key"] for item in self.s3.list_objects_v2(Bucket=RESULTS_BUCKET).get("Contents", ())}


def environment() -> dict[str, str]:
    """What SAM needs to be told: credentials that mean nothing, and that nobody is to know."""
    own = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "SAM_CLI_TELEMETRY": "0",
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | own


@pytest.fixture(scope="session")
def sam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sam]:
    """What `make sam` leaves, with an S3 that has the sample events' objects."""
    folder = tmp_path_factory.mktemp("sam")
    if not SAM.exists():
        subprocess.run(["make", ".venv/sam/.ready"], cwd=ROOT, check=True, capture_output=True)
    server = ThreadedMotoServer(bridge_address() or "127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    s3 = client("s3", f"http://{host}:{port}")
    for bucket in (DROP_BUCKET, RESULTS_BUCKET, MODELS_BUCKET):
        s3.create_bucket(Bucket=bucket)
    for bucket, held in ((DROP_BUCKET, objects()), (MODELS_BUCKET, trained()), (RESULTS_BUCKET, requested())):
        for key, body in held.items():
            s3.put_object(Bucket=bucket, Key=key, Body=body)
    command = [sys.executable, "-m", "infra.sam", f"--folder={folder / 'build'}", f"--endpoint=http://{HOST}:{port}"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"make sam failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "sam local invoke StarFunction" in done.stdout
    yield Sam(folder / "build" / "template.yaml", s3, f"http://{host}:{port}")
    server.stop()


def client(service: str, endpoint: str) -> Any:
    """A client of a local service."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
