"""The calls about trainings and trained models, over a store in memory: statuses, documents, and whose is what."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin

import pytest

from skysort.clients import Client, Sharing, client_of
from skysort.errors import NotFoundError
from skysort.http.api import build_api
from skysort.http.trained import TrainedServices, add_trained_routes
from skysort.registry import keys
from skysort.registry.catalogue import Catalogue
from skysort.registry.names import Kind
from skysort.registry.promotion import HeldOut, Promotions
from skysort.registry.versions import VersionFiles
from skysort.trainings.service import TrainingService
from tests.factories import FakeContext, proxy_event
from tests.fakes.model_store import MemoryModelStore
from tests.recorded_trained import Drops

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayRestResolver
    from aws_lambda_powertools.utilities.typing import LambdaContext

REQUEST = {"kind": "pictures", "name": "rings", "source": {"batch": "b"}}


@dataclass
class Service:
    """The API over a store, for clients by their keys."""

    store: MemoryModelStore = field(default_factory=MemoryModelStore)
    count: int = 0

    def __post_init__(self) -> None:
        self.services = TrainedServices(
            catalogue=Catalogue(self.store),
            promotions=Promotions(self.store),
            versions=VersionFiles(self.store),
            trainings=TrainingService(self.store, Drops(), "drop"),
        )
        self.api: APIGatewayRestResolver = build_api()
        add_trained_routes(self.api, self.services, self.client)

    def client(self) -> Client:
        return client_of(self.api.current_event.raw_event, Sharing.SEPARATE)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = "alice",
        query: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        text = None if body is None else json.dumps(body)
        event = proxy_event(method, path, text, query=query, key_id=key)
        response = self.api.resolve(event, cast("LambdaContext", FakeContext()))
        return response["statusCode"], json.loads(response["body"]) if response["body"] else None

    def publish(self, right: int, key: str = "alice") -> str:
        """A version that is right for so many of 100 examples."""
        self.count += 1
        card = {
            "name": "rings",
            "kind": "pictures",
            "created": f"2026-01-01T00:00:{self.count:02}Z",
            "labels": ["a", "b"],
        }
        said = [0] * right + [1] * (100 - right)
        held_out = HeldOut(("a", "b"), [f"{number:016x}" for number in range(100)], [0] * 100, said, [0.5] * 100)
        return VersionFiles(self.store).publish(owner(key), "rings", card, {keys.HELD_OUT: held_out.body()})

    def promoted(self, right: int, key: str = "alice") -> str:
        version = self.publish(right, key)
        Promotions(self.store).promote(owner(key), "rings", Kind.PICTURES, version)
        return version


def owner(key: str) -> str:
    return client_of(proxy_event(key_id=key), Sharing.SEPARATE).folder


@pytest.fixture
def service() -> Service:
    return Service()


def test_a_training_is_accepted_listed_and_read(service: Service) -> None:
    # When
    status, started = service.call("POST", "/v1/trainings", REQUEST)
    # Then
    assert (status, started["phase"]) == (202, "waiting")
    path = f"/v1/trainings/{started['id']}"
    status, read = service.call("GET", path)
    assert (status, {**read, "links": None}) == (200, {**started, "links": None})
    status, listed = service.call("GET", "/v1/trainings", query={"limit": "1"})
    assert (status, listed) == (200, {"trainings": [started], "next": None})
    # And each answer's links lead from its own URL, wherever the API lies
    for url, links in (("/v1/trainings", started["links"]), (path, read["links"])):
        led = {name: urljoin(f"https://api.example.org/prod{url}", link) for name, link in links.items() if link}
        assert led["self"] == f"https://api.example.org/prod{path}"
        assert led["model"] == "https://api.example.org/prod/v1/trained/rings"


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({**REQUEST, "name": "Rings!"}, 422, "invalid-fields"),
        ({**REQUEST, "source": {"prefix": "incoming/training/client-bob/b/"}}, 422, "invalid-fields"),
        ({**REQUEST, "kind": "star"}, 422, "invalid-fields"),
        ("not an object", 422, "invalid-fields"),
    ],
)
def test_a_bad_request_is_a_problem(service: Service, body: object, status: int, problem: str) -> None:
    code, document = service.call("POST", "/v1/trainings", body)
    assert (code, document["type"]) == (status, f"urn:skysort:problem:{problem}")
    assert service.store.writes == []


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"next": "x"}])
def test_bad_queries_are_refused(service: Service, query: dict[str, str]) -> None:
    assert service.call("GET", "/v1/trainings", query=query)[0] == 422


def test_a_worse_version_is_refused_with_the_comparison_and_promoted_by_force(service: Service) -> None:
    # Given
    live, worse = service.promoted(95), service.publish(60)
    # When
    status, problem = service.call("POST", "/v1/models/rings/promote", {"version": worse[:12]})
    # Then
    assert (status, problem["type"]) == (409, "urn:skysort:problem:not-better")
    assert (problem["comparison"]["verdict"], problem["comparison"]["live"]["version"]) == ("worse", live)
    status, pointer = service.call("POST", "/v1/models/rings/promote", {"version": worse[:12], "force": True})
    assert (status, pointer["live"], pointer["history"][0]["how"]) == (200, worse, "forced")


def test_rollback_needs_no_body(service: Service) -> None:
    old, _ = service.promoted(90), service.promoted(91)
    assert service.call("POST", "/v1/models/rings/rollback")[1]["live"] == old
    assert service.call("POST", "/v1/models/rings/rollback", {"to": old})[1]["live"] == old
    status, problem = service.call("POST", "/v1/models/rings/rollback", {"to": "0" * 12})
    assert (status, problem["type"]) == (404, "urn:skysort:problem:not-found")


def test_the_live_version_is_not_deleted_and_a_model_is_with_all_versions(service: Service) -> None:
    old, live = service.promoted(90), service.promoted(91)
    status, problem = service.call("DELETE", f"/v1/models/rings/versions/{live}")
    assert (status, problem["type"]) == (409, "urn:skysort:problem:conflict")
    assert service.call("DELETE", f"/v1/models/rings/versions/{old[:8]}") == (204, None)
    assert [each["version"] for each in service.call("GET", "/v1/models/rings/versions")[1]["versions"]] == [live]
    assert service.call("DELETE", "/v1/models/rings") == (204, None)
    assert service.call("GET", "/v1/trained") == (200, {"trained": []})
    assert service.store.objects == {}


def test_a_model_is_read_in_every_way(service: Service) -> None:
    version = service.promoted(90)
    assert service.call("GET", "/v1/trained")[1]["trained"][0]["live"] == version
    assert service.call("GET", "/v1/trained/rings")[1]["card"]["labels"] == ["a", "b"]
    assert service.call("GET", f"/v1/models/rings/versions/{version[:8]}")[1]["name"] == "rings"
    assert service.call("GET", "/v1/models/rings/versions/xyz")[0] == 422


CALLS = [
    ("GET", "/v1/trained/rings", None),
    ("GET", "/v1/models/rings/versions", None),
    ("GET", "/v1/models/rings/versions/{version}", None),
    ("POST", "/v1/models/rings/promote", {"version": "{version}"}),
    ("POST", "/v1/models/rings/rollback", {}),
    ("DELETE", "/v1/models/rings/versions/{version}", None),
    ("DELETE", "/v1/models/rings", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_nobody_sees_or_changes_anothers_model(
    service: Service, method: str, path: str, body: dict[str, str] | None
) -> None:
    # Given bob's model
    version = service.promoted(90, "bob")
    before = dict(service.store.objects)
    given = body and {name: value.format(version=version) for name, value in body.items()}
    # When alice asks, or nobody
    status, problem = service.call(method, path.format(version=version), given)
    unknown, _ = service.call(method, path.format(version=version), given, key=None)
    # Then
    assert (status, unknown) == (404, 401)
    assert "there is no trained model 'rings'" in problem["detail"]
    assert service.store.objects == before


@pytest.mark.parametrize("name", ["star", "Rings", "a" * 41, "..%2F..%2Fbob"])
def test_what_cannot_be_a_trained_model_is_not_found(service: Service, name: str) -> None:
    assert service.call("GET", f"/v1/models/{name}/versions")[0] == 404
    assert service.call("DELETE", f"/v1/models/{name}")[0] == 404


def test_trainings_need_an_identity_where_clients_are_separate(service: Service) -> None:
    for method, path in (("POST", "/v1/trainings"), ("GET", "/v1/trainings"), ("GET", "/v1/trained")):
        assert service.call(method, path, REQUEST if method == "POST" else None, key=None)[0] == 401


def test_uploads_name_models_that_exist(service: Service) -> None:
    service.promoted(90)
    client = Client(owner("alice"))
    service.services.check_model("galaxy", client)
    service.services.check_model("custom/rings", client)
    with pytest.raises(NotFoundError, match="there is no trained model 'dogs'"):
        service.services.check_model("custom/dogs", client)
