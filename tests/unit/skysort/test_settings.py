"""Settings are read once at start, and refused there with the name of the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from skysort.clients import Sharing
from skysort.errors import ConfigurationError
from skysort.settings import (
    BulkSettings,
    ControlSettings,
    CustomDropSettings,
    CustomSettings,
    DropSettings,
    HookSettings,
    ModelSettings,
    TrainSettings,
)

HERE = Path(__file__).parent
BUCKETS = {"SKYSORT_DROP_BUCKET": "drop", "SKYSORT_RESULTS_BUCKET": "results", "SKYSORT_MODELS_BUCKET": "models"}


@pytest.fixture
def function(tmp_path: Path) -> Path:
    """The folder of a function with a model."""
    (tmp_path / "model").mkdir()
    return tmp_path


def test_without_settings_the_defaults_are_the_functions_own(function: Path) -> None:
    settings = ModelSettings.from_environment({}, "star", function)
    assert settings == ModelSettings(function / "model", 1, 1_000, drop_bucket=None, clients=Sharing.SEPARATE)
    settings_of_drop = DropSettings.from_environment(BUCKETS, "star", function)
    assert settings_of_drop == DropSettings("results", function / "model", threads=1, models_bucket="models")


@pytest.fixture
def networks(tmp_path: Path) -> Path:
    """The functions' folder of a checkout, with both shipped networks."""
    for name in ("galaxy", "image"):
        (tmp_path / name / "model").mkdir(parents=True)
    return tmp_path


def test_trained_picture_models_read_the_networks_beside_their_function(networks: Path) -> None:
    settings = CustomSettings.from_environment(BUCKETS | {"SKYSORT_IMAGE_MODEL": str(HERE)}, networks / "custom")
    assert settings.models_bucket == "models"
    assert (settings.networks.galaxy_folder, settings.networks.image_folder) == (networks / "galaxy" / "model", HERE)
    of_drop = CustomDropSettings.from_environment(BUCKETS, networks / "custom")
    assert (of_drop.results_bucket, of_drop.networks.threads) == ("results", 1)
    assert TrainSettings.from_environment(BUCKETS) == TrainSettings("drop", "models", 1)


def test_what_trains_needs_the_models_bucket(networks: Path) -> None:
    without = BUCKETS | {"SKYSORT_MODELS_BUCKET": ""}
    for read in (
        lambda: CustomSettings.from_environment(without, networks / "custom"),
        lambda: TrainSettings.from_environment(without),
        lambda: ControlSettings.from_environment(without, networks / "control"),
    ):
        with pytest.raises(ConfigurationError, match="SKYSORT_MODELS_BUCKET must name the bucket that trained models"):
            read()


