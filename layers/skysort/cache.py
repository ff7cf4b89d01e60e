"""A bounded least-recently-used cache of answers, one per sandbox."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

Value = TypeVar("Value")


class AnswerCache(Generic[Value]):
    """Answers by (model, version, options, input); the least recently used is dropped first.

    capacity: entries kept; 0 switches the cache off.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[Hashable, Value] = OrderedDict()

    def __len__(self) -> int:
        """The number of answers kept."""
        return len(self._entries)

    def get(self, key: Hashable) -> Value | None:
        """The answer to an identical earlier input, or None."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: Hashable, value: Value) -> None:
        """Keep an answer, dropping the least recently used one when full."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
