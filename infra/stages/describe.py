"""Every setting of a stage, with its type, as a table that configuration takes (infra/stages/config.py)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from infra.stages.overrides import KIND, NONE, kind_name, kinds_of, may_be_none, settings_of
from infra.stages.queues import DropQueue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stages.stage import AwsStage

_WORDS: Final = {str: "text", bool: "true or false", int: "whole number", float: "number"}


def describe(stage: AwsStage, base: str) -> str:
    """The settings of a stage as TOML: the type of each, and every value, so that loading it gives the same stage."""
    name = f"stages.{stage.name}"
    reserve = f"reserve = {_text(not stage.without_any_reserved)}  # {_WORDS[bool]}"
    return "\n".join((f"[{name}]", f"base = {_text(base)}", reserve, *_settings(stage, name))) + "\n"


def _settings(value: Any, where: str) -> Iterator[str]:
    """The lines of a settings object: what has one line first, then its tables."""
    tables: list[str] = []
    cls: type = type(value)
    for name, hint in settings_of(cls).items():
        inner = getattr(value, name)
        if _is_table(inner):
            tables += _tables(inner, f"{where}.{name}", hint)
        else:
            yield f"{name} = {_text(inner)}  # {_type(hint)}"
            yield from _choices(hint, None)
    yield from tables


def _choices(hint: Any, chosen: Any) -> Iterator[str]:
    """Comments on the tables that a setting could have instead of its own."""
    kinds = kinds_of(hint)
    for kind in kinds:
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind is not chosen:
            named = f'kind = "{kind_name(kind)}"' if len(kinds) > 1 else ""
            inner = [f"{name} ({_type(of)})" for name, of in settings_of(kind).items()]
            yield f"# {', '.join(filter(None, (named, *inner)))}"


def _is_table(value: Any) -> bool:
    first = value[0] if isinstance(value, tuple) and value else value
    return dataclasses.is_dataclass(first) or isinstance(first, Mapping)


def _tables(value: Any, where: str, hint: Any = None) -> Iterator[str]:
    if isinstance(value, tuple) and isinstance(value[0], DropQueue):
        value = {queue.model.name: queue for queue in value}
    if isinstance(value, tuple):
        for one in value:
            yield from ("", f"[[{where}]]", *_settings(one, where))
    elif isinstance(value, Mapping):
        plain = {name: inner for name, inner in value.items() if not _is_table(inner)}
        if plain or not value:
            yield from ("", f"[{where}]", *(f"{_key(name)} = {_text(inner)}" for name, inner in plain.items()))
        for name, inner in value.items():
            if name not in plain:
                yield from _tables(inner, f"{where}.{_key(name)}")
    else:
        yield from ("", f"[{where}]")
        if len(kinds_of(hint)) > 1:
            yield f"{KIND} = {_text(kind_name(type(value)))}"
            yield from _choices(hint, type(value))
        yield from _settings(value, where)


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() else json.dumps(name)


def _text(value: Any) -> str:
    """A value in TOML, whose plain values are JSON's."""
    if value is None:
        return f'"{NONE}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    return json.dumps(value.value if isinstance(value, Enum) else value, ensure_ascii=False)


def _type(hint: Any) -> str:
    words = " or ".join(_kind(kind) for kind in kinds_of(hint))
    return f'{words}, or "{NONE}"' if may_be_none(hint) else words


def _kind(kind: Any) -> str:
    origin = get_origin(kind)
    if origin is tuple:
        return f"list of {_kind(get_args(kind)[0])}"
    if origin is Mapping:
        return "table"
    if origin is not None:
        return " or ".join(get_args(kind))
    if issubclass(kind, Enum):
        return " or ".join(member.value for member in kind)
    return _WORDS[kind] if kind in _WORDS else f"table of {kind_name(kind)}"
