"""Trained models behind HTTP and in the drop folder: other classes and columns, by the same code."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from skysort.batches.merged import merged
from skysort.cache import AnswerCache
from skysort.clients import Sharing
from skysort.drop.trained import TrainedFiles
from skysort.drop.worker import DropWorker
from skysort.errors import NotFoundError
from skysort.http.stars import star_api
from skysort.registry.names import Kind, TrainedName
from skysort.star.body import JSON, read_body
from skysort.star.classify import StarClassifier
from skysort.star.model import StarModel
from skysort.star.schema import Schema
from skysort.star.tables.classifier import SUFFIXES, TableClassifier
from skysort.star.trained import TrainedStars, TrainedTables
from tests.factories import EXAMPLE_ROW, proxy_event
from tests.fakes.model_store import MemoryModelStore
from tests.fakes.object_store import MemoryStore
from tests.fakes.trained_stars import AGN, STAR, WISE, objects, publish, trained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def models() -> MemoryModelStore:
    """A models bucket with one live model."""
    store = MemoryModelStore()
    publish(store, *trained())
    return store


@pytest.fixture
def ask(star_folder: Path, models: MemoryModelStore) -> Ask:
    """Posts rows to the star function's API: status and document."""
    cache: AnswerCache[Any] = AnswerCache(100)
    builtin = StarClassifier(StarModel.load(star_folder), cache)
    api = star_api(builtin, TrainedStars(None, cache, store=models).get, Sharing.SHARED)

    def post(body: object, **query: str) -> tuple[int, dict[str, Any]]:
        response = api.resolve(proxy_event(body=json.dumps(body), query=query), None)  # type: ignore[arg-type]
        return response["statusCode"], json.loads(response["body"])

    return post


def test_a_trained_model_answers_with_its_own_classes(ask: Ask) -> None:
    # When both kinds of rows are sent
    status, answer = ask({"instances": [AGN, STAR]}, model="wise-qso")
    # Then
    assert status == 200
    assert answer["model"]["name"] == "wise-qso"
    assert len(answer["model"]["version"]) == 12
    assert [result["predictions"][0]["label"] for result in answer["results"]] == ["agn", "star"]
    assert [result["variant"] for result in answer["results"]] == ["photometry_only"] * 2
    for result in answer["results"]:
        assert 0 < result["typicality"] <= 1
        assert isinstance(result["in_domain"], bool)


def test_without_a_name_the_built_in_model_answers_as_before(ask: Ask) -> None:
    for query in ({}, {"model": " "}):
        status, answer = ask(EXAMPLE_ROW, **query)
        assert (status, answer["model"]["name"]) == (200, "star")
        assert answer["results"][0].keys() == {"id", "predictions", "prediction_set", "variant", "cached"}


def test_a_row_unlike_the_training_table_is_flagged(ask: Ask) -> None:
    _, answer = ask({**AGN, "g": 30.0, "w2": 2.0}, model="wise-qso")
    assert answer["results"][0]["in_domain"] is False


def test_an_explanation_names_the_models_features(ask: Ask) -> None:
    # Given a row without the optional column
    row = {name: value for name, value in AGN.items() if name != "variability"}
    # When
    _, answer = ask(row, model="wise-qso", explain="true")
    # Then each class's contributions add up, and the missing value is null
    explanation = answer["results"][0]["explanation"]
    assert explanation["features"]["variability"] is None
    assert explanation["features"]["w1-w2"] == pytest.approx(1.0)
    for of in explanation["classes"].values():
        assert of["base"] + sum(of["contributions"].values()) == pytest.approx(of["margin"], abs=1e-4)


def test_rows_without_the_models_columns_are_told_what_it_needs(ask: Ask) -> None:
    status, problem = ask(EXAMPLE_ROW, model="wise-qso")
    assert status == 422
    assert "model wise-qso needs g, r, w1, w2" in problem["errors"][0]["detail"]


def test_class_shares_re_weight_by_those_of_its_own_training(ask: Ask, models: MemoryModelStore) -> None:
    # Given a version that says it has seen one agn to three stars
    card, files = trained()
    card["variants"]["photometry_only"]["classes"] = {"agn": 100, "star": 300}
    publish(models, card, files)
    _, plain = ask(AGN, model="wise-qso")
    # When agn and stars are equally common
    _, answer = ask(AGN, model="wise-qso", prior="star:1,AGN:1")
    # Then agn are thrice as likely, against stars, as they were
    before, after = (
        {item["label"]: item["probability"] for item in each["results"][0]["predictions"]} for each in (plain, answer)
    )
    assert after["agn"] / after["star"] == pytest.approx(3 * before["agn"] / before["star"], rel=1e-3)
    assert answer["prior"] == {"agn": 0.5, "star": 0.5}


