"""The code that every skysort function shares; AWS mounts it at /opt/python."""

__version__ = "0.1.0"
