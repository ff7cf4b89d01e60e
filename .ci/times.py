"""What the tests took, as a table by folder: python3 .ci/times.py JUNIT_XML."""

from __future__ import annotations

import sys
from collections import Counter
from xml.etree import ElementTree as ET

SLOWEST = 10


def main(report: str) -> None:
    """Print seconds and tests of each folder, of two levels below tests/unit, and the slowest tests."""
    seconds: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    slowest: list[tuple[float, str]] = []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - what pytest has just written
        module = case.attrib["classname"].split(".")
        folder = "/".join(module[: 3 if module[1] == "unit" else 2])
        seconds[folder] += float(case.attrib["time"])
        tests[folder] += 1
        slowest.append((float(case.attrib["time"]), f"{'/'.join(module)}.py::{case.attrib['name']}"))
    for folder, taken in seconds.most_common():
        print(f"{taken:6.0f} s  {folder} ({tests[folder]} tests)")
    for taken, name in sorted(slowest, reverse=True)[:SLOWEST]:
        print(f"{taken:6.0f} s  {name[:140]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
