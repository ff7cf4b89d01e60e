"""Run inside an image build: gather the part of Debian that a function needs into a folder of its own.

    python3 system.py FOLDER PACKAGES...

That is the interpreter, its standard library, every shared library that these and the installed packages link to,
certificates, and three programs with which `sam local` sets up its copy of an image. No package manager, no
pip, no compiler, and a third of the bytes. Works alike on the public Python image (/usr/local) and on Debian's own
Python (/usr).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

# `sam local` builds its copy with `RUN mv ... && chmod ...`.
PROGRAMS = ("sh", "mv", "chmod")
# Of the standard library, what serves people at a prompt, or installs, or tests.
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "turtle.py",
    "ensurepip", "venv", "lib2to3", "pydoc_data", "config-*", "EXTERNALLY-MANAGED",
)  # fmt: skip
FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/openssl.cnf",
    "/etc/ld.so.cache",
    "/etc/nsswitch.conf",
    "/etc/debian_version",
    "/usr/lib/os-release",
    "/usr/share/zoneinfo/UTC",
)
LINKS = (
    *("/bin", "/lib", "/lib64", "/sbin", "/etc/os-release", "/etc/localtime"),
    *(f"/usr/lib/ssl/{name}" for name in ("certs", "openssl.cnf", "cert.pem")),
)
USERS = "root:x:0:0:root:/:/bin/sh\nskysort:x:65532:65532:skysort:/tmp:/bin/false\n"
GROUPS = "root:x:0:\nskysort:x:65532:\n"
LINKED = re.compile(r"(?:=> )?(/\S+) \(0x")


def shared_libraries(*roots: Path) -> set[Path]:
    """Where the loader finds what every program and library below these roots links to."""
    found: set[Path] = set()
    for root in roots:
        candidates = [root] if root.is_file() else root.rglob("*.so*")
        for path in candidates:
            if path.is_file() and path.open("rb").read(4) == b"\x7fELF":
                # A library that a wheel brings may find the ones beside it only by way of the module that loads it.
                beside = {**os.environ, "LD_LIBRARY_PATH": str(path.parent)}
                listed = subprocess.run(
                    ["ldd", str(path)], env=beside, capture_output=True, text=True, check=False
                ).stdout
                if "not found" in listed:
                    raise SystemExit(f"{path} links to what is not there:\n{listed}")
                found |= {Path(match) for match in LINKED.findall(listed)}
    return found


def copy_file(path: Path, into: Path) -> None:
    """Copy a file to where it is, below another root, by the resolved name of its folder."""
    target = into / (path.parent.resolve() / path.name).relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target)


def copy_link(path: Path, into: Path) -> None:
    """Copy a symbolic link as one."""
    if path.is_symlink():
        target = into / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.readlink())


def describe_packages(into: Path) -> None:
    """Keep Debian's record and licence of every package that a file came from, for scanners and lawyers."""
    files = [str(path.relative_to(into)) for path in into.rglob("*") if path.is_file() and not path.is_symlink()]
    found = subprocess.run(
        ["dpkg-query", "--search", *(f"/{name}" for name in files)], capture_output=True, text=True, check=False
    ).stdout
    for package in sorted({line.split(":")[0] for line in found.splitlines() if not line.startswith("diversion")}):
        record = subprocess.run(["dpkg-query", "--status", package], capture_output=True, text=True, check=True).stdout
        status = into / "var/lib/dpkg/status.d" / package
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text(record)
        licence = Path("/usr/share/doc", package, "copyright")
        if licence.is_file():
            copy_file(licence, into)


def main(folder: str, *packages: str) -> None:
    """Gather the system."""
    into = Path(folder)
    library = Path(sysconfig.get_path("stdlib"))
    interpreter = Path(sys.executable).resolve()
    programs = [Path(found) for name in PROGRAMS if (found := shutil.which(name))]
    shutil.copytree(library, into / library.relative_to("/"), ignore=LEFT_OUT)
    needed = shared_libraries(interpreter, *programs, into / library.relative_to("/"), *map(Path, packages))
    inside = tuple(map(Path, packages))
    for path in {interpreter, *programs, *needed, *(Path(name) for name in FILES if Path(name).is_file())}:
        if not any(path.is_relative_to(root) for root in inside):
            copy_file(path, into)
    link = into / interpreter.relative_to("/").parent / "python3"
    link.symlink_to(interpreter.name)
    for name in LINKS:
        copy_link(Path(name), into)
    describe_packages(into)
    (into / "etc/passwd").write_text(USERS)
    (into / "etc/group").write_text(GROUPS)
    for name in ("dev", "proc", "sys", "run", "tmp", "var/task", "var/runtime", "opt/python"):
        (into / name).mkdir(parents=True, exist_ok=True)
    (into / "tmp").chmod(0o1777)


if __name__ == "__main__":
    main(*sys.argv[1:])
