"""API settings refuse what API Gateway would refuse, and what would leave the API open by oversight."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from infra.api.routes import ROUTES
from infra.stages.api import PUBLIC_PATHS, ApiSettings, Client, Cognito, Firewall, Iam, is_public
from infra.stages.deployments import AWS_STAGES
from infra.stages.functions import StageError

if TYPE_CHECKING:
    from collections.abc import Callable

KEYED = (Client("survey", rate_per_s=10, burst=20),)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (ApiSettings, "anybody could call it at your cost"),
        (lambda: Client("Big Survey", 1, 1), "may have lower-case letters, digits and hyphens only (got 'Big Survey'"),
        (lambda: Client("survey", 0, 1), "client survey: rate_per_s must be from 0.01 to 10000 (got 0"),
        (lambda: Client("survey", 1, 0), "client survey: burst must be from 1 to 5000 (got 0"),
        (lambda: Client("survey", 1, 1, daily_quota=0), "daily_quota must be at least 1 (got 0); None sets no quota"),
        (lambda: Client("survey", 1, 1, uploads_per_s=0), "client survey: uploads_per_s must be from 0.01 to 10000"),
        (lambda: ApiSettings(KEYED, public_burst=0), "the API's public_burst must be from 1 to 5000"),
        (lambda: ApiSettings(KEYED * 2), "client names must be unique (got survey, survey)"),
        (
            lambda: ApiSettings(KEYED, rate_per_s=5),
            "client survey may send 10 requests a second, and all clients together only 5 to one call",
        ),
        (lambda: ApiSettings(KEYED, compress_bytes=-1), "compress_bytes must be from 0 to 10485760"),
        (lambda: ApiSettings(KEYED, page_origin="https://sky.example.org/"), "without a path (got 'https://sky"),
        (lambda: ApiSettings(KEYED, page_origin="*"), "must read like https://sky.example.org"),
        (lambda: Cognito("my-pool"), "must be the ARN of a Cognito user pool (got 'my-pool'"),
        (lambda: Firewall(origin_secret="my secret!"), "must be a label of letters, digits and hyphens, such as 2026"),
        (lambda: Firewall(requests_in_5_minutes=1), "requests_in_5_minutes must be from 10"),
        (lambda: Firewall(page_web_acl="arn:aws:wafv2:eu-west-1:1:regional/webacl/a/b"), "in us-east-1 (got 'arn:aws"),
    ],
)
def test_settings_that_cannot_work_are_refused(build: Callable[[], object], sentence: str) -> None:
    with pytest.raises(StageError, match=re.escape(sentence)):
        build()


def test_an_authoriser_is_enough() -> None:
    assert ApiSettings(authoriser=Iam()).clients == ()


def test_public_paths_are_routes_that_cost_next_to_nothing() -> None:
    public = {route for route in ROUTES if is_public(route.method, route.path)}
    assert {route.path for route in public} == PUBLIC_PATHS
    assert {(route.method, route.function) for route in public} == {("GET", "control")}
    # and nobody without a key deletes what anybody may read
    assert not is_public("DELETE", "/v1/models/{name}")


@pytest.mark.parametrize("name", AWS_STAGES)
def test_every_deployed_stage_asks_its_callers_who_they_are(name: str) -> None:
    api = AWS_STAGES[name]().api
    assert api.clients or api.authoriser


def test_what_reaches_functions_in_all_is_what_keys_and_public_paths_let_through() -> None:
    """The stage's own rates are each call's: 1,000/s of each of 20 calls stop nobody whom a key of 10/s has not."""
    public = len(PUBLIC_PATHS) * 50
    assert ApiSettings(KEYED, rate_per_s=1_000).most_per_s == 10 + public
    assert ApiSettings(KEYED, rate_per_s=1_000, public_per_s=1).most_per_s == 10 + len(PUBLIC_PATHS)


def test_without_keys_every_call_has_its_own_rate() -> None:
    # Given callers who sign, and 8 calls with lower rates beside the public ones
    api = ApiSettings(authoriser=Iam(), rate_per_s=100, uploads_per_s=2, progress_per_s=20, public_per_s=50)
    # Then all of them together may send
    others = len(ROUTES) - len(PUBLIC_PATHS) - 8
    assert api.most_per_s == others * 100 + 4 * 2 + 4 * 20 + len(PUBLIC_PATHS) * 50
