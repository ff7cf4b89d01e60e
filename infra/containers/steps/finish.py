"""Run inside an image build: byte-compile folders and give every file the same time, so that two builds agree.

    python3 finish.py FOLDER...

Each FOLDER is copied to the image's root, so the byte code names the files by where they will be.
"""

from __future__ import annotations

import compileall
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from py_compile import PycInvalidationMode

# The least that ZIP files can name, as reproducible builds commonly use it.
TIME = 315_532_800


def finish(folder: Path) -> None:
    """Byte-compile a folder, then set the time of everything in it."""
    # By hash and never checked: no time stamp in the byte code, and none compared at the start.
    # In one process a folder: the order in which modules are compiled can show in the byte code.
    compiled = compileall.compile_dir(
        folder,
        quiet=1,
        maxlevels=99,
        stripdir=str(folder),
        prependdir="/",
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
    if not compiled:
        raise SystemExit(f"{folder} holds Python that does not compile")
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (TIME, TIME), follow_symlinks=False)


def main(*folders: str) -> None:
    """Finish the folders side by side, each in a fresh process."""
    with ProcessPoolExecutor(max_tasks_per_child=1) as pool:
        list(pool.map(finish, map(Path, folders)))


if __name__ == "__main__":
    main(*sys.argv[1:])
