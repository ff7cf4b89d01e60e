"""Settings of the local stack, by precedence: command line, environment, defaults."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra import ROOT
from infra.stages.deployments import STAGES
from infra.stages.functions import AllAtOnce, FunctionSettings, OnDemand, Provisioned, StageError
from infra.stages.queues import VISIBILITY_TIMEOUTS
from infra.stages.stage import ACCOUNT_CONCURRENCY, LocalLimits, LocalStage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.stages.queues import DropQueue

PORTS: Final = range(65_536)
# Read here, by the command line or by the tests; every other SKYSORT_ variable is passed to the functions.
OWN_SETTINGS: Final = frozenset(
    {
        "SKYSORT_API_KEY",
        "SKYSORT_DATA",
        "SKYSORT_ENDPOINT",
        "SKYSORT_PORT",
        "SKYSORT_RUN_PYTHON",
        "SKYSORT_S3_PORT",
        "SKYSORT_STATE",
    }
)


class SettingsError(ValueError):
    """An invalid setting; the message names it and the valid values."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a run.

    root: the folder with functions/ and layers/. state: the folder of logs, scratch files and state.json.
    port, s3_port: ports to listen on, 0 for any free port. drop: whether dropped files are processed.
    timeouts, concurrency: by function, overriding the stage's. function_settings: variables for all functions.
    redelivery_s: LocalLimits.redelivery_s.
    """

    root: Path = ROOT
    state: Path = Path(".skysort")
    port: int = 8000
    s3_port: int = 9000
    stage_name: str = "local"
    verbose: bool = False
    drop: bool = True
    redelivery_s: int | None = None
    timeouts: Mapping[str, int] = field(default_factory=dict)
    concurrency: Mapping[str, int] = field(default_factory=dict)
    function_settings: Mapping[str, str] = field(default_factory=dict)

    def stage(self) -> LocalStage:
        """Build the stage for this machine, with the settings of this run; raises SettingsError."""
        # An AWS stage is limited to one sandbox per core, unless a number is given.
        stage = STAGES[self.stage_name]()
        unknown = sorted({*self.timeouts, *self.concurrency} - set(stage.functions))
        if unknown:
            raise SettingsError(f"unknown function {unknown[0]!r}; choose from {', '.join(stage.functions)}")
        limits = stage.limits if isinstance(stage, LocalStage) else LocalLimits()
        cores = None if isinstance(stage, LocalStage) else os.cpu_count() or 1
        try:
            functions = {name: self._changed(name, function, cores) for name, function in stage.functions.items()}
            queues = tuple(self._changed_queue(queue, functions[queue.function]) for queue in stage.drop_queues)
            return LocalStage(
                name=stage.name,
                functions=functions,
                drop_queues=queues,
                drop_bucket=stage.drop_bucket,
                results_bucket=stage.results_bucket,
                models_bucket=stage.models_bucket,
                region=stage.region or LocalStage.region,
                clients=stage.clients,
                bulk_parts={
                    name: min(parts, functions[name].reserved_concurrency or parts)
                    for name, parts in stage.bulk_parts.items()
                },
                bulk_sources=stage.bulk_sources,
                limits=dataclasses.replace(limits, redelivery_s=self.redelivery_s),
            )
        except StageError as error:
            raise SettingsError(str(error)) from error

    def _changed(self, name: str, function: FunctionSettings, cores: int | None) -> FunctionSettings:
        function = dataclasses.replace(function, timeout_s=self.timeouts.get(name, function.timeout_s))
        ahead = function.provisioned
        if name in self.concurrency:
            count = self.concurrency[name]
            ahead = count if ahead else 0
        elif cores is not None:
            count = min(max(ahead, cores), function.reserved_concurrency or ACCOUNT_CONCURRENCY)
        else:
            return function
        return dataclasses.replace(
            function, warm=Provisioned(ahead) if ahead else OnDemand(), reserved_concurrency=count, roll_out=AllAtOnce()
        )

    def _changed_queue(self, queue: DropQueue, function: FunctionSettings) -> DropQueue:
        concurrency = self.concurrency.get(queue.function, queue.maximum_concurrency)
        return dataclasses.replace(
            queue,
            visibility_timeout_s=VISIBILITY_TIMEOUTS * function.timeout_s,
            maximum_concurrency=min(concurrency, function.reserved_concurrency or concurrency),
        )

    def to_json(self) -> str:
        """Serialise the settings for a child process."""
        return json.dumps(dataclasses.asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Parse the output of to_json."""
        values: dict[str, Any] = json.loads(text)
        return cls(**{**values, "root": Path(values["root"]), "state": Path(values["state"])})


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read the command line and the environment; raises SettingsError."""
    parser = _parser()
    options = parser.parse_args(arguments)
    root = Path(options.root).resolve()
    if not (root / "functions").is_dir():
        raise SettingsError(f"{root} has no folder named functions; run from the project's folder or pass --root")
    return Settings(
        root=root,
        state=Path(environment.get("SKYSORT_STATE") or ROOT / ".skysort").resolve(),
        port=_port(options.port, environment, "SKYSORT_PORT", 8000),
        s3_port=_port(options.s3_port, environment, "SKYSORT_S3_PORT", 9000),
        stage_name=options.stage,
        verbose=options.verbose,
        drop=not options.no_drop,
        redelivery_s=_seconds(options.redelivery, "--redelivery"),
        timeouts=_pairs(options.timeout, "--timeout"),
        concurrency=_pairs(options.concurrency, "--concurrency"),
        function_settings={
            name: value
            for name, value in environment.items()
            if (name.startswith("SKYSORT_") and name not in OWN_SETTINGS) or name == "POWERTOOLS_LOG_LEVEL"
        },
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="skysort serve",
        description="Run skysort on this machine: the HTTP API, and an S3 endpoint with a drop folder and its queue.",
        epilog="Environment: SKYSORT_PORT, SKYSORT_S3_PORT, and SKYSORT_STATE for the folder with logs and state.json "
        "(default .skysort); other SKYSORT_ variables go to the functions. Ctrl-C stops everything; S3 and the queue "
        "start empty each time.",
    )
    parser.add_argument("--port", help="port of the HTTP API, 0 for any free one (default 8000)")
    parser.add_argument("--s3-port", help="port of the S3 endpoint, 0 for any free one (default 9000)")
    parser.add_argument("--stage", choices=sorted(STAGES), default="local", help="settings to use (default local)")
    parser.add_argument("--verbose", action="store_true", help="show a REPORT line for every invocation")
    parser.add_argument("--no-drop", action="store_true", help="do not process dropped files")
    parser.add_argument(
        "--timeout", action="append", default=[], metavar="FUNCTION=SECONDS", help="override a function's timeout"
    )
    parser.add_argument(
        "--concurrency", action="append", default=[], metavar="FUNCTION=N", help="override a number of sandboxes"
    )
    parser.add_argument(
        "--redelivery",
        metavar="SECONDS",
        help="for tests: dropped files that failed, or whose sandbox ended, are tried again after this time "
        "(default: as in AWS, 1 s and growing, or 16 minutes)",
    )
    parser.add_argument("--root", default=str(ROOT), help="the folder with functions/ and layers/ (default: here)")
    return parser


def _port(option: str | None, environment: Mapping[str, str], setting: str, default: int) -> int:
    text = option if option is not None else environment.get(setting) or str(default)
    if not text.isdecimal() or int(text) not in PORTS:
        raise SettingsError(f"{setting} must be a port from 0 to {PORTS[-1]} (got {text!r})")
    return int(text)


def _seconds(text: str | None, option: str) -> int | None:
    if text is not None and not text.isdecimal():
        raise SettingsError(f"{option} must be a whole number of seconds (got {text!r})")
    return None if text is None else int(text)


def _pairs(texts: Sequence[str], option: str) -> dict[str, int]:
    pairs = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name or not value.isdecimal() or int(value) < 1:
            raise SettingsError(f"{option} must read like star=2, with a whole number of at least 1 (got {text!r})")
        pairs[name] = int(value)
    return pairs
