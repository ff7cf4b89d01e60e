"""Run inside an image build: byte-compile folders and set the same time on all files, for reproducible builds.

    python3 finish.py FOLDER...

Each FOLDER is copied to the root of the image, so the byte code refers to the files by their final paths.
"""

from __future__ import annotations

import compileall
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from py_compile import PycInvalidationMode

# The earliest time that ZIP files can represent, common in reproducible builds.
TIME = 315_532_800


def finish(folder: Path) -> None:
    """Byte-compile a folder, then set the time of all files in it."""
    # Invalidation by unchecked hash: no timestamp in the byte code, and no check on import.
    # One process per folder: the byte code can depend on the order of compilation.
    compiled = compileall.compile_dir(
        folder,
        quiet=1,
        maxlevels=99,
        stripdir=str(folder),
        prependdir="/",
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
    if not compiled:
        raise SystemExit(f"{folder} contains Python files that do not compile")
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (TIME, TIME), follow_symlinks=False)


def main(*folders: str) -> None:
    """Finish the folders in parallel, each in a new process."""
    with ProcessPoolExecutor(max_tasks_per_child=1) as pool:
        list(pool.map(finish, map(Path, folders)))


if __name__ == "__main__":
    main(*sys.argv[1:])
