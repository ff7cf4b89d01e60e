"""The committed document and page are current, and say what they should."""

from __future__ import annotations

import html.parser
import json
import re
from typing import Any

import pytest

from infra import ROOT
from infra.api import document, operations
from infra.api.__main__ import files
from infra.api.document import ContractError
from infra.api.routes import ROUTES
from skysort import limits, problems
from skysort.http.control import Contract
from skysort.http.headers import DOCUMENT, PAGE

CONTROL = ROOT / "functions" / "control"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return files()


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CONTROL / DOCUMENT).read_text("utf-8"))
    return loaded


@pytest.mark.parametrize("name", [DOCUMENT, PAGE])
def test_what_is_committed_is_what_the_handlers_say(made: dict[str, str], name: str) -> None:
    assert (CONTROL / name).read_text("utf-8") == made[name], "run `make openapi`"


def test_every_route_is_in_the_document_once(contract: dict[str, Any]) -> None:
    said = [(method.upper(), path) for path, calls in contract["paths"].items() for method in calls]
    assert sorted(said) == sorted((route.method, route.path) for route in ROUTES)
    names = [call["operationId"] for calls in contract["paths"].values() for call in calls.values()]
    assert len(set(names)) == len(names)


def test_every_status_that_skysort_answers_with_is_documented(contract: dict[str, Any]) -> None:
    documented = {
        status for calls in contract["paths"].values() for call in calls.values() for status in call["responses"]
    }
    answered = {str(int(status)) for status, _, _ in problems._STATUS.values()}
    assert answered <= documented
    for response in contract["components"]["responses"].values():
        assert list(response["content"]) == [problems.CONTENT_TYPE]


def test_limits_are_the_codes_own(contract: dict[str, Any]) -> None:
    schemas = contract["components"]["schemas"]
    assert schemas["UploadRequest"]["properties"]["files"]["maxItems"] == limits.UPLOAD_FILES_PER_REQUEST
    assert schemas["WantedFile"]["properties"]["size"]["maximum"] == limits.UPLOAD_BYTES
    assert schemas["StarRowsRequest"]["properties"]["instances"]["maxItems"] == limits.STAR_ROWS_PER_REQUEST


def test_every_reference_leads_somewhere(contract: dict[str, Any]) -> None:
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(contract)):
        found: Any = contract
        for part in reference.split("/"):
            found = found[part]


def test_a_route_without_an_entry_stops_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    known = operations.operations()
    del known["GET", "/v1/health"]
    monkeypatch.setattr(document, "operations", lambda: known)
    with pytest.raises(ContractError, match="the contract lacks GET /v1/health"):
        document.build()


class Loads(html.parser.HTMLParser):
    """Everything that a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.targets: set[str] = set()
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        # A script in the page loads nothing: its policy knows it by its hash.
        if (
            (tag == "script" and "src" in given)
            or tag in {"link", "img", "iframe"}
            or any(name.startswith("on") or name == "style" for name in given)
        ):
            self.found.append(tag)
        self.targets.add(given.get("href") or "")
        self.ids.add(given.get("id") or "")


def test_the_page_loads_nothing_and_its_links_lead_somewhere(made: dict[str, str]) -> None:
    page = Loads()
    page.feed(made[PAGE])
    assert page.found == []
    inside = {target.removeprefix("#") for target in page.targets if target.startswith("#")}
    assert inside <= page.ids
    assert {target for target in page.targets if target and not target.startswith("#")} == {"openapi.json"}


def test_the_page_is_served_with_a_policy_for_its_own_style_and_script_and_calls_of_this_api() -> None:
    policy = Contract(CONTROL).page_headers["Content-Security-Policy"]
    assert re.fullmatch(
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; script-src 'sha256-[^' ]+'; "
        "style-src 'sha256-[^' ]+'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'",
        policy,
    )
