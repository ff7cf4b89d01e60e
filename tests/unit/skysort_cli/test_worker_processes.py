"""Calls in other processes: answered, failed, or killed, and none lost."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from skysort_cli.worker_processes import Answer, WorkerProcesses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from skysort_cli.worker_processes import Work

WAIT_S = 30.0


def fake_work(order: str) -> Work:
    """Doubles numbers; its process can be told to die, once for each file."""

    def double(call: Mapping[str, Any]) -> Mapping[str, Any]:
        marker = call.get("dies")
        if marker and not Path(marker).exists():
            Path(marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if call["number"] < 0:
            raise ValueError(f"{call['number']} is below 0")
        return {"doubled": 2 * call["number"], "order": order, "pid": os.getpid()}

    return double


def not_made(order: str) -> Work:
    raise RuntimeError(f"no {order}")


def done(workers: WorkerProcesses[int], calls: Iterable[Mapping[str, Any]]) -> dict[int, Answer]:
    """All answers by the calls' numbers in order, each call given as soon as a process is free."""
    waiting = dict(enumerate(calls))
    count, answers = len(waiting), dict[int, Answer]()
    while len(answers) < count:
        while waiting and workers.is_free:
            token = min(waiting)
            workers.give(token, waiting.pop(token))
        answers.update(workers.answers(WAIT_S))
    return answers


def test_calls_are_shared_by_the_processes() -> None:
    with WorkerProcesses[int](fake_work, "twice", 2) as workers:
        answers = done(workers, ({"number": number} for number in range(20)))
        assert len(workers.pids) == 2
    assert [answers[number].result["doubled"] for number in range(20)] == [2 * number for number in range(20)]
    assert {answer.result["order"] for answer in answers.values()} == {"twice"}
    assert os.getpid() not in {answer.result["pid"] for answer in answers.values()}


def test_a_call_whose_process_is_killed_is_answered_as_such_and_the_others_are_done(tmp_path: Path) -> None:
    with WorkerProcesses[int](fake_work, "twice", 2) as workers:
        answers = done(workers, [{"number": 1}, {"number": 2, "dies": str(tmp_path / "died")}, {"number": 3}])
        again = done(workers, [{"number": 2, "dies": str(tmp_path / "died")}])
    assert answers[1] == Answer({}, "ProcessEnded", "the process that did it ended with SIGKILL", killed=True)
    assert [answers[number].result["doubled"] for number in (0, 2)] == [2, 6]
    assert again[0].result["doubled"] == 4


def test_a_process_that_was_killed_between_two_calls_costs_one_attempt() -> None:
    with WorkerProcesses[int](fake_work, "twice", 1) as workers:
        assert done(workers, [{"number": 1}])[0].result["doubled"] == 2
        os.kill(workers.pids[0], signal.SIGKILL)
        first = done(workers, [{"number": 2}])[0]
        second = first if first.result else done(workers, [{"number": 2}])[0]
    assert second.result["doubled"] == 4


@pytest.mark.parametrize(
    ("make", "number", "error", "message"),
    [(fake_work, -1, "ValueError", "-1 is below 0"), (not_made, 1, "RuntimeError", "no twice")],
)
def test_an_exception_is_told_by_its_name_and_the_process_goes_on(
    make: Any, number: int, error: str, message: str
) -> None:
    with WorkerProcesses[int](make, "twice", 1) as workers:
        assert done(workers, [{"number": number}])[0] == Answer({}, error, message)
        pids = workers.pids
        again = done(workers, [{"number": 1}])[0]
        assert (bool(again.result), workers.pids) == (make is fake_work, pids)


def test_nothing_is_started_without_a_call_and_nothing_is_left() -> None:
    with WorkerProcesses[int](partial(fake_work), "twice", 4) as workers:
        assert workers.pids == []
        done(workers, [{"number": 1}])
        (pid,) = workers.pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
