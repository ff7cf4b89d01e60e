"""What an operator runs: deploy and destroy (cdk), doctor, rollback, publish, redrive, brake, client folders, costs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from infra.stages.functions import StageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class CommandError(Exception):
    """A command cannot go on; the message says why, and what to do."""


def run(main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Run a command on this process's arguments and exit; what is refused ends in one sentence."""
    try:
        sys.exit(main(sys.argv[1:]))
    except (CommandError, StageError) as error:
        sys.exit(str(error))
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"AWS cannot be asked: {described(error)}")


def described(error: BotoCoreError | ClientError) -> str:
    """What AWS or its client says, with the cure where nothing is configured."""
    cure = "; run `aws configure`, or set AWS_PROFILE and AWS_REGION"
    return f"{error}".rstrip(".") + (cure if isinstance(error, NoCredentialsError | NoRegionError) else "")
