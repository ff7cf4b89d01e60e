"""What a large body costs the gateway in page faults, which can be counted where milliseconds vary."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What the gateway holds of a picture of 1.6 MB: the body in pieces, joined, and as base64.
REQUESTS = """
import resource
from infra.local.heap import keep_freed_blocks
{prepare}
def request():
    return bytearray(1_600_000), bytearray(1_600_000), bytearray(2_200_000)
for _ in range(3):
    request()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    request()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 20)
"""


def faults(prepare: str) -> int:
    """Page faults a request."""
    command = [sys.executable, "-c", REQUESTS.format(prepare=prepare)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.needs_glibc
def test_blocks_are_kept_from_one_request_to_the_next() -> None:
    # Given that the heap hands large blocks back, each request takes its memory anew
    assert faults("") > 500
    # Then one that keeps them does not
    assert faults("keep_freed_blocks()") < 20
