"""The trainings and trained models of a fake service, as functions/README.md describes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from skysort import problems

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PHASES = ("waiting", "reading", "features", "fitting", "evaluating", "publishing", "done")
FIRST, SECOND = "a" * 64, "b" * 64
WORSE = (
    "On the 60 examples that both held out, this version is right for 90.0% and the live one for 95.0%: it is worse."
)
TRAINING_ID = "pictures-20261128-084500-1a2b3c"


class FakeTrainings:
    """Answers requests. refused: files that no training uses. problem: why every training fails, if it does.

    requests: the bodies that started trainings.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.refused: list[dict[str, str]] = []
        self.problem: Mapping[str, Any] | None = None
        self.better = True
        self.models: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        self._polled = 0

    def answer(self, request: httpx.Request) -> httpx.Response | None:  # noqa: PLR0911 - one a path
        """The answer, None if the request is about something else."""
        parts = request.url.path.split("/")[2:]
        match request.method, parts:
            case "POST", ["trainings"]:
                self.requests.append(json.loads(request.content))
                self.models.setdefault(self.requests[-1]["name"], model(self.requests[-1]["kind"]))
                return httpx.Response(202, json=self.training("waiting"))
            case "GET", ["trainings"]:
                return httpx.Response(200, json={"trainings": [self.training("done")], "next": None})
            case "GET", ["models", "custom", "ready"]:
                return httpx.Response(200, json={"status": "ready", "model": {"name": "custom", "version": "9.9"}})
            case "GET", ["trainings", _]:
                last = len(PHASES) - 1 if self.problem is None else 2
                phase = PHASES[min(self._polled, last)]
                self._polled += 1
                return httpx.Response(200, json=self.training("failed" if phase == "features" and last == 2 else phase))
            case "GET", ["trained"]:
                return httpx.Response(200, json={"trained": self.trained()})
            case _, ["models" | "trained", name, *rest] if name in self.models:
                return self._model(request, name, rest)
        return None

    def trained(self) -> list[dict[str, Any]]:
        """The trained models of GET /v1/trained."""
        return [
            {
                "name": name,
                "kind": model["kind"],
                "live": model["live"],
                "versions": 2,
                "labels": card(model["kind"])["labels"],
                "accuracy": card()["metrics"]["accuracy"],
                "created": "2026-11-28T08:45:00Z",
                "classify": f"/v1/classify/custom/{name}",
            }
            for name, model in self.models.items()
        ]

    def training(self, phase: str) -> dict[str, Any]:
        asked: dict[str, Any] = self.requests[-1] if self.requests else {"kind": "pictures", "name": "breeds"}
        done = phase == "done"
        kept = asked.get("options", {}).get("promote") is False
        return {
            "id": TRAINING_ID,
            "kind": asked["kind"],
            "name": asked["name"],
            "created": "2026-11-28T08:45:00Z",
            "updated": "2026-11-28T08:45:07Z",
            "phase": phase,
            "progress": {"done": 30, "total": 60, "unit": "pictures"} if phase == "features" else None,
            "seconds": {"reading": 0.5, "features": 4.25},
            "version": SECOND if done else None,
            "promoted": self.better and not kept if done else None,
            "comparison": {"verdict": "worse", "sentence": WORSE} if done and not self.better else None,
            "refused": {"count": len(self.refused), "files": self.refused},
            "metrics": {"accuracy": card()["metrics"]["accuracy"]} if done else None,
            "problem": self.problem if phase == "failed" else None,
            "links": {},
        }

    def _model(self, request: httpx.Request, name: str, rest: list[str]) -> httpx.Response:
        model = self.models[name]
        changes: dict[str, Callable[[], httpx.Response]] = {
            "promote": lambda: self._promote(name, json.loads(request.content)),
            "rollback": lambda: httpx.Response(200, json={**model, "name": name, "live": FIRST}),
        }
        if request.method == "DELETE":
            self.deleted.append(request.url.path)
            return httpx.Response(204)
        if rest and rest[0] in changes:
            return changes[rest[0]]()
        if rest == ["versions"]:
            versions = [
                {"version": version, "created": "2026-11-28T08:45:07Z", "accuracy": card()["metrics"]["accuracy"],
                 "live": version == model["live"], "training": TRAINING_ID}
                for version in (SECOND, FIRST)
            ]  # fmt: skip
            return httpx.Response(200, json={"versions": versions})
        if rest:
            return httpx.Response(200, json=card(model["kind"]))
        return httpx.Response(200, json={"name": name, **model, "card": card(model["kind"])})

    def _promote(self, name: str, wanted: dict[str, Any]) -> httpx.Response:
        if not self.better and not wanted["force"]:
            detail = "the version is worse than the live one; promote it with force"
            return httpx.Response(409, json=dict(problems.document(409, "not-better", "Not better", detail)))
        self.models[name]["live"] = SECOND
        return httpx.Response(200, json={"name": name, **self.models[name]})


def model(kind: str = "pictures") -> dict[str, Any]:
    """A model with two versions, the first of them live."""
    moved = {"version": FIRST, "promoted": "2026-11-28T08:45:07Z", "how": "first", "comparison": None, "training": None}
    return {"kind": kind, "live": FIRST, "history": [moved]}


def card(kind: str = "pictures") -> dict[str, Any]:
    score = {"value": 0.95, "low": 0.86, "high": 0.99}
    by_class = {"precision": 0.9, "recall": 1.0, "f1": 0.947, "rows": 30}
    metrics = {
        "examples": 60,
        "split": "out-of-fold, repeated stratified 5-fold",
        "accuracy": score,
        "balanced_accuracy": score,
        "macro_f1": score,
        "ece": 0.03,
        "per_class": dict.fromkeys(("beagle", "poodle"), by_class),
        "confusion_matrix": [[30, 0], [3, 27]],
    }
    curve = [{"examples": 20, "accuracy": {**score, "value": 0.9}}, {"examples": 60, "accuracy": score}]
    more = {"examples": 110, "accuracy": {**score, "value": 0.962}}
    return {
        "name": "breeds",
        "kind": kind,
        "created": "2026-11-28T08:45:07Z",
        "labels": ["beagle", "poodle"],
        "metrics": metrics,
        "learning_curve": curve,
        "forecast": more,
        "training_data": {"files": 60, "classes": {"beagle": 30, "poodle": 30}},
        "limitations": ["It knows two breeds."],
    }
