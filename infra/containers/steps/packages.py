"""Run inside an image build: sort the installed packages into the layers that images share, without what none imports.

    python3 packages.py INSTALLED LAYERS

INSTALLED is where pip put the packages of all functions; LAYERS/<layer> gets those of one layer.
"""

from __future__ import annotations

import re
import shutil
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A distribution goes, with what it requires, into the first layer that asks for it; which images have which layers,
# functions/Dockerfile says.
LAYERS = {
    "common": ("aws-lambda-powertools", "awslambdaric", "pybase64", "pydantic"),
    "aws": ("boto3",),
    "numeric": ("numpy",),
    "stars": ("xgboost-cpu",),
    "tables": ("pyarrow",),
    "pictures": ("multipart", "onnxruntime", "pi-heif", "pillow"),
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


def canonical(name: str) -> str:
    """The one spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(name: str, installed: Mapping[str, Distribution]) -> Iterator[str]:
    """A distribution's name and the names of all that it requires, as far as the lock has them."""
    if name in installed:
        yield name
        for requirement in installed[name].requires or ():
            if "extra ==" not in requirement:
                yield from closure(canonical(re.split(r"[^\w.-]", requirement)[0]), installed)


def layers_of(installed: Mapping[str, Distribution]) -> dict[str, str]:
    """The layer of each distribution; exits where a layer asks for what is not there, or none for what is."""
    placed: dict[str, str] = {}
    for layer, roots in LAYERS.items():
        if absent := set(roots) - set(installed):
            raise SystemExit(f"functions/requirements.txt lacks {', '.join(sorted(absent))} of the layer {layer}")
        for root in roots:
            for name in closure(root, installed):
                placed.setdefault(name, layer)
    if unclaimed := set(installed) - set(placed):
        raise SystemExit(f"no layer needs {', '.join(sorted(unclaimed))} of functions/requirements.txt")
    return placed


def share(source: Path, root: Path) -> None:
    """Move the files of every distribution into the folder of its layer."""
    installed = {canonical(one.name): one for one in distributions(path=[str(source)])}
    for name, layer in layers_of(installed).items():
        for file in installed[name].files or ():
            # Programs lie beside the packages, and are left behind.
            if file.parts[0] != "..":
                target = root / layer / file
                target.parent.mkdir(parents=True, exist_ok=True)
                (source / file).rename(target)


def main(installed: str, layers: str) -> None:
    """Share, then prune."""
    share(Path(installed), Path(layers))
    for layer in LAYERS:
        prune(Path(layers, layer))


if __name__ == "__main__":
    main(*sys.argv[1:])
