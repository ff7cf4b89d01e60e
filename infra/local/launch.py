"""Starting a sandbox process with the environment, folders and descriptors that Lambda would give it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.stages.environment import variables
from skysort.settings import MEMORY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.report import FunctionLog
    from infra.stages.functions import FunctionSettings
    from infra.stages.stage import LocalStage

ACCOUNT: Final = "123456789012"  # moto's account, and AWS's own example
PROGRAM: Final = Path(__file__).with_name("sandbox.py")


class Lifeline:
    """A pipe whose read end every child holds; it reaches its end when this process ends, even by SIGKILL."""

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe()

    def close(self) -> None:
        """Let go; every child that still runs dies."""
        os.close(self._write_end)
        os.close(self.read_end)


@dataclass(frozen=True, slots=True)
class Launcher:
    """How to start sandboxes of one function.

    root: the folder with functions/ and layers/. endpoint: where S3 and SQS answer, None for AWS's own.
    scratch: a folder in which each sandbox gets a /tmp of its own. overrides: variables that this run sets.
    """

    name: str
    settings: FunctionSettings
    stage: LocalStage
    root: Path
    scratch: Path
    log: FunctionLog
    lifeline: Lifeline
    endpoint: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)

    def environment(self, sandbox: str, initialization: str, temporary: str) -> dict[str, str]:
        """Build the variables of one sandbox: Lambda's own, the stage's, the function's; nothing of the caller's."""
        function = self.stage.function_name(self.name)
        memory = self.settings.memory_mb
        own = {
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "TMPDIR": temporary,
            "PYTHONUTF8": "1",
            "_HANDLER": self.settings.handler,
            "LAMBDA_TASK_ROOT": str(self.root / self.settings.folder),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            MEMORY: str(memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"local/[$LATEST]{sandbox}",
            "AWS_REGION": self.stage.region,
            "AWS_DEFAULT_REGION": self.stage.region,
            # Not a secret: moto accepts any, and boto3 refuses to start without.
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "SKYSORT_LOCAL_FUNCTION_ARN": f"arn:aws:lambda:{self.stage.region}:{ACCOUNT}:function:{function}",
            # A Lambda sandbox sees the cores that its memory buys; here it would see all of the machine's.
            "OMP_NUM_THREADS": str(self.settings.vcpus),
        }
        if self.endpoint is not None:
            own["AWS_ENDPOINT_URL"] = self.endpoint
        given = variables(
            self.stage,
            self.name,
            self.settings,
            drop_bucket=self.stage.drop_bucket,
            results_bucket=self.stage.results_bucket,
            home=temporary,
        )
        return {**own, **given, **self.overrides}

    def start(self, initialization: str) -> tuple[subprocess.Popen[bytes], socket.socket, Path]:
        """Start a process; returns it, our end of its socket, and its scratch folder."""
        ours, theirs = socket.socketpair()
        self.scratch.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=self.scratch))
        try:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-s", str(PROGRAM)),
                    *(str(theirs.fileno()), str(self.lifeline.read_end)),
                    *(str(self.root / "layers"), self.settings.handler),
                ],
                cwd=self.root / self.settings.folder,
                env=self.environment(scratch.name, initialization, str(scratch)),
                stdin=subprocess.DEVNULL,
                stdout=self.log.fileno(),
                stderr=self.log.fileno(),
                pass_fds=(theirs.fileno(), self.lifeline.read_end),
                start_new_session=True,  # Ctrl-C in a terminal reaches the stack only, which then stops the sandboxes
            )
        except OSError:
            ours.close()
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return process, ours, scratch
