"""Configuration outside the code: every setting of a stage, typed, and mistakes are told with what would be right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.stages.api import ApiSettings, Client, Cognito, Firewall
from infra.stages.config import main, stage
from infra.stages.deployments import AWS_STAGES, dev, prod
from infra.stages.functions import Canary, FunctionSettings, OnDemand, Provisioned, ScheduledMinimum, StageError
from infra.stages.operations import P99_MS, Operations
from infra.stages.overrides import changed, settings_of
from infra.stages.queues import DropQueue
from infra.stages.stage import AwsStage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEV = dev()
SETTINGS = (AwsStage, FunctionSettings, DropQueue, ApiSettings, Client, Operations, Provisioned)
POOL = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_Sky"


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., AwsStage]:
    """Builds the stage of a name from the text of a configuration."""

    def build(name: str, text: str, **context: Any) -> AwsStage:
        path = tmp_path / "stages.toml"
        path.write_text(text, encoding="utf-8")
        return stage(name, {"config": str(path), **context})

    return build


@pytest.mark.parametrize("name", AWS_STAGES)
def test_without_configuration_a_stage_is_that_of_the_code(name: str) -> None:
    assert stage(name) == AWS_STAGES[name]()


def test_a_stage_has_any_name_and_names_of_its_own(configured: Callable[..., AwsStage]) -> None:
    anna = configured("anna", '[stages.anna]\nbase = "dev"')
    assert anna == dev("anna")
    assert (anna.drop_bucket, anna.glue_database, anna.function_name("star")) == (
        "skysort-drop-anna",
        "skysort_anna",
        "skysort-star-anna",
    )
    assert {queue.queue for queue in anna.drop_queues}.isdisjoint(queue.queue for queue in dev().drop_queues)
    assert stage("preview-7", {"base": "dev"}).glue_database == "skysort_preview_7"


def test_a_table_names_what_differs_from_its_base(configured: Callable[..., AwsStage]) -> None:
    found = configured(
        "survey",
        f"""
        [stages.survey]
        base = "prod"
        account = "123456789012"
        region = "us-east-1"
        clients = "shared"
        log_days = 30
        bulk_parts = {{ star-bulk = 20 }}
        bulk_sources = ["survey-data/dr9/"]
        tags = {{ team = "sky" }}

        [stages.survey.functions.star]
        memory_mb = 2048
        [stages.survey.functions.star.warm]
        kind = "provisioned"
        concurrency = 5
        [[stages.survey.functions.star.warm.schedule]]
        cron = "cron(0 22 * * ? *)"
        concurrency = 5
        [stages.survey.functions.galaxy]
        warm = "on-demand"
        roll_out = {{ kind = "canary", percent = 50 }}
        [stages.survey.functions.image.warm]
        concurrency = 3

        [stages.survey.drop_queues.star]
        maximum_concurrency = 10

        [stages.survey.drop_retention]
        results = "none"

        [stages.survey.api]
        rate_per_s = 300
        clients = [{{ name = "page", rate_per_s = 5, burst = 10 }}]
        authoriser = {{ kind = "cognito", user_pool = "{POOL}" }}
        firewall = {{ requests_in_5_minutes = 500 }}

        [stages.survey.operations]
        monthly_budget_usd = 900
        flood = "none"
        alarms = {{ mail = ["sky@example.org"], p99_ms = {{ star = 500 }} }}
        """,
    )
    assert (found.account, found.log_days, found.clients) == ("123456789012", 30, "shared")
    assert found.bulk_parts == {**prod().bulk_parts, "star-bulk": 20}
    assert found.tags == {"project": "skysort", "stage": "survey", "team": "sky"}
    star, galaxy, image = (found.functions[name] for name in ("star", "galaxy", "image"))
    assert star.memory_mb == 2048
    assert star.warm == Provisioned(5, maximum=50, schedule=(ScheduledMinimum("cron(0 22 * * ? *)", 5),))
    assert (galaxy.warm, galaxy.roll_out) == (OnDemand(), Canary(percent=50))
    assert image.warm == Provisioned(3, maximum=50)
    assert {queue.model.name: queue.maximum_concurrency for queue in found.drop_queues}["star"] == 10
    assert found.drop_retention.results is None
    assert found.api.clients == (Client("page", 5, 10),)
    assert (found.api.authoriser, found.api.firewall) == (Cognito(POOL), Firewall(500))
    assert found.operations.alarms is not None
    assert found.operations.alarms.p99_ms == {**P99_MS, "star": 500}
    assert (found.operations.flood, found.operations.monthly_budget_usd) == (None, 900.0)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("log_day = 7", "stages.anna: unknown setting 'log_day'; did you mean log_days?"),
        ('mail = ["sky@example.org"]', "stages.anna: unknown setting 'mail'; did you mean operations.alarms.mail?"),
        ("colour = 7", "stages.anna: unknown setting 'colour'; choose from base, reserve, "),
        ('log_days = "7"', "stages.anna.log_days must be a whole number (got '7')"),
        ("log_days = 7.0", "stages.anna.log_days must be a whole number (got 7.0)"),
        ("log_days = true", "stages.anna.log_days must be a whole number (got True)"),
        ("log_days = 10", "log_days must be one of 1, 3, 5, 7"),
        ("account = 123456789012", 'stages.anna.account must be text in quotes, or "none" (got 123456789012)'),
        ("small = 1", "stages.anna.small must be true or false (got 1)"),
        ('reserve = "maybe"', "stages.anna.reserve must be yes or no (got 'maybe')"),
        ('page = "no"', "stages.anna.page must be true or false (got 'no')"),
        ('name = "bob"', "stages.anna.name belongs to the code and cannot be set"),
        ('clients = "seperate"', "stages.anna.clients: unknown value 'seperate'; did you mean separate?"),
        ("clients = 1", "stages.anna.clients must be one of shared, separate (got 1)"),
        ('architecture = "arm"', "stages.anna.architecture: unknown value 'arm'; did you mean arm64?"),
        ('bulk_sources = "sky/"', "stages.anna.bulk_sources must be a list in square brackets (got 'sky/')"),
        ("bulk_sources = [1]", "stages.anna.bulk_sources[0] must be text in quotes (got 1)"),
        ("api = 1", "stages.anna.api must be a table, such as stages.anna.api = { ... } (got 1)"),
        ("tags = 1", "stages.anna.tags must be a table, such as [stages.anna.tags] (got 1)"),
        ("bulk_parts = { star = 1 }", "stages.anna.bulk_parts: unknown key 'star'; did you mean star-bulk?"),
        ("functions.stars.memory_mb = 1", "stages.anna.functions: unknown key 'stars'; did you mean star?"),
        ('functions.star.folder = "x"', "stages.anna.functions.star.folder belongs to the code and cannot be set"),
        ("functions.star.memory_mb = 64", "memory_mb must be from 128 to 10240 (got 64)"),
        ('functions.star.warm = "hot"', "stages.anna.functions.star.warm.kind: unknown value 'hot'; choose from prov"),
        ('functions.star.warm = "provisioned"', "stages.anna.functions.star.warm needs concurrency"),
        ("api.clients = [{ name = 'x' }]", "stages.anna.api.clients[0] needs rate_per_s, burst"),
        ("api.clients = []", "an API needs clients"),
        ("api.rate_per_s = inf", "stages.anna.api.rate_per_s must be a number (got inf)"),
        ("api.authoriser = {}", "stages.anna.api.authoriser needs a kind: one of iam, cognito"),
        ("drop_queues.star.queue = 1", "stages.anna.drop_queues.star: unknown setting 'queue'; "),
        ("operations.prices.gb_month = -1", "the price gb_month must be a number of dollars, got -1"),
        ("operations.monthly_budget_usd = 5", "a budget needs alarms"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(
    configured: Callable[..., AwsStage], line: str, sentence: str
) -> None:
    with pytest.raises(StageError, match=re.escape(sentence)):
        configured("anna", f'[stages.anna]\nbase = "dev"\n{line}')


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[stages.ana]", "has no stage 'anna'; did you mean ana?"),
        ("[stage.anna]", "unknown table 'stage'; did you mean stages?"),
        ("stages = 1", "stages must be tables, [stages.NAME]"),
        ("[stages.anna", "cannot be read: "),
        ("[stages.anna]", "unknown stage 'anna'; choose from dev, prod, or give it a base"),
        ('[stages.anna]\nbase = "staging"', "stages.anna.base must be one of dev, prod (got 'staging')"),
    ],
)
def test_a_file_without_the_stage_is_refused(configured: Callable[..., AwsStage], text: str, sentence: str) -> None:
    with pytest.raises(StageError, match=re.escape(sentence)):
        configured("anna", text)


def test_dev_and_prod_are_not_made_from_each_other(configured: Callable[..., AwsStage]) -> None:
    with pytest.raises(StageError, match="give the stage a name of its own"):
        configured("prod", '[stages.prod]\nbase = "dev"')


def test_the_command_line_sets_the_same_settings() -> None:
    context = {"account": "123456789012", "region": "eu-west-1", "page": "no", "small": "yes", "reserve": "no"}
    found = stage("dev", context)
    assert (found.account, found.region, found.page, found.small) == ("123456789012", "eu-west-1", False, True)
    assert found.without_any_reserved
    alarms = stage("prod", {"mail": "sky@example.org,night@example.org"}).operations.alarms
    assert alarms is not None
    assert alarms.mail == ("sky@example.org", "night@example.org")


def test_the_command_line_comes_before_the_file(configured: Callable[..., AwsStage]) -> None:
    text = '[stages.anna]\nbase = "dev"\nregion = "eu-west-1"\nsmall = true\nreserve = false'
    found = configured("anna", text, region="us-east-2")
    assert (found.region, found.small, found.without_any_reserved) == ("us-east-2", True, True)


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        ({"regoin": "eu-west-1"}, "unknown setting -c 'regoin'; did you mean region?"),
        ({"small": "perhaps"}, "-c small must be yes or no (got 'perhaps')"),
        ({"mail": "sky@example.org"}, "stage dev has no alarms, so -c mail would notify nobody"),
        ({"base": "staging"}, "stages.dev.base must be one of dev, prod"),
        ({"config": "there-is-none.toml"}, "there-is-none.toml cannot be read"),
    ],
)
def test_a_mistake_on_the_command_line_is_told(context: dict[str, str], sentence: str) -> None:
    with pytest.raises(StageError, match=re.escape(sentence)):
        stage("dev", context)


def test_what_cdk_has_in_its_context_is_left_alone() -> None:
    assert stage("dev", {"@aws-cdk/core:checkSecretUsage": True, "aws:cdk:bundling-stacks": []}) == dev()


def test_an_account_that_is_small_refuses_what_a_table_asks_for(configured: Callable[..., AwsStage]) -> None:
    text = '[stages.anna]\nbase = "dev"\nsmall = true\nfunctions.star.memory_mb = 4096'
    with pytest.raises(StageError, match="star has 4,096 MB, and a small account allows 3,008 MB"):
        configured("anna", text)


@pytest.mark.parametrize("name", AWS_STAGES)
def test_what_is_described_is_a_configuration_that_gives_the_same_stage(
    configured: Callable[..., AwsStage], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["--describe", "--stage", name]) == 0
    text = capsys.readouterr().out
    assert 'account = "none"  # text, or "none"' in text
    assert configured(name, text) == AWS_STAGES[name]()


def test_what_a_setting_could_have_instead_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--describe"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("# vpc_id (text), subnets (list of text)")]
    assert '# kind = "cognito", user_pool (text), scopes (list of text)' in lines
    assert '# kind = "snap-start"' in lines


KEYS = st.sampled_from(sorted({key for cls in SETTINGS for key in settings_of(cls)} | {"star", "kind", "colour"}))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["none", "provisioned"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.dictionaries(KEYS, VALUES, max_size=3))
def test_whatever_a_table_says_it_is_a_stage_or_refused_by_a_sentence(table: dict[str, Any]) -> None:
    refused = ""
    try:
        changed(DEV, table, "stages.dev")
    except StageError as error:
        refused = str(error)
    assert bool(refused) or set(table) <= set(settings_of(AwsStage))


def test_a_stage_that_cannot_be_is_described_by_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--describe", "--stage", "anna"])
    assert "unknown stage 'anna'" in capsys.readouterr().err
