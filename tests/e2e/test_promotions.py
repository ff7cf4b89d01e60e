"""A running stack serves whatever version is live, without a restart and without a failed request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.promotions import NAME, NEW_PICTURE, OK, Load, change_versions, publish

if TYPE_CHECKING:
    import httpx

    from infra.local.running_stack import StartedStack

pytestmark = pytest.mark.end_to_end

RATE, CHANGES = 200, 20


def sandboxes(stack: StartedStack) -> list[int]:
    pids: list[int] = json.loads((stack.state / "state.json").read_text())["sandboxes"]["custom"]
    return pids


def test_versions_change_twenty_times_under_load_and_no_request_fails(stack: StartedStack, api: httpx.Client) -> None:
    # Given a model with three versions, of which the first is live
    versions = publish(stack)
    assert api.get(f"/v1/trained/{NAME}").json()["live"] == versions[0]
    assert api.get("/v1/models/custom/ready").status_code == OK
    before = sandboxes(stack)

    # When versions are promoted and rolled back while requests come in, two hundred a second
    with Load(stack.api, RATE) as load:
        changes = change_versions(stack, load, versions, CHANGES)

    # Then each answered within ten seconds, and no request failed
    assert [change.how for change in changes].count("rollback") == CHANGES // 3
    assert len(load.outcomes) > CHANGES * NEW_PICTURE
    assert {outcome.status for outcome in load.outcomes} == {OK}
    # Every version that answered was one of these
    assert {outcome.version for outcome in load.outcomes} == {version[:12] for version in versions}
    # And no sandbox was started anew
    assert before
    assert set(before) <= set(sandboxes(stack))
