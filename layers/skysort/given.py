"""Named values as a form, a query string or a JSON object gives them: a name may stand there more than once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class Repeated(tuple[Any, ...]):
    """The values of a name that was given more than once, in their order."""

    __slots__ = ()


def gathered(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Each name's value, in the order of their first appearance; Repeated for a name with several.

    What several values mean is for the reader of the name: ``labels`` are joined, anything else is refused.
    """
    every: dict[str, list[Any]] = {}
    for name, value in pairs:
        every.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else Repeated(values) for name, values in every.items()}
