"""The state machine of bulk jobs in the local interpreter and in moto's: same states, same inputs, same outcome.

Of a Distributed Map's items, which are executions of their own, moto keeps no states: their calls are compared. Its Map
tolerates every failed item, whatever ToleratedFailurePercentage says; that none is tolerated is a unit test's.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from infra.state_machine.bulk import CANCELLED, REFUSED, Family, bulk_definition, state_name
from tests.fakes.bulk_functions import BUCKET, FAMILIES, KEY, PARTS_KEY, BulkFunctions
from tests.integration.local.interpreters import in_moto, locally, moto, with_floats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHILDREN = {
    state_name(state, family) for state in ("Part", "Split", "GiveUp", "Refused", "Cancelled") for family in FAMILIES
}


def arn(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:123456789012:function:{name}"


@pytest.fixture(scope="module")
def stepfunctions() -> Iterator[Any]:
    with moto() as client:
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=BUCKET)
        yield client


def definition() -> dict[str, Any]:
    families = {name: Family(arn(name), family.concurrency) for name, family in FAMILIES.items()}
    return bulk_definition(arn("bulk"), families)


@pytest.mark.parametrize(
    ("functions", "last"),
    [
        ({}, "Done"),
        ({"parts": 40}, "Done"),
        ({"family": "galaxy-bulk"}, "Done"),
        ({"planned": True}, "Done"),
        ({"go": "no"}, "Done"),
        ({"go": "finish"}, "Done"),
        ({"family": "poem-bulk"}, "Failed"),
        ({"errors": {"plan": 2, "part 1": 3}, "error": "Runtime.ExitError"}, "Done"),
        ({"errors": {"part 1": 4}, "error": "Runtime.ExitError"}, "Done"),
        ({"errors": {"part 1": 4, "split 1": 4}, "error": "MemoryError"}, "Done"),
        ({"errors": {"part 1": 2}, "error": "Sandbox.Timedout"}, "Done"),
        ({"errors": {"probe": 1}, "error": REFUSED, "outcome": "refused"}, "Refused"),
        ({"errors": {"price": 1}, "error": CANCELLED, "outcome": "cancelled"}, "Cancelled"),
        ({"errors": {"finish": 4}, "error": "MemoryError"}, "Failed"),
        ({"errors": {"plan": 1, "end": 4}, "error": REFUSED}, "RecordEnd"),
    ],
)
def test_both_interpreters_walk_the_same_states_with_the_same_inputs(
    stepfunctions: Any, monkeypatch: pytest.MonkeyPatch, functions: Mapping[str, Any], last: str
) -> None:
    # Given the items of the Map where both read them
    content = BulkFunctions(**functions).parts_json()
    boto3.client("s3", region_name="us-east-1").put_object(Bucket=BUCKET, Key=PARTS_KEY, Body=content)

    async def objects(bucket: str, key: str) -> bytes:
        assert (bucket, key) == (BUCKET, PARTS_KEY)
        return content

    # When
    here = locally(definition(), {"key": KEY}, BulkFunctions(**functions), objects)
    there = in_moto(with_floats(definition()), {"key": KEY}, BulkFunctions(**functions), stepfunctions, monkeypatch)
    # Then
    assert [state for state in here.states if state[0] not in CHILDREN] == there.states
    assert Counter(map(repr, here.calls)) == Counter(map(repr, there.calls))
    assert here.outcome == there.outcome
    assert here.states[-1][0] == last