def test_threads_follow_the_memory_that_lambda_gives() -> None:
    environment = {"SKYSORT_STAR_MODEL": str(HERE), "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3538"}
    assert ModelSettings.from_environment(environment, "star", HERE).threads == 2


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"SKYSORT_THREADS": "many"}, "SKYSORT_THREADS must be a whole number from 1 to 64, got 'many'"),
        ({"SKYSORT_THREADS": "0"}, "SKYSORT_THREADS must be"),
        ({"SKYSORT_CACHE_ENTRIES": "-1"}, "SKYSORT_CACHE_ENTRIES must be"),
        ({"SKYSORT_STAR_MODEL": "/nowhere"}, "SKYSORT_STAR_MODEL: /nowhere is not a directory"),
        ({"SKYSORT_CLIENTS": "both"}, "SKYSORT_CLIENTS must be shared or separate, got 'both'"),
    ],
)
def test_a_bad_setting_of_a_model_is_named(environment: dict[str, str], message: str, function: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ModelSettings.from_environment(environment, "star", function)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"SKYSORT_RESULTS_BUCKET": ""}, "SKYSORT_RESULTS_BUCKET must name the bucket"),
        ({"SKYSORT_RESULTS_BUCKET": " "}, "SKYSORT_RESULTS_BUCKET must name the bucket"),
        ({"SKYSORT_THREADS": "many"}, "SKYSORT_THREADS must be a whole number"),
        ({"SKYSORT_STAR_MODEL": "/nowhere"}, "SKYSORT_STAR_MODEL: /nowhere is not a directory"),
    ],
)
def test_a_bad_setting_of_a_drop_handler_is_named(environment: dict[str, str], message: str, function: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        DropSettings.from_environment(BUCKETS | environment, "star", function)


def test_cards_lie_beside_the_control_function(tmp_path: Path) -> None:
    assert ControlSettings.from_environment(BUCKETS, tmp_path / "control").cards_folder == tmp_path


def test_clients_are_kept_apart_unless_the_stage_says_that_they_share(tmp_path: Path) -> None:
    found = [
        ControlSettings.from_environment(BUCKETS | clients, tmp_path / "control").clients
        for clients in ({}, {"SKYSORT_CLIENTS": "separate"}, {"SKYSORT_CLIENTS": "shared"})
    ]
    assert found == [Sharing.SEPARATE, Sharing.SEPARATE, Sharing.SHARED]


@pytest.mark.parametrize("missing", BUCKETS)
def test_control_does_not_start_without_its_buckets(missing: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{missing} must name the bucket"):
        ControlSettings.from_environment(BUCKETS | {missing: ""}, tmp_path)


def test_the_release_hook_knows_the_versions_that_are_shifted(tmp_path: Path) -> None:
    versions = {"SKYSORT_NEW_VERSIONS": '{"control": "arn:control:7"}'}
    assert HookSettings.from_environment({}, tmp_path / "control").versions == {}
    assert HookSettings.from_environment(versions, tmp_path / "control").versions == {"control": "arn:control:7"}
    with pytest.raises(ConfigurationError, match="SKYSORT_NEW_VERSIONS must be a JSON object"):
        HookSettings.from_environment({"SKYSORT_NEW_VERSIONS": "[]"}, tmp_path / "control")


def test_a_bulk_job_reads_the_drop_bucket_alone_unless_the_stage_names_more() -> None:
    found = BulkSettings.from_environment(BUCKETS)
    assert (found.sources, found.concurrency, found.glue_database, found.prices) == ((), {}, None, None)
    told = {
        "SKYSORT_BULK_SOURCES": '["survey-data/dr9/", "my.stars/"]',
        "SKYSORT_BULK_CONCURRENCY": '{"star-bulk": 60}',
    }
    found = BulkSettings.from_environment(BUCKETS | told)
    assert (found.sources, found.concurrency) == (("survey-data/dr9/", "my.stars/"), {"star-bulk": 60})


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"SKYSORT_RESULTS_BUCKET": ""}, "SKYSORT_RESULTS_BUCKET must name the bucket that results go to"),
        ({"SKYSORT_BULK_SOURCES": '{"bucket": "x"}'}, "SKYSORT_BULK_SOURCES must be a JSON list of bucket/prefix"),
        ({"SKYSORT_BULK_SOURCES": '["*/"]'}, "SKYSORT_BULK_SOURCES must be a JSON list of bucket/prefix"),
        ({"SKYSORT_BULK_SOURCES": '["survey-data/*"]'}, "SKYSORT_BULK_SOURCES must be a JSON list of bucket/prefix"),
        ({"SKYSORT_BULK_SOURCES": "survey-data/"}, "SKYSORT_BULK_SOURCES must be a JSON list of bucket/prefix"),
        ({"SKYSORT_BULK_CONCURRENCY": '{"star-bulk": 0}'}, "SKYSORT_BULK_CONCURRENCY must be a JSON object of whole"),
        ({"SKYSORT_BULK_CONCURRENCY": "[60]"}, "SKYSORT_BULK_CONCURRENCY must be a JSON object of whole numbers"),
    ],
)
def test_a_bad_setting_of_bulk_jobs_is_named(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        BulkSettings.from_environment(BUCKETS | environment)
