"""Rows in, answers out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from skysort.cache import AnswerCache
from skysort.errors import InfrastructureError, InvalidFieldsError, LimitExceededError
from skysort.limits import STAR_EXPLAINED_ROWS_PER_REQUEST
from skysort.star import classify
from skysort.star.body import JSON, StarRequest, read_body
from skysort.star.classify import StarClassifier
from skysort.star.columns import LABELS
from skysort.star.model import StarModel
from skysort.star.rows import StarRow
from tests.factories import EXAMPLE_ROW, star_row


@pytest.fixture
def classifier(star_folder: Path) -> StarClassifier:
    return StarClassifier(StarModel.load(star_folder), AnswerCache(100))


def request(*rows: Any, **options: Any) -> StarRequest:
    return read_body(json.dumps({"instances": rows, **options}).encode(), JSON)


def answered(classifier: StarClassifier, rows: StarRequest, query: dict[str, Any]) -> dict[str, Any]:
    """The answer as a client reads it."""
    return cast("dict[str, Any]", classifier.answer(rows, query))


def test_an_answer_has_every_class_best_first_and_says_who_spoke(classifier: StarClassifier) -> None:
    # When an object with and one without a spectrum are classified
    answer = answered(classifier, request(EXAMPLE_ROW, star_row(redshift=...)), {})
    # Then each has all classes in order of probability, a set with the best, and its booster's name
    for result, variant in zip(answer["results"], ["with_redshift", "photometry_only"], strict=True):
        probabilities = [prediction["probability"] for prediction in result["predictions"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert {prediction["label"] for prediction in result["predictions"]} == set(LABELS)
        assert all(LABELS[prediction["class_id"]] == prediction["label"] for prediction in result["predictions"])
        assert result["predictions"][0]["label"] in result["prediction_set"]
        assert result["variant"] == variant
    assert answer["model"] == {"name": "star", "version": "0.0.1"}


def test_a_bad_row_gets_its_problem_and_spoils_no_other(classifier: StarClassifier) -> None:
    good, bad, last = answered(classifier, request(EXAMPLE_ROW, star_row(g=-9999, id="m31"), EXAMPLE_ROW), {})[
        "results"
    ]
    assert bad["id"] == "m31"
    assert bad["error"]["status"] == 422
    assert bad["error"]["errors"][0]["field"] == "g"
    assert good["predictions"] == last["predictions"]


def test_a_single_bad_row_is_the_requests_own_error(classifier: StarClassifier) -> None:
    bad = read_body(json.dumps(star_row(u=None)).encode(), JSON)
    with pytest.raises(InvalidFieldsError, match="u: is missing"):
        classifier.answer(bad, {})


def test_identical_input_comes_from_the_cache_and_other_options_do_not(classifier: StarClassifier) -> None:
    def cached(*rows: Any, **query: Any) -> list[bool]:
        return [result["cached"] for result in answered(classifier, request(*rows), query)["results"]]

    photometric = star_row(redshift=...)
    assert cached(EXAMPLE_ROW, photometric) == [False, False]
    assert cached(EXAMPLE_ROW, photometric) == [True, True]
    assert cached(EXAMPLE_ROW, top_k=1) == [False]
    assert cached(star_row(u=23.0)) == [False]


def test_a_cached_answer_is_the_answer(classifier: StarClassifier) -> None:
    first, second = (answered(classifier, request(star_row(id=name)), {})["results"][0] for name in ("a", "b"))
    assert {**first, "cached": True, "id": "b"} == second


def test_position_does_not_change_the_answer(classifier: StarClassifier) -> None:
    here, there = answered(classifier, request(EXAMPLE_ROW, star_row(alpha=1.0, delta=-1.0)), {})["results"]
    assert here["predictions"] == there["predictions"]


def test_options_of_the_query_win_over_the_body(classifier: StarClassifier) -> None:
    (result,) = answered(classifier, request(EXAMPLE_ROW, top_k=3), {"top_k": 1})["results"]
    assert len(result["predictions"]) == 1


def test_labels_restrict_and_renormalise(classifier: StarClassifier) -> None:
    everything = answered(classifier, request(EXAMPLE_ROW), {})["results"][0]["predictions"]
    (result,) = answered(classifier, request(EXAMPLE_ROW), {"labels": "star,QSO"})["results"]
    kept = {p["label"]: p["probability"] for p in everything if p["label"] != "GALAXY"}
    expected = {label: probability / sum(kept.values()) for label, probability in kept.items()}
    assert {p["label"]: p["probability"] for p in result["predictions"]} == pytest.approx(expected, rel=1e-2)
    # The object's set has GALAXY alone, which is not among the chosen labels.
    assert result["prediction_set"] == []
    assert [LABELS[p["class_id"]] for p in result["predictions"]] == [p["label"] for p in result["predictions"]]


def test_a_prior_re_weights_every_class_and_is_repeated(classifier: StarClassifier) -> None:
    # Given objects with and without a spectrum, by a model that learnt from equal shares
    rows = request(EXAMPLE_ROW, star_row(redshift=...))
    before = answered(classifier, rows, {})
    # When there is one quasar to a thousand others
    after = answered(classifier, rows, {"prior": "GALAXY:900,STAR:100,QSO:1"})
    # Then each class counts by its share
    shares = {"GALAXY": 900 / 1001, "QSO": 1 / 1001, "STAR": 100 / 1001}
    assert after["prior"] == pytest.approx(shares, rel=1e-5)
    assert "prior" not in before
    for old, new in zip(before["results"], after["results"], strict=True):
        weighted = {p["label"]: p["probability"] * shares[p["label"]] for p in old["predictions"]}
        expected = {label: weight / sum(weighted.values()) for label, weight in weighted.items()}
        assert {p["label"]: p["probability"] for p in new["predictions"]} == pytest.approx(expected, abs=1e-5)
        # and the set, whose coverage is of each class by itself, stays
        assert new["prediction_set"] == old["prediction_set"]


def test_the_shares_of_the_training_data_are_no_news(classifier: StarClassifier) -> None:
    plain, same = (
        answered(classifier, request(EXAMPLE_ROW), query)["results"][0]["predictions"]
        for query in ({}, {"prior": "GALAXY:1,QSO:1,STAR:1"})
    )
    for old, new in zip(plain, same, strict=True):
        assert new == {**old, "probability": pytest.approx(old["probability"], abs=1e-6)}


def test_a_prior_is_of_the_labels_chosen_and_part_of_the_cache_key(classifier: StarClassifier) -> None:
    chosen = {"labels": "STAR,QSO", "prior": {"QSO": 1, "STAR": 9, "GALAXY": 90}}
    first, again = (answered(classifier, request(EXAMPLE_ROW, **chosen), {}) for _ in range(2))
    other = answered(classifier, request(EXAMPLE_ROW, **chosen), {"prior": "QSO:9,STAR:1"})
    assert [answer["results"][0]["cached"] for answer in (first, again, other)] == [False, True, False]
    assert first["prior"] == {"QSO": 0.1, "STAR": 0.9}
    odds = [
        {p["label"]: p["probability"] for p in answer["results"][0]["predictions"]} for answer in (first, again, other)
    ]
    assert odds[0] == odds[1]
    assert odds[2]["QSO"] / odds[2]["STAR"] == pytest.approx(81 * odds[0]["QSO"] / odds[0]["STAR"], rel=1e-2)


def test_a_model_whose_card_lacks_its_shares_takes_no_prior(star_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(star_folder, tmp_path / "star"))
    card = json.loads((folder / "card.json").read_text())
    del card["training_data"]
    (folder / "card.json").write_text(json.dumps(card))
    classifier = StarClassifier(StarModel.load(folder), AnswerCache(1))
    with pytest.raises(InvalidFieldsError, match="the model's card lacks the class shares that it was trained with"):
        classifier.answer(request(EXAMPLE_ROW, prior="GALAXY:1,QSO:1,STAR:1"), {})


def test_an_explanation_sums_to_the_margin(classifier: StarClassifier) -> None:
    for row in (EXAMPLE_ROW, star_row(redshift=...)):
        (result,) = answered(classifier, request(row), {"explain": True})["results"]
        for parts in result["explanation"]["classes"].values():
            assert parts["base"] + sum(parts["contributions"].values()) == pytest.approx(parts["margin"], abs=1e-4)
            assert set(parts["contributions"]) == set(result["explanation"]["features"])


def test_too_many_rows_to_explain_are_refused(classifier: StarClassifier) -> None:
    rows = [EXAMPLE_ROW] * (STAR_EXPLAINED_ROWS_PER_REQUEST + 1)
    with pytest.raises(LimitExceededError, match="explained"):
        classifier.answer(request(*rows), {"explain": True})


def test_a_failing_self_test_says_what_came_out(classifier: StarClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    assert classifier.self_test()["status"] == "ready"
    star = StarRow("a star", (17.0, 16.0, 15.5, 15.3, 15.2, 0.0))
    monkeypatch.setattr(classify, "SAMPLE", star)
    with pytest.raises(InfrastructureError, match="the sample was classified as STAR"):
        classifier.self_test()
