"""Run inside an image build: leave only what serving needs of the installed packages, and find what images share.

    python3 packages.py FOLDER

FOLDER/<target> holds the packages of each target, as pip installed them. What no target imports is removed; then
every file goes into the first folder below that all targets of its row have it in, so that their images hold it as
one layer:

    FOLDER/common      all targets
    FOLDER/numeric     all but control
    FOLDER/aws         all but star
    FOLDER/stars       star, star-drop
    FOLDER/pictures    galaxy, image
    FOLDER/<target>    what is left
"""

from __future__ import annotations

import filecmp
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = {
    "common": ("control", "star", "star-drop", "galaxy", "image"),
    "numeric": ("star", "star-drop", "galaxy", "image"),
    "aws": ("control", "star-drop", "galaxy", "image"),
    "stars": ("star", "star-drop"),
    "pictures": ("galaxy", "image"),
}
# Whose interface descriptions boto3 keeps: the services that a function calls.
SERVICES = ("cloudwatch", "codedeploy", "iam", "lambda", "s3")
# All that is kept of a package. The booster is called through its library alone (skysort.star.booster).
KEPT = {"xgboost": ("__init__.py", "lib", "VERSION")}

# What only building against a package, or checking types with it, needs; and lists of files that no longer hold.
DEVELOPMENT = (
    "*.dist-info/RECORD",
    "*.pyi",
    "*.pyx",
    "*.pxd",
    "*.pxi",
    "*.h",
    "*.hpp",
    "*.c",
    "*.cc",
    "*.cpp",
    "*.a",
    "*.lib",
    "*.f90",
)
UNUSED = (
    "bin",
    "numpy/f2py",
    "numpy/typing/tests",
    "onnxruntime/backend",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    # For programs in C; Python's module has all of it inside.
    "onnxruntime/capi/libonnxruntime.so*",
    # Arrow beyond Parquet files: other files and file systems, data sets, remote procedures, query plans.
    "pyarrow/include",
    "pyarrow/*flight*",
    "pyarrow/*gandiva*",
    "pyarrow/*s3*",
    "pyarrow/*.so.[0-9]*.[0-9]*",
    "pyarrow/libarrow_python*.so",
    "pyarrow/src",
    *(
        f"pyarrow/_{name}.*"
        for name in (
            "acero", "azurefs", "dataset", "dataset_orc", "dataset_parquet", "dataset_parquet_encryption",
            "feather", "gcsfs", "hdfs", "json", "orc", "parquet_encryption", "pyarrow_cpp_tests", "substrait",
        )
    ),
    "pyarrow/libarrow_python_parquet_encryption*",
)  # fmt: skip


def unused(packages: Path) -> Iterator[Path]:
    """What serving does not import, folder before content."""
    for pattern in UNUSED:
        yield from packages.glob(pattern)
    for module, kept in KEPT.items():
        yield from (path for path in packages.glob(f"{module}/*") if path.name not in kept)
    for data in ("boto3/data", "botocore/data"):
        yield from (path for path in packages.glob(f"{data}/*") if path.is_dir() and path.name not in SERVICES)
    yield from packages.rglob("tests")
    for pattern in DEVELOPMENT:
        yield from packages.rglob(pattern)


def prune(packages: Path) -> None:
    """Remove what serving does not import."""
    for path in list(unused(packages)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def share(root: Path) -> None:
    """Move what all targets of a row have alike into the row's folder."""
    for name, targets in SHARED.items():
        (root / name).mkdir()
        first, *others = (root / target for target in targets)
        for path in sorted(first.rglob("*")):
            inner = path.relative_to(first)
            if path.is_file() and all(
                (other / inner).is_file() and filecmp.cmp(path, other / inner, shallow=False) for other in others
            ):
                target = root / name / inner
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
                for other in others:
                    (other / inner).unlink()
    for folder in sorted(root.rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()) and folder.parent != root:
            folder.rmdir()


def main(folder: str) -> None:
    """Prune, then share."""
    root = Path(folder)
    for target in SHARED["common"]:
        prune(root / target)
    share(root)


if __name__ == "__main__":
    main(*sys.argv[1:])
