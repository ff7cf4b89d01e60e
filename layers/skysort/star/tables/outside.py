"""Faults of what stands around a table's reader, told apart from the reader's own.

A reader calls the model and the sink from within its library's code, and is fed by the store. What any of these raises
passes through the guard around the reader, where it would look like the file's fault; remembered here, it can be
raised again outside.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from skysort.drop.files import Sink


class Outside:
    """Remembers the first exception of what stands around a reader.

    Attributes
    ----------
    fault
        That exception, None while there was none.
    """

    def __init__(self) -> None:
        self.fault: Exception | None = None

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around a call from the reader to what stands around it."""
        try:
            yield
        except Exception as error:
            self.fault = self.fault or error
            raise

    def blocks(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The same blocks; an exception of whoever gives them is remembered."""
        with self.call():
            stream = iter(blocks)
        while True:
            with self.call():
                block = next(stream, None)
            if block is None:
                return
            yield block

    def sink(self, sink: Sink) -> Sink:
        """The same sink; an exception of its is remembered."""
        return _WatchedSink(sink, self)


class _WatchedSink:
    def __init__(self, sink: Sink, outside: Outside) -> None:
        self._sink = sink
        self._outside = outside

    def write(self, data: bytes | memoryview) -> None:
        with self._outside.call():
            self._sink.write(data)
