"""Finds the rows of a part that end the process that classifies them: by halves, in child processes.

Such a row costs its half, then itself. A child has limits of time and memory, and the search has the time of the
invocation, less what the part itself needs. Rows among which there was no time to search are given up together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skysort.bulk.alone import MODULE, Order
from skysort.bulk.engine import END, Skip
from skysort.bulk.manifest import read_slices
from skysort.bulk.store import SourceChangedError
from skysort.child_process import kill_after, run_child
from skysort.drop.files import sweep_temporary_folders, temporary_folder
from skysort.errors import InfrastructureError
from skysort.limits import DROP_ALONE_MEMORY_SHARE, MIB
from skysort.restrained import DONE, RETRYABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skysort.bulk.commit import Parts, Run
    from skysort.bulk.manifest import PartItem, Slice
    from skysort.child_process import ChildExit
    from skysort.drop.deadline import Deadline

# Seconds of a child beside its rows, and how many times the time is allowed that they took in the probe.
_LEAST_S: Final = 15.0
_TIMES: Final = 6.0
# Share of the invocation that is kept for the part without the rows that were found, where nobody has measured it.
_KEPT: Final = 0.3
_UNKNOWN: Final = "; where several rows are named, they end it together, or there was no time to find out which of them"


def split(parts: Parts, run: Run, item: PartItem, deadline: Deadline, handler: str) -> None:
    """Do a part without the rows that end the process; they are counted as failed.

    Parameters
    ----------
    parts, run, item
        The part.
    deadline
        When the invocation stops.
    handler
        Path of the function's handler module.
    """
    if parts.is_done(run.keys, item.part):
        return
    parts.check_cancelled(run)
    sweep_temporary_folders()
    slices = read_slices(parts.store, item)
    memory = int(parts.engines.memory_mb * MIB * DROP_ALONE_MEMORY_SHARE)
    children = _Children(parts, run, item, handler, memory, slices, deadline)
    skip = Search(slices, children.ends, children.rows, children.has_time).skip()
    reason = children.reason + _UNKNOWN * any(last - first > 1 for of in skip.values() for first, last in of)
    parts.do(run, item, deadline, Skip(skip, reason), slices)


@dataclass(slots=True)
class Search:
    """The search for rows that end a process.

    Attributes
    ----------
    slices
        Of the part.
    ends
        Whether a process ends over some rows of some slices: the places of the slices, and ranges of rows in one.
    rows
        The number of rows of a slice, None if reading alone ends the process.
    has_time
        Whether there is time for another child.
    """

    slices: Sequence[Slice]
    ends: Callable[[Sequence[int], tuple[int, int] | None], bool]
    rows: Callable[[int], int | None]
    has_time: Callable[[], bool]
    found: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def skip(self) -> dict[int, list[tuple[int, int]]]:
        """The rows to leave out, by the place of their slice."""
        places = range(len(self.slices))
        if self.ends(places, None):
            self._slices(places)
        return self.found

    def _slices(self, places: Sequence[int]) -> None:
        """Search slices over which a process ends."""
        if len(places) == 1:
            self._rows_of(places[0])
            return
        middle = len(places) // 2
        halves = [places[:middle], places[middle:]]
        guilty = [half for half in halves if self._guilty(half, None)]
        for half in guilty:
            self._slices(half)
        if not guilty:  # only together
            for place in places:
                self._add(place, 1, END)

    def _rows_of(self, place: int) -> None:
        """Search a slice over which a process ends."""
        rows = self.rows(place) if self.has_time() else None
        if rows is None:
            self._add(place, 1, END)
        elif rows:
            self._range(place, 1, rows + 1)

    def _range(self, place: int, first: int, last: int) -> None:
        """Search rows over which a process ends."""
        if last - first == 1 or not self.has_time():
            self._add(place, first, last)
            return
        middle = (first + last) // 2
        guilty = [each for each in ((first, middle), (middle, last)) if self._guilty([place], each)]
        for each in guilty:
            self._range(place, *each)
        if not guilty:
            self._add(place, first, last)

    def _guilty(self, places: Sequence[int], rows: tuple[int, int] | None) -> bool:
        """Whether a process ends over them; they count as guilty if there is no time to try."""
        return not self.has_time() or self.ends(places, rows)

    def _add(self, place: int, first: int, last: int) -> None:
        """Leave rows out; ranges that touch become one."""
        ranges = self.found.setdefault(place, [])
        if ranges and ranges[-1][1] == first:
            first = ranges.pop()[0]
        ranges.append((first, last))


@dataclass(slots=True)
class _Children:
    """Runs children over rows of a part. reason: why the first of them ended."""

    parts: Parts
    run: Run
    item: PartItem
    handler: str
    memory: int
    slices: Sequence[Slice]
    deadline: Deadline
    reason: str = ""
    _kept_s: float = 0.0

    def __post_init__(self) -> None:
        """Keep time for the part itself."""
        left = self.deadline.left()
        self._kept_s = min(_KEPT * left, _LEAST_S + 2 * self._usual_s(range(len(self.slices))))

    def has_time(self) -> bool:
        """Whether there is time for another child."""
        return self.deadline.left() - self._kept_s > _LEAST_S

    def ends(self, places: Sequence[int], rows: tuple[int, int] | None) -> bool:
        """Whether a process ends over slices, or over a range of rows of one."""
        ranges: dict[int, list[tuple[int, int]]] = {}
        if rows is not None:
            first, last = rows
            ranges[0] = [(1, first), (last, END - 1)]
        child, allowed_s = self._start(places, Skip(ranges, "left out"))
        return self._is_guilty(child, allowed_s)

    def rows(self, place: int) -> int | None:
        """The number of rows of a slice, from its format, or read; None if reading ends the process."""
        known = self.slices[place].rows
        # All rows are left out, but for one that no slice has, so that the slice is read all the same.
        child, allowed_s = self._start([place], Skip({0: [(1, END - 1)]}, "left out"))
        if self._is_guilty(child, allowed_s) or child.answer is None:
            return None
        return int(child.answer["rows"][0]) if known is None else known

    def _start(self, places: Sequence[int], skip: Skip) -> tuple[ChildExit, float]:
        allowed_s = min(max(1.0, self.deadline.left() - self._kept_s), _LEAST_S + _TIMES * self._usual_s(places))
        kill_s = kill_after(allowed_s)
        order = Order(
            self.handler,
            self.run.keys.start(self.run.number),
            self.item.to_document(),
            list(places),
            skip.document(),
            allowed_s,
            kill_s,
            self.memory,
        )
        self.parts.check_cancelled(self.run)
        with temporary_folder() as temporary:
            child = run_child(MODULE, order.encode(), kill_s, temporary, f"part {self.item.part}")
        if not child.answers:
            raise InfrastructureError(f"the process for part {self.item.part} did not start: {child.status}")
        return child, allowed_s

    def _is_guilty(self, child: ChildExit, allowed_s: float) -> bool:
        """Whether rows ended a child; raises SourceChangedError, and InfrastructureError if a store failed."""
        answer = child.answer
        if answer is not None and answer["state"] == DONE:
            return False
        if answer is not None and answer["state"] == RETRYABLE:
            raise InfrastructureError(answer["detail"])
        if answer is not None and answer.get("changed"):
            raise SourceChangedError(answer["detail"])
        self.reason = self.reason or self._why(child, allowed_s)
        return True

    def _why(self, child: ChildExit, allowed_s: float) -> str:
        if child.late:
            return f"it was not done after {allowed_s:,.0f} s in a process of its own"
        if child.answer is not None:
            return str(child.answer["detail"])
        if child.out_of_memory:
            return f"it needs more memory than there is for a process of its own, {self.memory // MIB:,} MiB"
        return f"it ends the process that classifies it ({child.status})"

    def _usual_s(self, places: Sequence[int]) -> float:
        """What slices take, going by the probe and their share of the part's bytes."""
        share = sum(self.slices[place].bytes for place in places) / max(1, sum(each.bytes for each in self.slices))
        return self.run.part_s(self.item) * share
