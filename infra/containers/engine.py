"""The Docker engine of the machine."""

from __future__ import annotations

import shutil
import subprocess

from infra import ROOT


class ImageError(Exception):
    """An image cannot be built or read; the message gives cause and remedy."""


def docker(*arguments: str) -> str:
    """Run a docker command and return its output; raises ImageError with the end of its error output."""
    program = shutil.which("docker")
    if program is None:
        raise ImageError("docker not found on the path; container images need a Docker engine")
    done = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        complaint = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise ImageError(f"docker {arguments[0]} failed:\n{complaint}")
    return done.stdout
