"""Settings are refused at start, with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from skysort.clients import Sharing
from skysort.errors import ConfigurationError
from skysort.settings import ControlSettings, StarSettings

HERE = Path(__file__).parent


def test_without_settings_the_defaults_are_the_functions_own(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    settings = StarSettings.from_environment({}, tmp_path)
    assert settings == StarSettings(tmp_path / "model", threads=1, cache_entries=1_000)


def test_threads_follow_the_memory_that_lambda_gives() -> None:
    environment = {"SKYSORT_STAR_MODEL": str(HERE), "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3538"}
    assert StarSettings.from_environment(environment, HERE).threads == 2


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"SKYSORT_THREADS": "many"}, "SKYSORT_THREADS must be a whole number from 1 to 64, got 'many'"),
        ({"SKYSORT_THREADS": "0"}, "SKYSORT_THREADS must be"),
        ({"SKYSORT_CACHE_ENTRIES": "-1"}, "SKYSORT_CACHE_ENTRIES must be"),
        ({"SKYSORT_STAR_MODEL": "/nowhere"}, "SKYSORT_STAR_MODEL must name a folder, and /nowhere is none"),
    ],
)
def test_a_bad_setting_is_named(environment: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        StarSettings.from_environment({"SKYSORT_STAR_MODEL": str(HERE), **environment}, HERE)


def test_cards_lie_beside_the_control_function(tmp_path: Path) -> None:
    buckets = {"SKYSORT_DROP_BUCKET": "drop", "SKYSORT_RESULTS_BUCKET": "results"}
    assert ControlSettings.from_environment(buckets, tmp_path / "control").cards_folder == tmp_path


def test_clients_are_kept_apart_unless_the_stage_says_that_they_share(tmp_path: Path) -> None:
    buckets = {"SKYSORT_DROP_BUCKET": "drop", "SKYSORT_RESULTS_BUCKET": "results"}
    told = [
        ControlSettings.from_environment({**buckets, **clients}, tmp_path / "control").clients
        for clients in ({}, {"SKYSORT_CLIENTS": "separate"}, {"SKYSORT_CLIENTS": "shared"})
    ]
    assert told == [Sharing.SEPARATE, Sharing.SEPARATE, Sharing.SHARED]
    with pytest.raises(ConfigurationError, match="SKYSORT_CLIENTS must be shared or separate, got 'both'"):
        ControlSettings.from_environment({**buckets, "SKYSORT_CLIENTS": "both"}, tmp_path)


@pytest.mark.parametrize("missing", ["SKYSORT_DROP_BUCKET", "SKYSORT_RESULTS_BUCKET"])
def test_control_does_not_start_without_its_buckets(missing: str, tmp_path: Path) -> None:
    buckets = {"SKYSORT_DROP_BUCKET": "drop", "SKYSORT_RESULTS_BUCKET": "results"}
    with pytest.raises(ConfigurationError, match=f"{missing} must name the bucket"):
        ControlSettings.from_environment({**buckets, missing: ""}, tmp_path)
