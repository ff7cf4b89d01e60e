"""The code that every skysort function shares; AWS mounts it at /opt/python."""

__version__ = "0.1.0"

# The CloudWatch namespace of every metric; named here, so that infra need not import what writes them.
METRICS_NAMESPACE = "skysort"
