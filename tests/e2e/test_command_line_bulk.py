"""`skysort bulk` as a user has it: a million rows by two processes, one of them killed, and a job of the service."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from infra.local.running_stack import ROOT
from tests.bench.survey import REJECTED_EVERY, write_survey
from tests.e2e.command_line import COMMAND, environment, skysort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.running_stack import StartedStack

pytestmark = pytest.mark.end_to_end
ROWS = 1_000_000
REJECTED = ROWS // REJECTED_EVERY
START_S = 60.0


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("survey") / "survey.csv"
    write_survey(path, ROWS)
    return path


@contextlib.contextmanager
def running(*arguments: object, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command, while it runs."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=ROOT, env=environment(state), stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def a_worker(process: subprocess.Popen[bytes]) -> int:
    """The id of one of the command's processes that classify, once there is one."""
    deadline = time.monotonic() + START_S
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while time.monotonic() < deadline:
        for child in children.read_text("ascii").split():
            # The other child keeps account of what processes share.
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        time.sleep(0.01)
    raise AssertionError("no process was started")


@pytest.mark.needs_data
def test_a_million_rows_are_classified_once_although_a_process_is_killed(survey: Path, tmp_path: Path) -> None:
    # Given a command at work, one of whose processes is killed
    out = tmp_path / "out"
    arguments = ("bulk", "star", survey, "--out", out, "--workers", "2", "--json")
    with running(*arguments, state=tmp_path) as process:
        os.kill(a_worker(process), signal.SIGKILL)
        printed, _ = process.communicate(timeout=120)
    # Then all rows are there, each once, and those that cannot be classified are named
    assert process.returncode == 1
    job: dict[str, Any] = json.loads(printed)
    assert job["phase"] == "done"
    assert job["progress"]["rows"] == {
        "total": ROWS,
        "in": ROWS,
        "out": ROWS - REJECTED,
        "rejected": REJECTED,
        "failed": 0,
    }
    data = Path(job["links"]["data"])
    ids = pq.read_table(data, columns=["id"])["id"]
    assert len(ids) == ROWS - REJECTED
    assert len(ids.unique()) == ROWS - REJECTED
    assert sum(job["progress"]["classes"].values()) == ROWS - REJECTED
    assert (data.parent / "_SUCCESS").is_file()
    # And the same command has nothing left to do
    again = skysort(*arguments, state=tmp_path)
    assert (again.returncode, json.loads(again.stdout)) == (1, job)


def test_the_service_does_the_same_job(stack: StartedStack, tmp_path: Path) -> None:
    table = ROOT / "events" / "stars.csv"
    tolerant = ("bulk", "star", table, "--tolerated-share", "10%", "--json")
    here = skysort(*tolerant, "--out", tmp_path / "out", state=tmp_path)
    there = skysort(*tolerant, "--wait", "--endpoint", stack.api, state=tmp_path)
    # One of its twelve rows has a magnitude that stands for none
    assert (here.returncode, there.returncode) == (1, 1), here.stderr + there.stderr
    jobs = [json.loads(done.stdout) for done in (here, there)]
    assert jobs[0]["progress"]["rows"] == jobs[1]["progress"]["rows"]
    assert jobs[0]["progress"]["classes"] == jobs[1]["progress"]["classes"]
    # And it is listed, and shown by its id
    listed = json.loads(skysort("bulk", "--endpoint", stack.api, state=tmp_path).stdout)
    assert jobs[1]["id"] in [job["id"] for job in listed]
    shown = skysort("bulk", "--job", jobs[1]["id"], "--endpoint", stack.api, state=tmp_path)
    assert json.loads(shown.stdout)["progress"]["rows"] == jobs[1]["progress"]["rows"]


def test_a_plan_starts_nothing_until_it_is_resumed(stack: StartedStack, tmp_path: Path) -> None:
    table = ROOT / "events" / "stars.csv"
    arguments = ("--json", "--endpoint", stack.api)
    chosen = ("--tolerated-share", "0.1", "--plan")
    planned = json.loads(skysort("bulk", "star", table, *chosen, *arguments, state=tmp_path).stdout)
    assert (planned["phase"], planned["plan"]["files"], planned["progress"]["rows"]["in"]) == ("planned", 1, 0)
    done = json.loads(skysort("bulk", "--resume", planned["id"], "--wait", *arguments, state=tmp_path).stdout)
    assert (done["id"], done["phase"]) == (planned["id"], "done")
    refused = skysort("bulk", "--cancel", planned["id"], *arguments, state=tmp_path)
    assert (refused.returncode, "the job has ended" in refused.stderr) == (2, True)
