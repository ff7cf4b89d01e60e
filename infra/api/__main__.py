"""`python -m infra.api`: write the OpenAPI document and its page; with --check, verify that they are current."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Final

from infra import ROOT
from infra.api.document import ContractError, build
from infra.api.page import render
from skysort.http.headers import DOCUMENT, PAGE

FOLDER: Final = ROOT / "functions" / "control"


def files() -> dict[str, str]:
    """Contents of the files by name; raises ContractError."""
    document = build()
    return {DOCUMENT: json.dumps(document, indent=1, ensure_ascii=False) + "\n", PAGE: render(document)}


def main() -> int | str:
    """Write or check; returns the exit status or an error message."""
    parser = argparse.ArgumentParser(prog="python -m infra.api", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    check = parser.parse_args().check
    try:
        contents = files()
    except ContractError as error:
        return f"contract: {error}"
    stale = [name for name, text in contents.items() if (FOLDER / name).read_text("utf-8") != text]
    if check and stale:
        return f"contract: {', '.join(stale)} in {FOLDER} not current; run `make openapi`"
    for name in stale:
        (FOLDER / name).write_text(contents[name], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
