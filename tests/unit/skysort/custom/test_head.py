"""The file of a trained model: what it keeps, and what it refuses."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysort.custom.head import LARGEST_UNPACKED, Head
from skysort.errors import ArtefactError
from skysort.learning import fitting
from skysort.learning.space import join
from skysort.limits import HEAD_FILE_BYTES
from tests.unit.skysort.learning.factories import clouds

BLOCKS, LABELS = clouds(apart=1.0)
FIT = fitting.fit(BLOCKS, LABELS, seed=1)
HEAD = Head.of(FIT, ("round", "spiral", "Zwickys é"), [f"{row}.jpg" for row in range(len(LABELS))], LABELS)
FEATURES = join(BLOCKS, FIT.candidate.blocks)
SAVED = HEAD.save()
HUGE = b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999,), }  \n"


def with_member(name: str, content: bytes) -> bytes:
    """The saved head with one of its arrays replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(SAVED)) as source, zipfile.ZipFile(out, "w") as target:
        for member in source.namelist():
            target.writestr(member, content if member == f"{name}.npy" else source.read(member))
    return out.getvalue()


def array(values: np.ndarray, *, pickled: bool = False) -> bytes:
    out = io.BytesIO()
    np.save(out, values, allow_pickle=pickled)
    return out.getvalue()


def names(**changed: object) -> bytes:
    with zipfile.ZipFile(io.BytesIO(SAVED)) as source:
        document = json.loads(np.load(io.BytesIO(source.read("names.npy"))).tobytes())
    return array(np.frombuffer(json.dumps({**document, **changed}).encode(), np.uint8))


def test_a_saved_head_answers_as_before() -> None:
    # When
    again = Head.load(SAVED)

    # Then
    assert again.save() == SAVED
    assert (again.labels, again.blocks, again.examples) == (HEAD.labels, HEAD.blocks, HEAD.examples)
    np.testing.assert_array_equal(again.judge(FEATURES).probabilities, HEAD.judge(FEATURES).probabilities)


def test_half_precision_costs_next_to_nothing() -> None:
    exact = FIT.calibration.probabilities(FEATURES @ FIT.weights.T + FIT.bias)
    np.testing.assert_allclose(HEAD.judge(FEATURES).probabilities, exact, atol=2e-3)


def test_a_block_has_its_part_of_the_weights() -> None:
    parts = np.hstack([HEAD.block(name) for name, _ in HEAD.blocks])
    np.testing.assert_array_equal(parts, HEAD.weights)
    assert HEAD.width == parts.shape[1]


def test_a_set_is_empty_where_no_class_reaches_its_threshold() -> None:
    # Given: halfway between all classes
    means = np.stack([FEATURES[label == LABELS].mean(axis=0) for label in range(3)])
    judgement = HEAD.judge(means.mean(axis=0, keepdims=True).astype(np.float32))

    # Then
    members = judgement.probabilities >= HEAD.thresholds
    np.testing.assert_array_equal(judgement.members, members)


def test_the_nearest_examples_are_named_with_their_classes() -> None:
    first, second, third = HEAD.nearest(HEAD.judge(FEATURES[:1]).similarities[0])
    assert (first.file, first.label) == ("0.jpg", "round")
    assert first.similarity > second.similarity >= third.similarity


def test_a_head_for_two_networks_and_thirty_classes_has_less_than_200_kilobytes() -> None:
    generator = np.random.default_rng(1)
    labels = np.repeat(np.arange(12), 60)
    centres = generator.normal(0, 1, (12, 1920))
    features = (centres[labels] + generator.normal(0, 1, (720, 1920))).astype(np.float32)
    fit = fitting.fit({"image": features}, labels, seed=1)
    head = Head.of(fit, [f"class {row}" for row in range(12)], [f"picture {row}.jpeg" for row in range(720)], labels)
    assert len(head.save()) < 200_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 no zip",
        SAVED[:-40],
        b"\0" * (HEAD_FILE_BYTES + 1),
        with_member("weights", array(np.array([{"a": 1}], dtype=object), pickled=True)),
        with_member("weights", array(np.full((3, 2), 1.0, "<f2"))),
        with_member("weights", array(np.zeros((3, HEAD.width), "<f8"))),
        with_member("bias", array(np.array([0.0, np.nan, 0.0], "<f4"))),
        with_member("bias", HUGE),
        with_member("axes", array(np.zeros((HEAD.width, 0), "|i1"))),
        with_member("reference", array(np.zeros(0, "<f4"))),
        with_member("names", array(np.frombuffer(b"[" * 100_000, np.uint8))),
        with_member("names", names(format=2)),
        with_member("names", names(labels=["one"])),
        with_member("names", names(blocks=[["image", -5]])),
        with_member("names", names(temperature=0)),
        with_member("names", names(temperature="nan")),
        with_member("names", names(examples=[["a.jpg", 17]])),
    ],
)  # fmt: skip
def test_a_damaged_head_is_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(ArtefactError, match="the head of this model is damaged"):
        Head.load(content)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.npy", b"\0" * (LARGEST_UNPACKED + 1))
    with pytest.raises(ArtefactError, match="unpacks to more than"):
        Head.load(out.getvalue())


@given(place=st.integers(0, len(SAVED) - 1), value=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_changes_nothing_that_matters(place: int, value: int) -> None:
    changed = bytearray(SAVED)
    changed[place] = value
    try:
        head = Head.load(bytes(changed))
    except ArtefactError:
        return
    assert np.isfinite(head.judge(FEATURES[:2]).probabilities).all()
