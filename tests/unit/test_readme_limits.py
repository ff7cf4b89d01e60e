"""The README's table of limits says what the code enforces."""

from __future__ import annotations

import re
from pathlib import Path

from skysort import limits

README = Path(__file__).resolve().parents[2] / "README.md"
UNITS = {"MiB": limits.MIB, "GiB": 1024 * limits.MIB, "s": 1, "": 1}


def test_every_limit_in_the_readme_is_the_codes_own_and_none_is_missing() -> None:
    # Given the README's rows of the form | what | value | `NAME`, `NAME` |
    rows = re.findall(r"^\| [^|]+ \| ([\d,.]+) ?(\w*) \| ((?:`[A-Z_]+`(?:, )?)+) \|$", README.read_text(), re.MULTILINE)
    told = {
        name: float(number.replace(",", "")) * UNITS[unit]
        for number, unit, names in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    # Then they are the limits, all of them
    enforced = {name: float(value) for name, value in vars(limits).items() if name.isupper() and name != "MIB"}
    assert told == enforced
