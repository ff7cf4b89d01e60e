"""python -m infra.emulator: serve the emulated AWS until stopped."""

from __future__ import annotations

import argparse
import os
import signal
import threading


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m infra.emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for containers to reach it")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--registry", default="localhost:5001", help="host:port of the registry that stands in for ECR")
    arguments = parser.parse_args()
    # By name: CDK's command line uploads templates to "localhost", and moto finds them by that name alone.
    os.environ["AWS_ENDPOINT_URL"] = f"http://localhost:{arguments.port}"

    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - reads the environment when it is imported

    from infra.emulator.catalogue import TYPES  # noqa: PLC0415
    from infra.emulator.corrections import correct_moto  # noqa: PLC0415
    from infra.emulator.registry import use_registry  # noqa: PLC0415
    from infra.emulator.resources import register  # noqa: PLC0415

    correct_moto()
    use_registry(arguments.registry)
    register(TYPES)
    server = ThreadedMotoServer(arguments.host, arguments.port, verbose=False)
    server.start()
    stopped = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopped.set())
    stopped.wait()
    server.stop()


if __name__ == "__main__":
    main()
