"""A service that trains, faked in the browser's network: its documents, and each phase for as long as a test wants."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from tests.web.trained_cards import CREATED, card, comparison, score, star_card

if TYPE_CHECKING:
    from playwright.sync_api import Request, Route

    from tests.web.visit import Visit

THUMBNAIL: Final = "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="
PHASES: Final = ("reading", "features", "fitting", "evaluating", "publishing")
PHASES_A_POLL: Final = 3


@dataclass
class FakeTrainings:
    """Routes of a page to trainings that pass a few phases a poll. outcome: "done", "failed" or a phase to stay in."""

    visit: Visit
    outcome: str = "done"
    worse: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    classified: list[str] = field(default_factory=list)
    trainings: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take over the calls that the feature makes."""
        page = self.visit.page
        page.route("**/v1/trained", self._list)
        page.route("**/v1/trainings**", self._training)
        page.route("**/v1/uploads", self._presign)
        page.route("**/fake-drop", lambda route: route.fulfill(status=204))
        page.route("**/v1/classify/custom/**", self._classify)
        page.route("**/v1/classify/star?model=**", self._classify)

    def publish(self, name: str, labels: list[str], kind: str = "pictures") -> str:
        """A version of a model, live if it is the first or not worse."""
        number = len(self.models.get(name, {}).get("cards", {})) + 1
        version = hashlib.sha256(f"{name} {number}".encode()).hexdigest()
        model = self.models.setdefault(name, {"kind": kind, "cards": {}, "live": None, "history": []})
        make = star_card if kind == "star" else card
        made = make(name, labels, f"{kind}-20261128-08450{number}-1a2b3c", 0.9)
        model["cards"] = {version: made, **model["cards"]}
        if model["live"] is None or not self.worse:
            self._point(name, version, "promoted" if model["live"] else "first")
        self.visit.page.route(f"**/v1/trained/{name}", self._model)
        self.visit.page.route(f"**/v1/models/{name}", self._model)
        self.visit.page.route(f"**/v1/models/{name}/**", self._model)
        return version

    def _point(self, name: str, version: str, how: str) -> None:
        model = self.models[name]
        model["live"] = version
        model["history"].insert(0, {"version": version, "promoted": CREATED, "how": how, "comparison": None})

    def _list(self, route: Route) -> None:
        trained = [
            {
                "name": name,
                "kind": model["kind"],
                "live": model["live"],
                "versions": len(model["cards"]),
                "labels": model["cards"][model["live"]]["labels"],
                "accuracy": model["cards"][model["live"]]["metrics"]["accuracy"],
                "created": CREATED,
                "classify": f"/v1/classify/custom/{name}",
            }
            for name, model in self.models.items()
        ]
        route.fulfill(json={"trained": trained})

    def _training(self, route: Route, request: Request) -> None:
        if request.method == "POST":
            route.fulfill(status=202, json=self._start(json.loads(request.post_data or "{}")))
            return
        identity = urlsplit(request.url).path.removeprefix("/v1/trainings").strip("/")
        if not identity:
            route.fulfill(json={"trainings": list(reversed(self.trainings.values())), "next": None})
            return
        if identity not in self.trainings:
            problem = {"title": "Not found", "status": 404, "detail": f"There is no training '{identity}'."}
            route.fulfill(status=404, content_type="application/problem+json", json=problem)
            return
        for _ in range(PHASES_A_POLL):
            self._advance(self.trainings[identity])
        route.fulfill(json=self.trainings[identity])

    def _start(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(asked)
        identity = f"pictures-20261128-08450{len(self.requests)}-1a2b3c"
        self.trainings[identity] = {
            "id": identity,
            "kind": asked["kind"],
            "name": asked["name"],
            "created": CREATED,
            "updated": CREATED,
            "phase": "waiting",
            "progress": None,
            "seconds": {},
            "version": None,
            "promoted": None,
            "comparison": None,
            "refused": {"count": 0, "files": []},
            "metrics": None,
            "problem": None,
            "links": {"self": f"../../v1/trainings/{identity}"},
        }
        return self.trainings[identity]

    def _advance(self, training: dict[str, Any]) -> None:
        phases = ["waiting", *PHASES, "done"]
        if training["phase"] in {"done", "failed", self.outcome}:
            return
        if training["phase"] in PHASES:
            training["seconds"][training["phase"]] = 0.4
        phase = phases[phases.index(training["phase"]) + 1]
        training["phase"] = phase
        training["progress"] = {"done": 12, "total": 40, "unit": "pictures"} if phase == "features" else None
        if phase == "features" and self.outcome == "failed":
            training["phase"] = "failed"
            training["refused"] = {"count": 2, "files": [{"file": "ring/notes.jpg", "reason": "not a picture"}] * 2}
            training["problem"] = {
                "title": "Invalid input",
                "status": 400,
                "detail": "The class 'ring' has 3 pictures; 5 are needed.",
            }
        if phase == "done":
            self._finish(training)

    def _finish(self, training: dict[str, Any]) -> None:
        labels = sorted({upload.split("/")[0] for upload in self.uploads if "/" in upload}) or ["ring", "spiral"]
        first = training["name"] not in self.models
        version = self.publish(training["name"], labels, training["kind"])
        training["version"] = version
        training["promoted"] = self.models[training["name"]]["live"] == version
        if not first:
            training["comparison"] = comparison(-0.05 if self.worse else 0.02)
        training["metrics"] = {"accuracy": score(0.9)}
        path = f"/v1/models/{training['name']}"
        training["links"] |= {"model": path, "card": f"{path}/versions/{version}"}

    def _model(self, route: Route, request: Request) -> None:
        _, name, *rest = unquote(urlsplit(request.url).path.removeprefix("/v1/")).split("/")
        model = self.models[name]
        match request.method, rest:
            case "GET", []:
                live = model["live"]
                document = {"name": name, "kind": model["kind"], "live": live, "history": model["history"]}
                route.fulfill(json={**document, "card": model["cards"][live]})
            case "GET", ["versions"]:
                versions = [
                    {
                        "version": v,
                        "created": CREATED,
                        "accuracy": c["metrics"]["accuracy"],
                        "live": v == model["live"],
                        "training": c["training"],
                    }
                    for v, c in model["cards"].items()
                ]
                route.fulfill(json={"versions": versions})
            case "GET", ["versions", version]:
                route.fulfill(json=model["cards"][version])
            case "POST", ["promote"]:
                self._promote(route, name, json.loads(request.post_data or "{}"))
            case "POST", ["rollback"]:
                self._point(name, model["history"][1]["version"], "rolled_back")
                route.fulfill(json={"name": name, "live": model["live"], "history": model["history"]})
            case "DELETE", ["versions", version]:
                del model["cards"][version]
                route.fulfill(status=204)
            case "DELETE", []:
                del self.models[name]
                route.fulfill(status=204)

    def _promote(self, route: Route, name: str, asked: dict[str, Any]) -> None:
        if self.worse and not asked["force"]:
            problem = {
                "type": "/problems/not-better",
                "title": "Not better",
                "status": 409,
                "detail": "The version is worse than the live one.",
                "comparison": comparison(-0.05),
            }
            route.fulfill(status=409, content_type="application/problem+json", body=json.dumps(problem))
            return
        self._point(name, asked["version"], "forced" if self.worse else "promoted")
        route.fulfill(json={"name": name, "live": asked["version"], "history": self.models[name]["history"]})

    def _presign(self, route: Route, request: Request) -> None:
        asked = json.loads(request.post_data or "{}")
        if asked["model"] != "training":
            route.continue_()
            return
        self.uploads += [file["name"] for file in asked["files"]]
        form = {"url": f"{self.visit.site}/fake-drop", "fields": {"key": "k"}}
        files = [
            {
                "name": f["name"],
                "key": f"incoming/training/{asked['batch']}/{f['name']}",
                "method": "form",
                "form": form,
            }
            for f in asked["files"]
        ]
        route.fulfill(json={"batch": asked["batch"], "files": files})

    def _classify(self, route: Route, request: Request) -> None:
        parts = urlsplit(request.url)
        query = parse_qs(parts.query)
        name = query["model"][0] if "model" in query else unquote(parts.path.rsplit("/", 1)[1])
        self.classified.append(name)
        labels = self.models[name]["cards"][self.models[name]["live"]]["labels"]
        # Every picture another probability, between undecided and certain.
        best = 0.5 + len(self.classified) % 10 / 20
        shares = [best, *[(1 - best) / (len(labels) - 1)] * (len(labels) - 1)]
        predictions = [
            {"label": label, "class_id": place, "probability": share}
            for place, (label, share) in enumerate(zip(labels, shares, strict=True))
        ]
        result = {
            "id": "0",
            "predictions": predictions,
            "prediction_set": labels[:1],
            "typicality": 0.02,
            "in_domain": False,
            "cached": False,
        }
        if "explain" in query and "model" not in query:
            window = {"left": 0, "upper": 0, "right": 1, "lower": 1}
            nearest = [
                {"file": f"{n}.jpg", "label": labels[0], "similarity": 0.9, "thumbnail": THUMBNAIL} for n in range(3)
            ]
            result["explanation"] = {
                "label": labels[0],
                "heat_map": THUMBNAIL,
                "view": THUMBNAIL,
                "window": window,
                "nearest": nearest,
            }
        model = {"name": name, "version": self.models[name]["live"][:12]}
        route.fulfill(json={"model": model, "results": [result], "timing_ms": {"total": 1.5}})
