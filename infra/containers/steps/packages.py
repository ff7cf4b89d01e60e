"""Run inside an image build: move the installed packages into the layers shared by the images, without unused files.

    python3 packages.py INSTALLED LAYERS

INSTALLED has the packages of all functions, as installed by pip; LAYERS/<layer> gets those of a layer.
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

# A distribution and its requirements go into the first layer that needs them; functions/Dockerfile lists the layers of
# each image.
LAYERS = {
    "common": ("aws-lambda-powertools", "awslambdaric", "pybase64", "pydantic"),
    "aws": ("boto3",),
    "numeric": ("numpy",),
    "stars": ("xgboost-cpu",),
    "tables": ("pyarrow",),
    "pictures": ("multipart", "onnxruntime", "pi-heif", "pillow"),
}
# Services called by functions, whose API descriptions boto3 keeps.
SERVICES = ("cloudwatch", "codedeploy", "glue", "iam", "lambda", "s3", "sqs")
# The only files kept of a package. The booster is called through its library only (skysort.star.booster).
KEPT = {"xgboost": ("__init__.py", "lib", "VERSION")}

# Needed only to build against a package or to check types; and file lists, which are outdated after pruning.
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
    # For C programs; the Python module is statically linked.
    "onnxruntime/capi/libonnxruntime.so*",
    # Arrow beyond Parquet: other file formats and file systems, data sets, RPC, query plans.
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
    """Files and folders not imported when serving, folders before their content."""
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
    """Remove files not imported when serving."""
    for path in list(unused(packages)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def canonical(name: str) -> str:
    """The normalised name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(name: str, installed: Mapping[str, Distribution]) -> Iterator[str]:
    """The names of a distribution and its transitive requirements that are installed."""
    if name in installed:
        yield name
        for requirement in installed[name].requires or ():
            if "extra ==" not in requirement:
                yield from closure(canonical(re.split(r"[^\w.-]", requirement)[0]), installed)


def layers_of(installed: Mapping[str, Distribution]) -> dict[str, str]:
    """The layer of each distribution; exits if a layer's root is not installed, or no layer needs a distribution."""
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
    installed = {canonical(item.name): item for item in distributions(path=[str(source)])}
    for name, layer in layers_of(installed).items():
        for file in installed[name].files or ():
            # Scripts are outside the packages, and are not moved.
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
