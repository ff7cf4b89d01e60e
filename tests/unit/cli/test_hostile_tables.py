"""Tables from strangers on the command line: what they name on this machine or elsewhere stays unopened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skysort_cli.exits import Exit
from tests.unit.star_tables.test_votable_scan import DATA, SCHEMES, SECRET, document

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Cli


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("whole", [False, True], ids=["records", "whole table"])
def test_a_votable_from_a_stranger_reads_no_file_of_mine(
    cli: Cli, star_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, *, whole: bool
) -> None:
    # Given
    monkeypatch.setenv("SKYSORT_STAR_MODEL", str(star_folder))
    canary = tmp_path / "credentials"
    canary.write_text(SECRET * 10)
    table, out = tmp_path / "stars.vot", tmp_path / "out.vot"
    table.write_bytes(document(DATA[0].format(url=scheme.format(canary=canary))))

    # When
    ran = cli("classify", "star", table, *(["--out", out] if whole else []))

    # Then
    assert ran.code == Exit.SOME_FAILED
    assert "keeps its rows elsewhere" in ran.out + ran.err
    written = out.read_text("latin-1") if out.exists() else ""
    assert SECRET not in ran.out + ran.err + written
