"""What of Amazon States Language the local stack knows, and that it refuses the rest when it loads a definition."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.asl import DefinitionError, PathError, check, fill, place, resolve
from infra.state_machine.bulk import bulk_definition
from infra.state_machine.definition import training_definition
from tests.fakes.bulk_functions import FAMILIES

NAMES = st.text("abcdefg_", min_size=1, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def machine(**state: Any) -> dict[str, Any]:
    return {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True, **state}}}


def test_the_definition_of_trainings_is_known() -> None:
    check(training_definition("custom-train", "star-train"))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"Type": "Wait"}, "state Only: unknown type 'Wait'"),
        ({"TimeoutSeconds": 5}, "unknown field 'TimeoutSeconds'"),
        ({"QueryLanguage": "JSONata"}, "unknown field 'QueryLanguage'"),
        ({"End": False}, "needs either Next or End"),
        ({"Next": "Only"}, "needs either Next or End"),
        ({"ResultPath": "$.a[0]"}, "the only known paths read like"),
        ({"Parameters": {"a": [{"b.$": "States.UUID()"}]}}, "the only known paths read like"),
        ({"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage"}, "the only known Resource is"),
        (
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": "f", "InvocationType": "Event"},
            },
            "unknown field 'InvocationType'",
        ),
        (
            {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}}},
            "ProcessorConfig is Mode INLINE, or Mode DISTRIBUTED with ExecutionType STANDARD",
        ),
    ],
)
def test_what_is_not_known_is_refused_when_it_is_loaded(state: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message.replace("(", r"\(")):
        check(machine(**state))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("StartAt",), "Nowhere", "starts at an unknown state: 'Nowhere'"),
        (("States", "FitPictures", "Next"), "Nowhere", "state FitPictures leads to an unknown state: 'Nowhere'"),
        (("States", "Kind", "Default"), "Nowhere", "state Kind leads to an unknown state"),
        (("States", "Kind", "Choices", 0, "Next"), "Nowhere", "state Kind leads to an unknown state"),
        (("States", "Kind", "Choices", 0, "And"), [], "unknown field 'And'"),
        (("States", "Kind", "Choices", 0, "StringEquals"), "x", "a choice has one of"),
        (("States", "Kind", "Choices"), [], "has no Choices"),
        (("States", "FitPictures", "Catch", 0, "Next"), "Nowhere", "leads to an unknown state"),
        (("States", "FitPictures", "Retry", 0, "ErrorEquals"), ["States.ALL"], "must be alone and come last"),
        (("States", "FitPictures", "Retry", 0, "ErrorEquals"), [], "names no error"),
        (("States", "FitPictures", "Retry", 1, "JitterStrategy"), "HALF", "JitterStrategy is FULL or NONE"),
        (("States", "PictureFeatures", "MaxConcurrency"), -1, "MaxConcurrency must be a whole number"),
        (("States", "PictureFeatures", "ItemProcessor", "StartAt"), "x", "ItemProcessor starts at an unknown state"),
        (("States", "PictureFeatures", "ToleratedFailureCount"), 3, "unknown field 'ToleratedFailureCount'"),
        (("States", "PictureFeatures", "ItemReader"), {}, "only a Distributed Map has ItemReader"),
        (("TimeoutSeconds",), 3, "unknown field 'TimeoutSeconds'"),
        (("States",), {}, "has no States"),
        (("States", "Done"), "Succeed", "must be an object"),
    ],
)
def test_a_changed_definition_is_refused_with_the_place(path: tuple[Any, ...], value: Any, message: str) -> None:
    # Given the definition with one part changed
    changed = copy.deepcopy(training_definition("a", "b"))
    part: Any = changed
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    # When / Then
    with pytest.raises(DefinitionError, match=message):
        check(changed)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("ItemReader", "Resource"), "arn:aws:states:::s3:listObjectsV2", "items are only read by"),
        (("ItemReader", "ReaderConfig", "InputType"), "CSV", "items are only read by"),
        (("ItemReader", "ReaderConfig", "MaxItems"), 5, "items are only read by"),
        (("ItemReader", "Parameters", "VersionId"), "1", "needs Bucket and Key, and nothing else"),
        (("ItemReader", "Parameters", "Key.$"), "$.keys[0]", "the only known paths read like"),
        (("ItemReader", "Versions"), [], "unknown field 'Versions'"),
        (("ItemReader",), {}, "items are only read by"),
        (("ToleratedFailurePercentage",), 5, "the only known ToleratedFailurePercentage"),
        (("ItemBatcher",), {"MaxItemsPerBatch": 2}, "unknown field 'ItemBatcher'"),
        (("ResultWriter",), {}, "unknown field 'ResultWriter'"),
        (("ItemProcessor", "StartAt"), "x", "ItemProcessor starts at an unknown state"),
        (("ItemProcessor", "States", "PartStar", "Catch", 0, "Next"), "Done", "leads to an unknown state: 'Done'"),
    ],
)
def test_a_changed_distributed_map_is_refused_with_the_place(path: tuple[Any, ...], value: Any, message: str) -> None:
    # Given the definition of bulk jobs with one part changed
    changed = bulk_definition("bulk", FAMILIES)
    part: Any = changed["States"]["PartsStar"]
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    # When / Then
    with pytest.raises(DefinitionError, match=message):
        check(changed)


@given(JSON, st.lists(NAMES, max_size=3), JSON)
def test_what_is_placed_at_a_path_is_found_there(document: Any, names: list[str], result: Any) -> None:
    path = ".".join(["$", *names])
    try:
        placed = place(path, document, result)
    except PathError:  # something on the way is no object
        return
    assert resolve(path, placed, {}) == result
    assert place(None, placed, "x") == placed


def test_a_template_takes_its_fields_from_input_and_context() -> None:
    template = {"key.$": "$.key", "step": "read", "items": [{"item.$": "$$.Map.Item.Value"}], "all.$": "$"}
    filled = fill(template, {"key": "k"}, {"Map": {"Item": {"Value": 3}}})
    assert filled == {"key": "k", "step": "read", "items": [{"item": 3}], "all": {"key": "k"}}


def test_a_path_to_nothing_says_which() -> None:
    with pytest.raises(PathError, match=r"\$\.a\.c leads to nothing"):
        resolve("$.a.c", {"a": {"b": 1}}, {})
