"""Amazon States Language: what of it the local interpreter knows, checked when a definition is loaded.

JSONPath as the query language, reference paths only (``$.a.b``); no intrinsic functions. Whatever else a definition
says raises DefinitionError before anything runs, so that nothing passes here that would do something else in AWS.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LAMBDA_INVOKE: Final = "arn:aws:states:::lambda:invoke"
S3_GET_OBJECT: Final = "arn:aws:states:::s3:getObject"
ALL: Final = "States.ALL"

_PATH: Final = re.compile(r"\$\$?(\.[A-Za-z_][A-Za-z0-9_]*)*")
_INPUT: Final = frozenset({"InputPath", "OutputPath"})
_RESULT: Final = frozenset({"Parameters", "ResultPath"})
_TRANSITION: Final = frozenset({"Next", "End"})
# The fields of each type of state, beside Type and Comment.
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "Choice": _INPUT | {"Choices", "Default"},
    "Fail": frozenset({"Error", "Cause"}),
    "Map": _INPUT
    | _TRANSITION
    | {
        "ItemsPath",
        "ItemReader",
        "ItemSelector",
        "ItemProcessor",
        "MaxConcurrency",
        "ToleratedFailurePercentage",
        "ResultPath",
        "ResultSelector",
        "Retry",
        "Catch",
    },
    "Pass": _INPUT | _RESULT | _TRANSITION | {"Result"},
    "Succeed": _INPUT,
    "Task": _INPUT | _RESULT | _TRANSITION | {"Resource", "ResultSelector", "Retry", "Catch"},
}
_MACHINE: Final = frozenset({"Comment", "StartAt", "States"})
_COMPARISONS: Final = frozenset({"BooleanEquals", "StringEquals", "StringMatches"})
# A Map within its execution, or a Distributed Map, whose items are executions of their own.
_INLINE: Final[Mapping[str, str]] = {"Mode": "INLINE"}
_DISTRIBUTED: Final[Mapping[str, str]] = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
_RETRIER: Final = frozenset(
    {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"}
)
_CATCHER: Final = frozenset({"ErrorEquals", "ResultPath", "Next"})


class DefinitionError(ValueError):
    """A definition has what the interpreter does not know; the message says where."""


class PathError(Exception):
    """A path leads nowhere in a document."""


def check(definition: Mapping[str, Any], where: str = "the state machine", more: frozenset[str] = frozenset()) -> None:
    """Raise DefinitionError unless every part of a definition is known."""
    _only(definition, _MACHINE | more, where)
    states = definition.get("States")
    _require(isinstance(states, dict) and bool(states), f"{where} has no States")
    assert isinstance(states, dict)  # noqa: S101 - tells the type checker
    _require(definition.get("StartAt") in states, f"{where} starts at an unknown state: {definition.get('StartAt')!r}")
    for name, state in states.items():
        _check_state(state, f"state {name}")
        for following in successors(state):
            _require(following in states, f"state {name} leads to an unknown state: {following!r}")


def successors(state: Mapping[str, Any]) -> Iterator[str]:
    """The names of the states that may follow one."""
    for field in ("Next", "Default"):
        if field in state:
            yield state[field]
    for part in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield part["Next"]


def _check_state(state: Mapping[str, Any], where: str) -> None:
    _require(isinstance(state, dict), f"{where} must be an object")
    kind = state.get("Type")
    _require(kind in _FIELDS, f"{where}: unknown type {kind!r}; known are {', '.join(sorted(_FIELDS))}")
    _only(state, _FIELDS[str(kind)] | {"Type", "Comment"}, where)
    if kind in {"Task", "Map", "Pass"}:
        _require(("Next" in state) != (state.get("End") is True), f"{where} needs either Next or End: true")
    for field in ("InputPath", "OutputPath", "ResultPath", "ItemsPath"):
        if state.get(field, None) is not None:
            _check_path(state[field], f"{where}, {field}")
    for field in ("Parameters", "ResultSelector", "ItemSelector"):
        _check_template(state.get(field), f"{where}, {field}")
    _check_handlers(state, where)
    if kind == "Task":
        _check_task(state, where)
    if kind == "Map":
        _check_map(state, where)
    if kind == "Choice":
        _check_choices(state, where)


def _check_task(state: Mapping[str, Any], where: str) -> None:
    _require(state.get("Resource") == LAMBDA_INVOKE, f"{where}: the only known Resource is {LAMBDA_INVOKE}")
    parameters = state.get("Parameters", {})
    _only(parameters, frozenset({"FunctionName", "Payload", "Payload.$"}), f"{where}, Parameters")
    _require(isinstance(parameters.get("FunctionName"), str), f"{where}: Parameters must have a FunctionName")


def is_distributed(state: Mapping[str, Any]) -> bool:
    """Whether a Map is a Distributed Map."""
    return bool(state["ItemProcessor"]["ProcessorConfig"] == _DISTRIBUTED)


def _check_map(state: Mapping[str, Any], where: str) -> None:
    processor = state.get("ItemProcessor", {})
    mode = processor.get("ProcessorConfig", {})
    _require(
        mode in (_INLINE, _DISTRIBUTED),
        f"{where}: the only known ProcessorConfig is Mode INLINE, or Mode DISTRIBUTED with ExecutionType STANDARD",
    )
    check(processor, f"{where}, ItemProcessor", frozenset({"ProcessorConfig"}))
    most = state.get("MaxConcurrency", 0)
    _require(isinstance(most, int) and most >= 0, f"{where}: MaxConcurrency must be a whole number (got {most!r})")
    if mode == _INLINE:
        unknown = sorted({"ItemReader", "ToleratedFailurePercentage"} & set(state))
        _require(not unknown, f"{where}: only a Distributed Map has {' and '.join(unknown)}")
        return
    tolerated = state.get("ToleratedFailurePercentage", 0)
    _require(
        tolerated == 0, f"{where}: the only known ToleratedFailurePercentage of a Distributed Map is 0 ({tolerated!r})"
    )
    _check_reader(state.get("ItemReader", {}), f"{where}, ItemReader")


def _check_reader(reader: Mapping[str, Any], where: str) -> None:
    _only(reader, frozenset({"Resource", "ReaderConfig", "Parameters"}), where)
    _require(
        (reader.get("Resource"), reader.get("ReaderConfig")) == (S3_GET_OBJECT, {"InputType": "JSON"}),
        f"{where}: items are only read by {S3_GET_OBJECT}, with the InputType JSON",
    )
    parameters = reader.get("Parameters", {})
    names = sorted(name.removesuffix(".$") for name in parameters)
    _require(names == ["Bucket", "Key"], f"{where}, Parameters: needs Bucket and Key, and nothing else")
    _check_template(parameters, f"{where}, Parameters")


def _check_choices(state: Mapping[str, Any], where: str) -> None:
    _require(bool(state.get("Choices")), f"{where} has no Choices")
    for choice in state["Choices"]:
        _only(choice, _COMPARISONS | {"Variable", "Next", "Comment"}, f"{where}, Choices")
        _require(
            len(_COMPARISONS & set(choice)) == 1, f"{where}: a choice has one of {', '.join(sorted(_COMPARISONS))}"
        )
        _check_path(choice.get("Variable"), f"{where}, Variable")


def _check_handlers(state: Mapping[str, Any], where: str) -> None:
    for field, fields in (("Retry", _RETRIER), ("Catch", _CATCHER)):
        handlers = state.get(field, [])
        for number, handler in enumerate(handlers, start=1):
            _only(handler, fields, f"{where}, {field}")
            names = handler.get("ErrorEquals")
            _require(bool(names), f"{where}, {field}: ErrorEquals names no error")
            _require(
                ALL not in names or (len(names) == 1 and number == len(handlers)),
                f"{where}, {field}: {ALL} must be alone and come last",
            )
            _require(
                handler.get("JitterStrategy", "NONE") in {"FULL", "NONE"}, f"{where}: JitterStrategy is FULL or NONE"
            )


def _check_template(template: Any, where: str) -> None:
    if isinstance(template, dict):
        for name, value in template.items():
            if name.endswith(".$"):
                _check_path(value, f"{where}, {name}")
            else:
                _check_template(value, where)
    elif isinstance(template, list):
        for value in template:
            _check_template(value, where)


def _check_path(path: Any, where: str) -> None:
    known = isinstance(path, str) and _PATH.fullmatch(path) is not None
    _require(known, f"{where}: the only known paths read like $.a.b (got {path!r})")


def _only(document: Any, fields: frozenset[str], where: str) -> None:
    _require(isinstance(document, dict), f"{where} must be an object")
    unknown = sorted(set(document) - fields)
    _require(not unknown, f"{where}: unknown field {', '.join(map(repr, unknown))}")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise DefinitionError(message)


def resolve(path: str, document: Any, context: Mapping[str, Any]) -> Any:
    """The part of a document, or with ``$$`` of the context, that a path leads to; raises PathError."""
    root, *names = path.split(".")
    value: Any = context if root == "$$" else document
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise PathError(f"The path {path} leads to nothing in the state's input.")
        value = value[name]
    return value


def fill(template: Any, document: Any, context: Mapping[str, Any]) -> Any:
    """A payload template with every field ``name.$`` replaced by what its path leads to; raises PathError."""
    if isinstance(template, dict):
        return {
            name.removesuffix(".$"): resolve(value, document, context)
            if name.endswith(".$")
            else fill(value, document, context)
            for name, value in template.items()
        }
    return [fill(value, document, context) for value in template] if isinstance(template, list) else template


def place(path: str | None, document: Any, result: Any) -> Any:
    """The input of a state with its result at a path: ``$`` for the result alone, None for the input alone."""
    if path is None:
        return document
    _, *names = path.split(".")
    if not names:
        return result
    if not isinstance(document, dict):
        raise PathError(f"The path {path} needs an object to put the result into.")
    return {**document, names[0]: place(".".join(["$", *names[1:]]), document.get(names[0], {}), result)}
