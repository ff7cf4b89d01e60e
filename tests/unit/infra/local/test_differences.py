"""What infra/README.md says of the local stack's differences is what its settings are."""

from __future__ import annotations

import dataclasses
import re

import pytest

from infra import ROOT
from infra.local.gateway import HEAD_BYTES, LONGEST_ADDRESS
from infra.local.settings import parse
from infra.stages.deployments import dev, local, prod
from infra.stages.stage import LocalLimits

TABLE = re.compile(r"<!-- local: .*? -->\n(.*?)\n<!-- end -->", re.DOTALL)


def rows() -> list[list[str]]:
    """The table's cells, without its head."""
    found = TABLE.search((ROOT / "infra" / "README.md").read_text(encoding="utf-8"))
    assert found is not None
    _, _, *lines = found[1].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def row(beginning: str) -> list[str]:
    (found,) = [cells for cells in rows() if cells[0].startswith(beginning)]
    return found


def test_every_local_limit_has_a_row_with_its_value() -> None:
    named = re.findall(r"`(\w+)=([^`]+)`", " ".join(cells[3] for cells in rows()))
    assert dict(named) == {field.name: repr(field.default) for field in dataclasses.fields(LocalLimits)}


def test_the_local_stage_has_these_limits_unless_a_run_says_otherwise() -> None:
    assert local(2).limits == parse([], {}).stage().limits == LocalLimits()


@pytest.mark.parametrize(("limit", "number"), [("a request line", HEAD_BYTES), ("a request line", LONGEST_ADDRESS)])
def test_the_limits_of_a_request_are_the_gateways(limit: str, number: int) -> None:
    assert f"{number:,}" in " ".join(row(limit))


def test_queues_differ_by_their_windows_and_concurrency_alone() -> None:
    # Given the queues of a stage in AWS, and here
    here = {queue.model.name: queue for queue in local(2).drop_queues}
    for stage in (dev(), prod()):
        for queue in stage.drop_queues:
            own = here[queue.model.name]
            as_here = dataclasses.replace(
                queue,
                stage="local",
                batching_window_s=own.batching_window_s,
                maximum_concurrency=own.maximum_concurrency,
            )
            # Then the rest is the same: sizes of batches, visibility timeouts, deliveries, folders
            assert own == as_here
        assert f"{stage.drop_queues[0].batching_window_s} s ({stage.name})" in row("batching window")[2]
    assert {queue.batching_window_s for queue in here.values()} == {0}
