"""Structured logs and metrics: one of each a process, shared by every module of a function."""

from __future__ import annotations

import os
from typing import Final

from aws_lambda_powertools import Logger, Metrics

from skysort import METRICS_NAMESPACE

# The service's name is the function's: POWERTOOLS_SERVICE_NAME, which every stage sets.
_service = os.environ.get("POWERTOOLS_SERVICE_NAME", METRICS_NAMESPACE)
logger: Final = Logger(service=_service)
metrics: Final = Metrics(namespace=METRICS_NAMESPACE, service=_service)
