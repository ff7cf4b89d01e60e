"""Structured logs and metrics: one of each a process, shared by every module of a function."""

from __future__ import annotations

import logging
import os
from typing import Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from skysort import METRICS_NAMESPACE
from skysort.settings import SERVICE_NAME

# The service's name is the function's; every stage sets it.
_service = os.environ.get(SERVICE_NAME, METRICS_NAMESPACE)
logger: Final = Logger(service=_service)
metrics: Final = Metrics(namespace=METRICS_NAMESPACE, service=_service)

# What the domain logs, which knows no Powertools (skysort.guard), comes out among the function's own lines.
_DOMAIN: Final = logging.getLogger("skysort")
if logger.name != _DOMAIN.name:
    copy_config_to_registered_loggers(logger, include={_DOMAIN.name})
