"""Names of trained models, trainings and labels, and the keys made of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skysort.clients import EVERYBODY, Client
from skysort.errors import InvalidFieldsError, MalformedInputError
from skysort.models import EXAMPLES, MODELS, PICTURES, ROWS, input_of
from skysort.registry import keys, names
from skysort.registry.names import Kind, TrainedName


@pytest.mark.parametrize("name", ["rings", "dog-breeds", "a", "x_1", "a" * 40])
def test_a_valid_name_is_taken(name: str) -> None:
    assert names.checked_name(name) == name


@pytest.mark.parametrize("name", ["", "Rings", "1st", "a b", "a/b", "a" * 41, "ä", "rings\n", "-a"])
def test_an_invalid_name_says_what_would_be_right(name: str) -> None:
    with pytest.raises(InvalidFieldsError, match="must begin with a lower-case letter"):
        names.checked_name(name)


@pytest.mark.parametrize("name", [*MODELS, "custom", "custom-star", "training"])
def test_names_of_the_service_itself_are_reserved(name: str) -> None:
    with pytest.raises(InvalidFieldsError, match="is reserved"):
        names.checked_name(name)


@given(st.text(max_size=60))
@example("custom/rings")
@example("custom-star/qso")
@example("custom/")
@example("custom/star")
@example("custom/a/b")
def test_a_spelled_name_reads_as_it_is_written(text: str) -> None:
    found = names.spelled(text)
    assert found is None or str(found) == text


def test_trained_names_have_their_input() -> None:
    assert names.spelled("custom/rings") == TrainedName(Kind.PICTURES, "rings")
    assert input_of(str(TrainedName(Kind.PICTURES, "rings"))) is PICTURES
    assert input_of(str(TrainedName(Kind.STAR, "qso"))) is ROWS
    assert input_of("training") is EXAMPLES


@pytest.mark.parametrize("label", ["Ring", "0", "with ring", "Röntgen", "x" * 60])
def test_a_label_may_be_any_short_text(label: str) -> None:
    assert names.label_fault(label) is None


@pytest.mark.parametrize(
    ("label", "fault"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("x" * 61, "has 61 characters"),
        ("a/b", "'/'"),
        ("a\\b", "not allowed"),
        ("a\u202eb", "not allowed"),
        ("a\x07", "not allowed"),
        ("\ud800", "not allowed"),
        ("..", "no folder"),
        (". ", "no folder"),
    ],
)
def test_a_bad_label_says_why(label: str, fault: str) -> None:
    assert fault in (names.label_fault(label) or "")


def test_a_training_is_named_by_its_kind_and_time() -> None:
    name = names.new_training(Kind.STAR, datetime(2026, 11, 28, 8, 45, tzinfo=UTC))
    assert re.fullmatch(r"star-20261128-084500-[0-9a-f]{6}", name)
    assert names.is_training(name)
    assert names.is_version("0a" * 4)
    assert not names.is_version("0a" * 3)


def test_keys_of_a_training_lead_back_to_it() -> None:
    training = keys.TrainingKeys("shared", names.new_training(Kind.PICTURES))
    assert keys.training_of(training.request) == training
    assert training.intermediate("features-000.npz") == f"intermediates/{training.owner}/{training.id}/features-000.npz"


@given(st.text(max_size=80))
@example("trainings/shared/pictures-20261128-084500-1a2b3c/status.json")
@example("trainings//pictures-20261128-084500-1a2b3c/request.json")
@example("models/shared/pictures-20261128-084500-1a2b3c/request.json")
def test_any_other_key_is_no_request(key: str) -> None:
    with pytest.raises(MalformedInputError, match="a training's request is"):
        keys.training_of(key)


def test_keys_of_versions_and_pointers_are_the_owners() -> None:
    assert keys.owner_of(EVERYBODY) == "shared"
    assert keys.owner_of(Client("client-1")) == "client-1"
    assert keys.version_key("shared", "rings", "ab", keys.CARD) == "models/shared/rings/ab/card.json"
    assert keys.pointer_key("shared", "rings") == "pointers/shared/rings.json"
    assert keys.pointed_name("pointers/shared/rings.json") == "rings"
    assert keys.pointed_name("pointers/shared/rings") is None
    assert keys.pointed_name("pointers/shared/x/rings.json") is None
    assert keys.pointed_name("pointers/shared/star.json") is None


@given(st.from_regex(names.SPELLED_PATTERN, fullmatch=True))
def test_the_pattern_of_spelled_names_is_that_of_names(text: str) -> None:
    assert names.spelled(text) is not None or text.partition("/")[2] in names.RESERVED
