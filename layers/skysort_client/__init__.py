"""The Python client of a skysort service; `skysort.Client` is its class.

Every call keeps the order of what it is given, tries again what a busy service or a lost connection refused, and raises
a `ClientError`: a `ProblemError` with the problem document where the service refuses an input.
"""

from skysort_cli.exits import ClientError, ProblemError, ServiceError, UsageError
from skysort_client.batch import Batch
from skysort_client.client import Client

__all__ = ["Batch", "Client", "ClientError", "ProblemError", "ServiceError", "UsageError"]
