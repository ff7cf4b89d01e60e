"""The memory that a CSV takes does not grow with its rows."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024

# A table as a stream, and a result that is counted and dropped: only the way between takes memory.
PROGRAM = """
import sys
from pathlib import Path
from skysort.star.model import StarModel
from skysort.gzip_stream import GzipSink
from skysort.star.tables.classifier import TableClassifier
from tests.fakes.tables import HEADER, ROW, row
from tests.peak_memory import peak_kib

class Nowhere:
    def write(self, data): pass

rows = int(sys.argv[2])
model = StarModel.load(Path(sys.argv[1]))
piece = (ROW + "\\n").encode() * 998 + (row(u="x") + "\\n" + row(redshift="") + "\\n").encode()
content = [(HEADER + "\\n").encode(), *[piece] * (rows // 1000)]
report = TableClassifier(model).classify_blocks(content, lambda *_: GzipSink(Nowhere()))
assert report.summary["rows"]["total"] == rows, report
print(peak_kib())
"""


def peak_kib(folder: Path, rows: int) -> int:
    command = [sys.executable, "-c", PROGRAM, str(folder), str(rows)]
    environment = {"PYTHONPATH": f"{ROOT / 'layers'}:{ROOT}", "PATH": "/usr/bin"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    return int(done.stdout)


def test_five_times_the_rows_take_the_same_memory(star_folder: Path) -> None:
    few, many = peak_kib(star_folder, 200_000), peak_kib(star_folder, 1_000_000)
    # The larger table is 250 MB as text, in and out.
    assert many - few < 24 * MIB, f"{few} KiB for 200,000 rows, {many} KiB for 1,000,000"
