"""Run inside an image build: install each target's locked packages into a folder of its own, two at a time.

python3 install.py FOLDER LOCK...

A lock stands as <function>/requirements.txt for the target <function>, or as <function>/requirements-drop.txt for
<function>-drop.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The lock names every package with its hashes; nothing is resolved, built or fetched beyond it.
PIP = ("-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile")


def target_of(lock: Path) -> str:
    """star/requirements-drop.txt -> star-drop."""
    return lock.parent.name + lock.stem.removeprefix("requirements")


def install(lock: Path, folder: Path) -> int:
    """Install one lock; pip's exit status."""
    command = [sys.executable, *PIP, "--target", str(folder / target_of(lock)), "-r", str(lock)]
    return subprocess.run(command, check=False).returncode


def main(folder: str, *locks: str) -> None:
    """Install them all; exit with the first failure."""
    with ThreadPoolExecutor(2) as pool:
        if any(list(pool.map(lambda lock: install(Path(lock), Path(folder)), locks))):
            raise SystemExit("pip could not install the locked packages; its own message stands above")


if __name__ == "__main__":
    main(*sys.argv[1:])
