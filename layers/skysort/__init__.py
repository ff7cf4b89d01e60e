"""The code that every skysort function shares; AWS mounts it at /opt/python."""

__version__ = "0.1.0"

# The CloudWatch namespace of every metric; named here, so that infra need not import what writes them.
METRICS_NAMESPACE = "skysort"
# What programs take from here, and functions neither have nor import; __init__.pyi has their types.
_CLIENT = frozenset({"Client", "ClientError", "ProblemError", "ServiceError", "UsageError"})


def __getattr__(name: str) -> object:
    if name in _CLIENT:
        from importlib import import_module  # noqa: PLC0415 - for this alone

        return getattr(import_module("skysort_client"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_CLIENT})  # for completion in notebooks
