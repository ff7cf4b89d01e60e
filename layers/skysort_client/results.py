"""What the client returns, as types; for annotations alone, since they need packages that only functions have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypedDict, final

    from skysort.answers import Item, ModelName, PictureClasses, Problem, StarClasses

    @final
    class Picture(Item, PictureClasses):
        """A classified picture. id: its path, or its number among those of a call."""

        model: ModelName

    @final
    class Star(Item, StarClasses):
        """A classified row."""

        model: ModelName

    @final
    class Failed(TypedDict):
        """An input that the service refused; the others are not affected."""

        id: str
        error: Problem

    Result = Picture | Star
    # A line of a batch's results, as `skysort classify` writes them.
    Record = dict[str, Any]
    Row = Mapping[str, float | str | None]
else:
    Result: TypeAlias = dict[str, Any]