def test_the_classes_of_several_rows_have_estimated_shares(ask: Ask) -> None:
    _, answer = ask({"instances": [AGN, STAR, STAR, STAR] * 5}, model="wise-qso")
    table = answer["table"]
    assert table["typicality"]["measured"] == 20
    assert table["class_shares"]["star"]["value"] > table["class_shares"]["agn"]["value"]
    assert table["domain"] is None


def test_a_version_without_class_shares_takes_no_prior(ask: Ask, models: MemoryModelStore) -> None:
    card, files = trained()
    del card["variants"]["photometry_only"]["classes"]
    publish(models, card, files)
    status, problem = ask(AGN, model="wise-qso", prior="star:1,agn:1")
    assert status == 422
    assert (
        "the model's card lacks the class shares that it was trained with; train the model again" in problem["detail"]
    )


def test_an_unknown_model_is_not_found(ask: Ask) -> None:
    status, problem = ask(AGN, model="no-such")
    assert (status, problem["type"]) == (404, "urn:skysort:problem:not-found")
    assert "no-such" in problem["detail"]


def test_a_stage_without_a_models_bucket_has_no_trained_model() -> None:
    with pytest.raises(NotFoundError, match="no bucket for models"):
        TrainedStars(None, AnswerCache(1)).get("shared", "mine")


def test_answers_of_two_versions_are_kept_apart(models: MemoryModelStore) -> None:
    # Given an answer in the cache
    cache: AnswerCache[Any] = AnswerCache(100)
    first = TrainedStars(None, cache, store=models)
    rows = read_body(json.dumps(AGN).encode(), JSON, WISE)
    first.get("shared", "wise-qso").answer(rows, {})
    assert first.get("shared", "wise-qso").answer(rows, {})["results"][0]["cached"] is True  # type: ignore[typeddict-item]
    # When another version is live
    card, files = trained()
    publish(models, {**card, "note": "second"}, files)
    second = TrainedStars(None, cache, store=models)
    # Then its answer is its own
    assert second.get("shared", "wise-qso").answer(rows, {})["results"][0]["cached"] is False  # type: ignore[typeddict-item]


