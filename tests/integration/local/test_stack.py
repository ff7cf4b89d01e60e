"""Starting and stopping all of it: signals, faults of children, and what is said when it cannot start."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from infra import ROOT
from infra.local.running_stack import StackError, StartedStack, started_stack
from tests.integration.local.conftest import PROJECT, clean_environment, eventually, is_alive

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.local.conftest import Local

ARGUMENTS = ("--root", str(PROJECT), "--concurrency", "star=1")


def state(stack: StartedStack) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((stack.state / "state.json").read_text())
    return content


def pids(stack: StartedStack) -> list[int]:
    now = state(stack)
    return [*now["pids"].values(), *(pid for pool in now["sandboxes"].values() for pid in pool)]


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, for starts that fail."""
    command = [sys.executable, "-m", "infra.local", "--port", "0", "--s3-port", "0", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=clean_environment(**environment), capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_every_process_with_exit_code_0(number: signal.Signals) -> None:
    with started_stack(*ARGUMENTS) as stack:
        processes = pids(stack)
        assert len(processes) >= 7  # S3's test events may have started drop functions by now
        stack.process.send_signal(number)
        assert stack.process.wait(10) == 0
        assert not any(map(is_alive, processes))
        assert sorted(path.name for path in stack.state.iterdir()) == ["console.log", "lock", "logs"]


def test_children_die_with_a_stack_that_is_killed() -> None:
    def kill_the_stack() -> None:
        with started_stack(*ARGUMENTS) as stack:
            processes = pids(stack)
            stack.process.kill()
            eventually(lambda: not any(map(is_alive, processes)), "the end of every child")

    with pytest.raises(StackError, match="ended with exit code -9"):
        kill_the_stack()


def test_the_banner_tells_where_everything_is_and_what_to_try(running: Local) -> None:
    shown = eventually(lambda: _console(running.stack, "Ctrl-C"), "the banner")
    assert re.search(r"skysort is ready after \d+\.\d s", shown)
    page, docs = f"page       {running.stack.api}/\n", f"docs       {running.stack.api}/docs "
    for part in (page, docs, running.stack.s3, "incoming/galaxy|image|star/", "skysort-star-drop-local", "logs"):
        assert part in shown


def _console(stack: StartedStack, part: str) -> str | None:
    shown = "\n" + (stack.state / "console.log").read_text()
    return shown if part in shown else None


def test_verbose_shows_reports_of_requests_and_of_dropped_files(running: Local) -> None:
    eventually(lambda: _console(running.stack, "\nstar: REPORT RequestId:"), "a report of a request")
    eventually(lambda: _console(running.stack, "\nstar-drop: REPORT RequestId:"), "a report of a dropped file")


def test_no_drop_starts_no_drop_function() -> None:
    with started_stack(*ARGUMENTS, "--no-drop") as stack:
        assert "star-drop" not in state(stack)["sandboxes"]


def test_without_services_the_stack_stops_with_a_sentence() -> None:
    def kill_the_services() -> None:
        with started_stack(*ARGUMENTS) as stack:
            os.kill(state(stack)["pids"]["services"], signal.SIGKILL)
            stack.process.wait(10)

    sentence = r"ended with exit code 1(.|\n)*skysort: the S3 and queue process ended by itself"
    with pytest.raises(StackError, match=sentence):
        kill_the_services()


@pytest.mark.parametrize("option", ["--port", "--s3-port"])
def test_a_busy_port_is_one_sentence(option: str, running: Local, tmp_path: Path) -> None:
    port = running.state()["http"].rpartition(":")[2]
    ended = start(*ARGUMENTS, option, port, SKYSORT_STATE=str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"skysort: port {port} for ")
    assert f"choose another port with SKYSORT_{'S3_' if 's3' in option else ''}PORT" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_function_that_cannot_start_is_one_sentence(tmp_path: Path) -> None:
    ended = start(*ARGUMENTS, SKYSORT_STATE=str(tmp_path), SKYSORT_TEST_BREAK_IMPORT="1")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == ("skysort: function star cannot start: RuntimeError: the artefact star.ubj is missing\n")


def test_a_wrong_setting_is_one_sentence(tmp_path: Path) -> None:
    ended = start(*ARGUMENTS, "--timeout", "star=99", SKYSORT_STATE=str(tmp_path))
    assert ended.returncode == 1
    assert re.fullmatch(r"skysort: star serves HTTP, and the gateway's timeout is 29 s; .*\n", ended.stderr)


def test_a_state_folder_serves_one_stack_at_a_time(running: Local) -> None:
    ended = start(*ARGUMENTS, SKYSORT_STATE=str(running.stack.state))
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        f"skysort: already running at {running.stack.api} as process {running.stack.process.pid} (state in "
    )
    assert running.http.get("/v1/health").is_success


def test_help_names_settings() -> None:
    shown = start("--help").stdout
    for part in ("--port", "--s3-port", "--stage", "--verbose", "--no-drop", "SKYSORT_PORT", "SKYSORT_STATE", "Ctrl-C"):
        assert part in shown
