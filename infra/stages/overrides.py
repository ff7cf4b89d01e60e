"""Settings from tables of text, numbers and tables (TOML), checked by the types of the settings' classes.

A table names what differs from a given object. A key that does not exist and a value of another type raise StageError,
whose message names the nearest key, or the type. `"none"` stands for None, which TOML lacks. A setting of several kinds
has its kind in its table, ``warm = { kind = "provisioned", concurrency = 2 }``, or is the kind alone, ``"on-demand"``.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from infra.stages.api import ApiSettings
from infra.stages.functions import FunctionSettings, StageError
from infra.stages.queues import DropQueue
from infra.stages.stage import AwsStage
from skysort.errors import ConfigurationError
from skysort.models import Model
from skysort.prices import Prices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NONE: Final = "none"
KIND: Final = "kind"
# What the settings' modules import for type checkers alone.
_NAMES: Final = {
    "Mapping": Mapping,
    "ApiSettings": ApiSettings,
    "FunctionSettings": FunctionSettings,
    "Model": Model,
}
# Wiring of the code rather than settings of a stage.
_FIXED: Final[Mapping[type, frozenset[str]]] = {
    AwsStage: frozenset({"name"}),
    FunctionSettings: frozenset({"folder", "handler", "image", "buckets", "signs", "bulk"}),
    DropQueue: frozenset({"model", "stage", "folders"}),
}
# Of numbers; also not a number is above it.
_LARGEST: Final = 1e15
_WORDS: Final = {str: "text in quotes", bool: "true or false", int: "a whole number", float: "a number"}

T = TypeVar("T")


@cache
def settings_of(cls: type) -> Mapping[str, Any]:
    """The type hints of a class's settings by name, without what is fixed by the code."""
    hints = get_type_hints(cls, localns=_NAMES)
    fixed = _FIXED.get(cls, frozenset())
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.name not in fixed}


def changed(value: T, table: Mapping[str, Any], where: str) -> T:
    """A settings object with what a table of this name has in place of its own; StageError for what cannot be."""
    return cast(T, _built(type(value), table, value, where))


def choose(key: str, known: Iterable[str], what: str) -> None:
    """Raise StageError for an unknown key, with the nearest one, or all if none is near."""
    names = list(known)
    if key not in names:
        near = difflib.get_close_matches(key, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(names)}"
        raise StageError(f"{what} {key!r}; {hint}")


def choose_setting(key: str, cls: type, where: str, others: Iterable[str] = ()) -> None:
    """Raise StageError for a key that is no setting of a class, nor of these others, with the place or the nearest."""
    names = [*others, *settings_of(cls)]
    if key not in names and (path := next(_paths(cls, key), None)):
        raise StageError(f"{where}: unknown setting {key!r}; did you mean {path}?")
    choose(key, names, f"{where}: unknown setting")


def kinds_of(hint: Any) -> tuple[Any, ...]:
    """The members of a union, without None; the hint alone if it is no union."""
    members = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else (hint,)
    return tuple(member for member in members if member is not types.NoneType)


def may_be_none(hint: Any) -> bool:
    """Whether a setting may be None."""
    return types.NoneType in get_args(hint)


