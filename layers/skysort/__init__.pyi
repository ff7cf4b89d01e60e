from typing import Final

from skysort_client import Client as Client
from skysort_client import ClientError as ClientError
from skysort_client import ProblemError as ProblemError
from skysort_client import ServiceError as ServiceError
from skysort_client import UsageError as UsageError

__version__: Final[str]
METRICS_NAMESPACE: Final[str]
