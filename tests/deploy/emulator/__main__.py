"""python -m tests.deploy.emulator: serve the emulated AWS until stopped."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from pathlib import Path

import pytest

from infra import ROOT

SAM = ROOT / ".venv" / "sam"


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.deploy.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=5000, help="on localhost, and on the engine's network")
    parser.add_argument("--registry", default="localhost:5001", help="host:port of the registry that stands in for ECR")
    parser.add_argument("--sam", type=Path, default=SAM, help="the environment of the SAM command line")
    parser.add_argument("--account", default="used", help="its quotas: used, little-memory or new")
    parser.add_argument("--late-logs", metavar="BUCKET", help="gets an access log while it is deleted, once")
    arguments = parser.parse_args()
    # By name: CDK's command line uploads templates to "localhost", and moto finds them by that name alone.
    os.environ["AWS_ENDPOINT_URL"] = f"http://localhost:{arguments.port}"
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"

    # These read the environment when they are imported.
    from tests.deploy.emulator.account import PROFILES, Account  # noqa: PLC0415
    from tests.deploy.emulator.corrections import correct_moto  # noqa: PLC0415
    from tests.deploy.emulator.custom import CustomResource  # noqa: PLC0415
    from tests.deploy.emulator.executions import run_state_machines  # noqa: PLC0415
    from tests.deploy.emulator.registry import image_digest, use_registry  # noqa: PLC0415
    from tests.deploy.emulator.sandboxes import (  # noqa: PLC0415
        HOST,
        Sandboxes,
        bridge_address,
        run_images,
        runtime_emulator,
    )
    from tests.deploy.emulator.server import AwsServer  # noqa: PLC0415

    patch = pytest.MonkeyPatch()
    account = Account(PROFILES[arguments.account], lambda uri: image_digest(uri, arguments.registry))
    account.late_logs[arguments.late_logs] = 1
    correct_moto(patch, account)
    use_registry(arguments.registry)
    CustomResource.address = f"http://{HOST}:{arguments.port}"
    sandboxes = Sandboxes(arguments.registry, arguments.port, runtime_emulator(arguments.sam))
    run_images(patch, sandboxes)
    run_state_machines()
    addresses = ["127.0.0.1", *filter(None, [bridge_address()])]
    servers = [AwsServer(address, arguments.port, [*addresses, HOST]) for address in addresses]
    for server in servers:
        server.start()
    stopped = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopped.set())
    print(f"AWS at {os.environ['AWS_ENDPOINT_URL']}", flush=True)  # noqa: T201
    stopped.wait()
    for server in servers:
        server.stop()
    sandboxes.stop()


if __name__ == "__main__":
    main()
