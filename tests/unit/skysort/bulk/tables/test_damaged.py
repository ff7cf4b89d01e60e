"""Damaged files of every format: refused by the planner, or by the part that reads the slice, and nothing else."""

from __future__ import annotations

import gzip
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skysort.bulk.store import FolderSources
from skysort.bulk.tables.needs import Needs
from skysort.bulk.tables.read import open_slice
from skysort.bulk.tables.split import split_table
from skysort.errors import InputError
from tests.unit.skysort.star.tables.samples import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

FILES: Final = {
    **{str(kind): content for kind, content in SAMPLES.items()},
    **{f"{kind}.gz": gzip.compress(content) for kind, content in SAMPLES.items()},
}


@pytest.mark.parametrize("kind", FILES)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_refused_or_read(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    # Given a file with some bytes changed, and maybe without its end
    content = bytearray(FILES[kind])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "stars").write_bytes(content[: data.draw(st.integers(1, len(content)))])
    sources = FolderSources(tmp_path)
    # When, then
    with suppress(InputError):
        for part in split_table(sources, sources.stat("stars"), Needs(), 300):
            with open_slice(sources, part) as table:
                rows = sum(len(each.measured.photometry) + len(each.refused) for each in table.rows())
            assert part.rows in {None, rows}
