"""Faults of the infrastructure: a killed sandbox, a stopped one, a queue that delivers again. No file is ever lost."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from infra.local.running_stack import StartedStack, started_stack
from skysort.limits import DROP_ALONE_RECEIVES
from tests.bench.table_end_to_end import survey_like_csv
from tests.e2e.conftest import RUN_PYTHON
from tests.e2e.drop import DropFolder
from tests.factories import EXAMPLE_ROW

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.end_to_end
ROWS = 300_000
# Several times what the table takes on a busy machine, and short enough to be waited for once.
TIMEOUT_S = 15


@pytest.fixture(scope="module")
def faulty() -> Iterator[StartedStack]:
    """A stack of its own whose drop function times out soon, so that a timeout can be waited for."""
    with started_stack("--timeout", f"star-drop={TIMEOUT_S}", "--redelivery", "1", python=RUN_PYTHON) as stack:
        yield stack


@pytest.fixture(scope="module")
def folder(faulty: StartedStack) -> DropFolder:
    return DropFolder(faulty)


def sandbox_pids(stack: StartedStack, function: str) -> list[int]:
    state = json.loads((stack.state / "state.json").read_text())
    pids: list[int] = state["sandboxes"][function]
    return pids


def taken_along(stack: StartedStack, function: str) -> int:
    """How many invocations ended with their sandbox."""
    return (stack.state / "logs" / f"{function}.log").read_text().count("Runtime.ExitError")


def children(pid: int) -> list[int]:
    """The processes that a process has started; none once it has ended."""
    with suppress(OSError):
        found = list(Path(f"/proc/{pid}/task").glob("*/children"))
        return [int(child) for path in found for child in path.read_text().split()]
    return []


def is_connected(pid: int) -> bool:
    """Whether a process has a socket open; what it closes while it is looked at counts as none."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if str(descriptor.readlink()).startswith("socket:"):
                return True
    return False


def kill(pid: int) -> None:
    """End a process, unless it has ended by itself."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_for_another_sandbox(stack: StartedStack, function: str, old: list[int]) -> None:
    deadline = time.monotonic() + 2 * TIMEOUT_S
    while not set(sandbox_pids(stack, function)) - set(old):
        assert time.monotonic() < deadline, f"{function} was not started again"
        time.sleep(0.05)


def assert_one_complete_result(folder: DropFolder, name: str, rows: int) -> None:
    summary = folder.summary(name)
    assert summary["rows"]["total"] == rows
    assert folder.result(name).count(b"\n") == summary["rows"]["classified"] + 1
    assert set(folder.written(name).values()) == {1}
    assert folder.drained()
    assert folder.waiting(folder.dead_letters) == 0


def test_a_sandbox_killed_in_the_middle_of_a_table(faulty: StartedStack, folder: DropFolder) -> None:
    # Given a sandbox that has begun a large table
    pids = sandbox_pids(faulty, "star-drop")
    folder.put("killed/survey.csv", survey_like_csv(ROWS))
    while not folder.in_flight():
        time.sleep(0.02)
    time.sleep(0.2)
    assert folder.written("killed/survey.csv") == {}
    # When it is killed
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    # Then the message comes again and the table has its one result
    assert_one_complete_result(folder, "killed/survey.csv", ROWS)
    assert not set(sandbox_pids(faulty, "star-drop")) & set(pids)


def test_a_table_that_took_its_sandbox_along_twice_is_tried_alone_and_refused_once_it_ends_that_as_well(
    faulty: StartedStack, folder: DropFolder
) -> None:
    # Given a table whose sandbox is killed while it works on it, twice
    before = taken_along(faulty, "star-drop")
    folder.put("poison/survey.csv", survey_like_csv(ROWS))
    for turn in range(1, DROP_ALONE_RECEIVES):
        while taken_along(faulty, "star-drop") < before + turn:
            time.sleep(0.3)
            for pid in sandbox_pids(faulty, "star-drop"):
                kill(pid)
    # When the process that it is tried in then is killed, too
    while not (tried := [child for pid in sandbox_pids(faulty, "star-drop") for child in children(pid)]):
        time.sleep(0.02)
    pids = sandbox_pids(faulty, "star-drop")
    (child,) = tried
    while not is_connected(child):  # to the table
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    # Then it has its error record, the sandbox goes on, and the next table has its result
    assert folder.error("poison/survey.csv")["type"].endswith("limit-exceeded")
    folder.put("poison/other.csv", survey_like_csv(1_000))
    assert_one_complete_result(folder, "poison/other.csv", 1_000)
    assert sandbox_pids(faulty, "star-drop") == pids


def test_a_sandbox_that_hangs_times_out_once(faulty: StartedStack, folder: DropFolder) -> None:
    # Given a stopped sandbox, which takes a batch and does not answer
    pids = sandbox_pids(faulty, "star-drop")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    # When a table is dropped
    folder.put("hangs/survey.csv", survey_like_csv(1_000))
    wait_for_another_sandbox(faulty, "star-drop", pids)
    # Then the sandbox was replaced after the function's timeout and the table has its one result
    assert_one_complete_result(folder, "hangs/survey.csv", 1_000)


def test_a_killed_api_sandbox_costs_its_own_request_at_most(faulty: StartedStack) -> None:
    before = sandbox_pids(faulty, "star")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_for_another_sandbox(faulty, "star", before)
    assert httpx.post(f"{faulty.api}/v1/classify/star", json=EXAMPLE_ROW, timeout=30).status_code == 200
