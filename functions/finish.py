"""Run inside an image build: byte-compile folders and give every file the same time, so that two builds agree."""

from __future__ import annotations

import compileall
import os
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

# The least that ZIP files can name, as reproducible builds commonly use it.
TIME = 315_532_800


def main(folders: list[str]) -> None:
    """Finish each folder."""
    for folder in map(Path, folders):
        # By hash and never checked: no time stamp in the byte code, and none compared at the start.
        if not compileall.compile_dir(folder, quiet=1, workers=0, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH):
            raise SystemExit(f"{folder} holds Python that does not compile")
        for path in [folder, *folder.rglob("*")]:
            os.utime(path, (TIME, TIME), follow_symlinks=False)


if __name__ == "__main__":
    main(sys.argv[1:])
