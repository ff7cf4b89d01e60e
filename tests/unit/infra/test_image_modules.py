"""Which modules of the shared layer an image gets: what its handlers can import, in each of the ways that they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra import ROOT
from infra.containers.modules import needed

if TYPE_CHECKING:
    from pathlib import Path

MODULES = {
    "__init__.py": "",
    "alone.py": "",
    "http/__init__.py": "",
    "http/api.py": "from skysort import errors",
    "errors.py": "",
    "formats/__init__.py": "from skysort.formats import sniff",
    "formats/sniff.py": "",
    "formats/webp.py": "",
    "formats/gif.py": "import skysort.alone",
}


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A package that is called like ours."""
    for name, source in MODULES.items():
        path = tmp_path / "skysort" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return tmp_path / "skysort"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import json", set()),
        ("import skysort.errors", {"__init__.py", "errors.py"}),
        ("from skysort import errors", {"__init__.py", "errors.py"}),
        # Through another module, with the packages around each.
        (
            "from skysort.http.api import serve",
            {"__init__.py", "http/__init__.py", "http/api.py", "errors.py"},
        ),
        ("def late():\n    import skysort.alone", {"__init__.py", "alone.py"}),
        # A program of its own; a module that is chosen by its name.
        ("run_child('skysort.alone')", {"__init__.py", "alone.py"}),
        (
            "import_module(f'skysort.formats.{name}')",
            {f"formats/{name}.py" for name in ("__init__", "sniff", "webp", "gif")} | {"__init__.py", "alone.py"},
        ),
        # What an annotation alone is made of is never imported.
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from skysort.errors import E", set()),
    ],
)
def test_what_a_handler_imports(source: str, found: set[str], layer: Path, tmp_path: Path) -> None:
    handler = tmp_path / "app.py"
    handler.write_text(source)
    assert {path.relative_to(layer).as_posix() for path in needed([handler], layer)} == found


def test_a_format_s_reader_is_found_by_the_format_s_name() -> None:
    layer = ROOT / "layers" / "skysort"
    found = needed([ROOT / "functions" / "galaxy" / "app.py"], layer)
    assert {layer / "pictures" / "formats" / f"{name}.py" for name in ("webp", "gif", "png", "heif")} <= found
    assert layer / "http" / "control.py" not in found
