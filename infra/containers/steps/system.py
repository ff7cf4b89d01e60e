"""Run inside an image build: copy the part of Debian that a function needs into a folder.

    python3 system.py FOLDER PACKAGES...

That is the interpreter, its standard library, all shared libraries that these and the installed packages link to,
certificates, and three programs used by `sam local` to prepare its copy of an image. No package manager, pip or
compiler, and a third of the size. Works on the public Python image (/usr/local) and on Debian's own Python (/usr).
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
# Parts of the standard library for interactive use, installation or tests.
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
    """The shared libraries that the programs and libraries below these roots link to, by the loader's paths."""
    libraries: set[Path] = set()
    for root in roots:
        candidates = [root] if root.is_file() else root.rglob("*.so*")
        for path in candidates:
            if path.is_file() and path.open("rb").read(4) == b"\x7fELF":
                # A library of a wheel may find those in its folder only through the module that loads it.
                environment = {**os.environ, "LD_LIBRARY_PATH": str(path.parent)}
                output = subprocess.run(
                    ["ldd", str(path)], env=environment, capture_output=True, text=True, check=False
                ).stdout
                if "not found" in output:
                    raise SystemExit(f"{path} links to missing libraries:\n{output}")
                libraries |= {Path(match) for match in LINKED.findall(output)}
    return libraries


def copy_file(path: Path, into: Path) -> None:
    """Copy a file to the same path below another root, with its folder resolved."""
    target = into / (path.parent.resolve() / path.name).relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target)


def copy_link(path: Path, into: Path) -> None:
    """Copy a symbolic link as a link."""
    if path.is_symlink():
        target = into / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.readlink())


def describe_packages(into: Path) -> None:
    """Keep Debian's package record and licence of every package with a copied file, for scanners and licence checks."""
    files = [str(path.relative_to(into)) for path in into.rglob("*") if path.is_file() and not path.is_symlink()]
    owners = subprocess.run(
        ["dpkg-query", "--search", *(f"/{name}" for name in files)], capture_output=True, text=True, check=False
    ).stdout
    for package in sorted({line.split(":")[0] for line in owners.splitlines() if not line.startswith("diversion")}):
        record = subprocess.run(["dpkg-query", "--status", package], capture_output=True, text=True, check=True).stdout
        status = into / "var/lib/dpkg/status.d" / package
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text(record)
        licence = Path("/usr/share/doc", package, "copyright")
        if licence.is_file():
            copy_file(licence, into)


def main(folder: str, *packages: str) -> None:
    """Copy the system."""
    into = Path(folder)
    library = Path(sysconfig.get_path("stdlib"))
    interpreter = Path(sys.executable).resolve()
    programs = [Path(program) for name in PROGRAMS if (program := shutil.which(name))]
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