def table(*rows: dict[str, float]) -> bytes:
    """A CSV of rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def dropped(
    star_folder: Path, models: MemoryModelStore, key: str, body: bytes, clients: Sharing = Sharing.SHARED
) -> dict[str, bytes]:
    """Drop a table, and list the results bucket."""
    store = MemoryStore()
    trained_files = TrainedFiles(Kind.STAR, TrainedTables(None, store=models).get, SUFFIXES, clients).of
    worker = DropWorker(store, "results", TableClassifier(StarModel.load(star_folder)), trained=trained_files)
    upload = store.upload(key, body)
    worker.process(upload)
    worker.process(upload)  # a second delivery changes nothing
    return store.listing()


def test_a_dropped_table_is_classified_by_the_model_in_its_key(star_folder: Path, models: MemoryModelStore) -> None:
    files = dropped(star_folder, models, "incoming/custom-star/wise-qso/night/t.csv", table(AGN, STAR))
    rows = list(csv.DictReader(io.StringIO(files["custom-star/wise-qso/night/t.csv"].decode())))
    assert [row["skysort_class"] for row in rows] == ["agn", "star"]
    assert all(0 < float(row["skysort_typicality"]) <= 1 for row in rows)
    assert rows[0]["skysort_model"].startswith("custom-star/wise-qso ")
    summary = json.loads(files["custom-star/wise-qso/night/t.csv.json"])
    assert summary["model"]["name"] == "custom-star/wise-qso"
    assert summary["classes"] == {"agn": 1, "star": 1}


def test_a_dropped_tables_summary_has_its_estimated_class_shares(star_folder: Path, models: MemoryModelStore) -> None:
    # Given a model that is as sure as it may be of classes so far apart, and a table with one agn to nine stars
    card, contents = trained()
    card["variants"]["photometry_only"]["temperature"] = 0.2
    publish(models, card, contents)
    values, classes = objects(WISE, 1_000, seed=5)
    chosen = [*np.flatnonzero(classes == 0)[:40], *np.flatnonzero(classes == 1)[:360]]
    body = table(*[dict(zip(AGN, values[row].tolist(), strict=True)) for row in chosen])
    # When
    files = dropped(star_folder, models, "incoming/custom-star/wise-qso/night/t.csv", body)
    # Then
    shares = json.loads(files["custom-star/wise-qso/night/t.csv.json"])["class_shares"]
    assert shares["agn"]["value"] == pytest.approx(0.1, abs=0.05)
    assert shares["agn"]["low"] < 0.1 < shares["agn"]["high"]


def test_a_dropped_table_for_the_built_in_model_is_as_before(star_folder: Path, models: MemoryModelStore) -> None:
    files = dropped(star_folder, models, "incoming/star/night/t.csv", table(EXAMPLE_ROW))
    assert b"skysort_typicality" not in files["star/night/t.csv"]


def test_a_client_finds_its_own_model(star_folder: Path) -> None:
    # Given a model of one client
    folder, store, separate = "client-0123456789abcdef01234567", MemoryModelStore(), Sharing.SEPARATE
    publish(store, *trained(), owner=folder)
    # When it drops a table, and when another does
    own = dropped(star_folder, store, f"incoming/custom-star/wise-qso/{folder}/n/t.csv", table(AGN), separate)
    other = dropped(
        star_folder, store, f"incoming/custom-star/wise-qso/client-{'f' * 24}/n/t.csv", table(AGN), separate
    )
    # Then
    assert f"custom-star/wise-qso/{folder}/n/t.csv" in own
    assert list(other) == [f"custom-star/wise-qso/client-{'f' * 24}/n/t.csv.error.json"]


def test_what_everybody_trained_before_clients_were_separate_is_no_clients(
    star_folder: Path, models: MemoryModelStore
) -> None:
    key = f"incoming/custom-star/wise-qso/client-{'f' * 24}/n/t.csv"
    assert list(dropped(star_folder, models, key, table(AGN), Sharing.SEPARATE)) == [
        f"custom-star/wise-qso/client-{'f' * 24}/n/t.csv.error.json"
    ]


def test_a_clients_model_is_not_everybodys_where_a_batch_has_its_name(
    star_folder: Path, models: MemoryModelStore
) -> None:
    # Given a client's model of other columns, from when clients were separate, beside everybody's
    folder = "client-0123456789abcdef01234567"
    models.objects[f"pointers/{folder}/wise-qso.json"] = b"not to be read"
    # When
    files = dropped(star_folder, models, f"incoming/custom-star/wise-qso/{folder}/t.csv", table(AGN))
    # Then
    assert f"custom-star/wise-qso/{folder}/t.csv" in files


@pytest.mark.parametrize(
    ("name", "says"),
    [("no-such", "no trained model 'no-such'"), ("Not%20A%20Name", "is not a name of a trained model")],
)
def test_a_table_for_an_unknown_model_gets_an_error_record(
    star_folder: Path, models: MemoryModelStore, name: str, says: str
) -> None:
    files = dropped(star_folder, models, f"incoming/custom-star/{name}/night/t.csv", table(AGN))
    (record,) = files.values()
    assert says in json.loads(record)["detail"]


def test_a_table_without_the_models_columns_says_which_it_needs(star_folder: Path, models: MemoryModelStore) -> None:
    files = dropped(star_folder, models, "incoming/custom-star/wise-qso/night/t.csv", table(EXAMPLE_ROW))
    (record,) = files.values()
    assert "For model wise-qso it needs g, r, w1, w2" in json.loads(record)["detail"]


@pytest.mark.parametrize("classes", [9, 40])
def test_tables_of_many_classes_have_sets_of_many(models: MemoryModelStore, classes: int) -> None:
    # Given a model of more classes than all sets could be listed for
    labels = tuple(f"class {number}" for number in range(classes))
    card, files = trained(Schema(("g", "r", "i")), "many", labels)
    publish(models, card, files)
    classifier = TrainedTables(None, store=models).get("shared", TrainedName(Kind.STAR, "many"))
    # When a table is classified
    sinks: dict[str, io.BytesIO] = {}
    classifier.classify_blocks(
        [b"g,r,i\n19,18.8,18.6\n20,19.1,18.2\n"], lambda suffix, _: sinks.setdefault(suffix, io.BytesIO())
    )
    # Then every class has a column, the set has the best class, and a batch's page reads them
    rows = list(csv.DictReader(io.StringIO(sinks[""].getvalue().decode())))
    assert len([name for name in rows[0] if name.startswith("skysort_p_class_")]) == classes
    assert all(row["skysort_class"] in row["skysort_set"].split("|") for row in rows)
    merged_rows = list(merged(sinks[""].getvalue().decode(), "", 2, labels))
    assert [(row[1], labels[int(str(row[2]))]) for row in merged_rows] == [(row["skysort_class"],) * 2 for row in rows]
    assert [str(row[4]).replace(";", "|") for row in merged_rows] == [row["skysort_set"] for row in rows]
