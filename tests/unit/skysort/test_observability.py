"""What a function logs: its own lines and the domain's alike, structured."""

from __future__ import annotations

import io
import json
import logging

import pytest

from skysort import observability
from skysort.errors import MalformedInputError
from skysort.guard import reading


def test_a_reader_that_stumbled_is_in_the_functions_log_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given the function's log
    written = io.StringIO()
    assert observability.logger.name, "imported for what it sets up"
    (handler,) = logging.getLogger("skysort").handlers
    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", written)
    monkeypatch.setattr(logging.getLogger("skysort"), "level", logging.INFO)

    # When a reader raises over foreign bytes
    with pytest.raises(MalformedInputError), reading("the GIF picture"):
        raise BufferError("no room")

    # Then a line of JSON says so
    line = json.loads(written.getvalue())
    assert line["message"] == "a reader raised BufferError over the GIF picture"
    assert line["exception_name"] == "BufferError"