def kind_name(cls: type) -> str:
    """What configuration calls a kind: ``on-demand`` of OnDemand."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()


def _read(hint: Any, value: Any, current: Any, where: str) -> Any:
    """A value of a type. current: the one that it changes or replaces."""
    kinds = kinds_of(hint)
    if value == NONE and may_be_none(hint):
        return None
    if dataclasses.is_dataclass(kinds[0]):
        return _object(kinds, value, current, where)
    kind = kinds[0]
    origin = get_origin(kind)
    reader = _CONTAINERS.get(origin) if origin else None
    if reader:
        return reader(kind, value, current, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(_one_of(value, [member.value for member in kind], where))
    return _plain(kind, value, where, or_none=may_be_none(hint))


def _plain(kind: type, value: Any, where: str, *, or_none: bool) -> Any:
    fits = type(value) is kind or (kind is float and type(value) is int)
    if not fits or (kind in {int, float} and not abs(value) <= _LARGEST):
        words = _WORDS[kind] + (f', or "{NONE}"' if or_none else "")
        raise StageError(f"{where} must be {words} (got {value!r})")
    return kind(value)


def _one_of(value: Any, known: list[str], where: str) -> str:
    if not isinstance(value, str):
        raise StageError(f"{where} must be one of {', '.join(known)} (got {value!r})")
    choose(value, known, f"{where}: unknown value")
    return value


def _literal(kind: Any, value: Any, _current: Any, where: str) -> str:
    return _one_of(value, list(get_args(kind)), where)


def _table(value: Any, where: str, example: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise StageError(f"{where} must be a table, such as {example} (got {value!r})")
    return value


def _mapping(kind: Any, value: Any, current: Any, where: str) -> dict[str, Any]:
    """A mapping with what a table names in place of its own; new keys only for text, as of tags."""
    _, inner = get_args(kind)
    old = dict(current or {})
    for key, entry in _table(value, where, f"[{where}]").items():
        if inner is not str:
            choose(key, old, f"{where}: unknown key")
        old[key] = _read(inner, entry, old.get(key), f"{where}.{key}")
    return old


def _tuple(kind: Any, value: Any, current: Any, where: str) -> tuple[Any, ...]:
    """A list, which replaces the old one; of queues, a table by model."""
    inner = get_args(kind)[0]
    if inner is DropQueue:
        queues = {queue.model.name: queue for queue in current}
        return tuple(_mapping(Mapping[str, DropQueue], value, queues, where).values())
    if not isinstance(value, list):
        raise StageError(f"{where} must be a list in square brackets (got {value!r})")
    return tuple(_read(inner, entry, None, f"{where}[{index}]") for index, entry in enumerate(value))


def _object(kinds: tuple[type, ...], value: Any, current: Any, where: str) -> Any:
    """A settings object of one of these kinds, which changes the current one if that is of the same kind."""
    names = {kind_name(kind): kind for kind in kinds}
    if isinstance(value, str) and len(kinds) > 1:
        value = {KIND: value}
    table = dict(_table(value, where, f"{where} = {{ ... }}"))
    cls = type(current) if type(current) in kinds else kinds[0]
    if KIND in table and len(kinds) > 1:
        cls = names[_one_of(table.pop(KIND), list(names), f"{where}.{KIND}")]
    elif len(kinds) > 1 and type(current) not in kinds:
        raise StageError(f"{where} needs a {KIND}: one of {', '.join(names)}")
    return _built(cls, table, current if type(current) is cls else None, where)


def _built(cls: type, table: Mapping[str, Any], current: Any, where: str) -> Any:
    settings = settings_of(cls)
    values = {field.name: getattr(current, field.name) for field in dataclasses.fields(cls)} if current else {}
    for key, value in table.items():
        if key in _FIXED.get(cls, ()):
            raise StageError(f"{where}.{key} belongs to the code and cannot be set")
        choose_setting(key, cls, where)
        values[key] = _read(settings[key], value, values.get(key), f"{where}.{key}")
    missing = [one.name for one in dataclasses.fields(cls) if one.name not in values and _required(one)]
    if missing:
        raise StageError(f"{where} needs {', '.join(missing)}")
    try:
        return Prices.of(values) if cls is Prices else cls(**values)
    except ConfigurationError as error:
        raise StageError(f"{where}: {error}") from None


def _paths(cls: type, name: str) -> Iterator[str]:
    """Where a setting of this name is below a class, in dots."""
    for key, hint in settings_of(cls).items():
        inner = kinds_of(hint)[0]
        if dataclasses.is_dataclass(inner):
            if name in settings_of(cast(type, inner)):
                yield f"{key}.{name}"
            yield from (f"{key}.{path}" for path in _paths(cast(type, inner), name))


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


_CONTAINERS: Final[Mapping[Any, Callable[[Any, Any, Any, str], Any]]] = {
    Mapping: _mapping,
    tuple: _tuple,
    Literal: _literal,
}
