"""Stages refuse what AWS would refuse, and say why."""

from __future__ import annotations

import dataclasses
import re
from random import Random
from typing import TYPE_CHECKING

import pytest

from infra.api.routes import ROUTES
from infra.stages.deployments import STAGES, dev, local, prod
from infra.stages.functions import (
    AllAtOnce,
    Canary,
    FunctionSettings,
    OnDemand,
    Provisioned,
    ScheduledMinimum,
    SnapStart,
    StageError,
)
from infra.stages.readiness import readiness_request
from infra.stages.stage import ACCOUNT_CONCURRENCY, UNRESERVED, LocalLimits
from skysort.drop.deadline import SHARE_FOR_WORK
from skysort.limits import DROP_ALONE_RECEIVES, DROP_FILE_S
from skysort.models import CUSTOM, MODELS, PICTURES, of_kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.stages.queues import DropQueue


def star(**changes: object) -> FunctionSettings:
    settings = FunctionSettings("functions/star", "app.handler", "star", memory_mb=1769, timeout_s=15)
    return dataclasses.replace(settings, **changes)  # type: ignore[arg-type]


def queue(**changes: object) -> DropQueue:
    return dataclasses.replace(next(one for one in local(2).drop_queues if one.function == "star-drop"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_can_be_built_and_serves_every_route(name: str) -> None:
    stage = STAGES[name]()
    assert stage.name == name
    assert {route.function for route in ROUTES} <= set(stage.functions)


@pytest.mark.parametrize("name", STAGES)
def test_visibility_timeout_is_six_function_timeouts(name: str) -> None:
    stage = STAGES[name]()
    for one in stage.drop_queues:
        assert one.visibility_timeout_s >= 6 * stage.functions[one.function].timeout_s


def test_local_stage_has_a_star_sandbox_a_core() -> None:
    settings = local(cores=3).functions["star"]
    assert (settings.provisioned, settings.reserved_concurrency) == (3, 3)


def test_memory_buys_cores() -> None:
    assert [star(memory_mb=memory).vcpus for memory in (128, 1769, 3538, 10_240)] == [1, 1, 2, 5]


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Provisioned(0), "at least 1"),
        (lambda: Provisioned(5, maximum=3), "above its maximum of 3"),
        (lambda: Provisioned(1, maximum=5), "needs at least 2 sandboxes at any time"),
        (lambda: Provisioned(2, maximum=9, target_utilisation=0.3), "needs at least 4 sandboxes at any time"),
        (lambda: Provisioned(2, target_utilisation=1.0), "target utilisation must be from 0.1 to 0.9"),
        (lambda: ScheduledMinimum("cron(0 0 * * ? *)", 0), "at least 1 (got 0"),
        (lambda: Provisioned(1, schedule=(ScheduledMinimum("cron(0 0 * * ? *)", 4),)), "4 is above its maximum of 1"),
        (lambda: star(warm=Provisioned(5), reserved_concurrency=3), "provisioned concurrency 5 is above the maximum"),
        (lambda: star(reserved_concurrency=0), "would switch the function off"),
        (lambda: star(memory_mb=64), "memory_mb must be from 128 to 10240 (got 64"),
        (lambda: star(timeout_s=901), "timeout_s must be from 1 to 900"),
        (lambda: star(scratch_mb=100), "scratch_mb must be from 512"),
        (lambda: star(handler="app"), "must read like app.handler"),
        (lambda: AllAtOnce(watch_minutes=13), "watch_minutes must be from 0 to 12"),
        (lambda: Canary(percent=100), "a canary's percent must be from 1 to 99"),
        (lambda: Canary(minutes=0), "a canary's minutes must be from 1 to 60"),
        (
            lambda: star(warm=Provisioned(1), roll_out=Canary()),
            "Lambda rejects provisioned concurrency on such an alias",
        ),
        (lambda: star(warm=SnapStart(), scratch_mb=513), "SnapStart supports at most 512 MB of /tmp"),
        (lambda: star(warm=SnapStart(), signs=True), "it presigns with its initial credentials"),
        (lambda: queue(batch_size=11, batching_window_s=0), "needs a batching window of at least 1 s"),
        (lambda: queue(batch_size=0), "batch_size must be from 1"),
        (lambda: queue(max_receive_count=2), "max_receive_count must be at least 3"),
        (lambda: queue(maximum_concurrency=0), "maximum_concurrency must be at least 1"),
        (lambda: queue(visibility_timeout_s=43_201), "visibility_timeout_s must be from 0 to 43200"),
        (lambda: LocalLimits(queue_depth=-1), "queue_depth must not be negative"),
        (lambda: LocalLimits(queue_wait_s=-0.1), "queue_wait_s must not be negative"),
        (lambda: LocalLimits(redelivery_s=-1), "redelivery_s must be from 0 to 43200"),
    ],
)
def test_settings_that_cannot_work_are_refused(build: Callable[[], object], sentence: str) -> None:
    with pytest.raises(StageError, match=re.escape(sentence)):
        build()


def test_provisioned_and_snapstart_exclude_each_other_by_type() -> None:
    for warm in (Provisioned(1), SnapStart(), OnDemand()):
        assert star(warm=warm).provisioned == (1 if isinstance(warm, Provisioned) else 0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"results_bucket": "skysort-drop-local"}, "separate buckets"),
        ({"models_bucket": "skysort-drop-local"}, "separate buckets"),
        ({"functions": {"star": star()}}, "stage local has no function"),
        (
            {"drop_queues": (queue(model=MODELS["star"]._replace(name="comet")),)},
            "stage local has no function comet-drop",
        ),
        ({"drop_queues": (queue(visibility_timeout_s=5399),)}, "at least 6 times the timeout of star-drop, 5400 s"),
        ({"drop_queues": (queue(maximum_concurrency=2),)}, "would be throttled into the dead-letter queue"),
        ({"bulk_parts": {"star-bulk": 3}}, "bulk_parts of star-bulk: 3 at once are above the 2 reserved for it"),
        ({"bulk_parts": {"star-bulk": 0}}, "bulk_parts of star-bulk must be from 1 to 10000 (got 0)"),
        ({"bulk_parts": {"comet-bulk": 1}}, "bulk_parts: stage local has no function comet-bulk"),
        ({"bulk_sources": ("survey-data",)}, "'survey-data' must read like survey-data/dr9/, a bucket and"),
    ],
)
def test_stages_whose_parts_contradict_each_other_are_refused(changes: dict[str, object], sentence: str) -> None:
    stage = local(2)
    with pytest.raises(StageError, match=re.escape(sentence)):
        dataclasses.replace(stage, **changes)  # type: ignore[arg-type]


def test_an_http_function_may_not_outlast_the_gateway() -> None:
    stage = local(2)
    functions = {**stage.functions, "star": star(timeout_s=30)}
    with pytest.raises(StageError, match="the gateway's timeout is 29 s; its timeout_s is 30"):
        dataclasses.replace(stage, functions=functions)


def test_in_aws_an_event_source_has_at_least_two_at_once() -> None:
    with pytest.raises(StageError, match=re.escape("maximum_concurrency must be from 2 to 1000 (got 1")):
        dataclasses.replace(dev(), drop_queues=(queue(maximum_concurrency=1),))


def test_a_laptop_starts_few_sandboxes_ahead() -> None:
    """Each takes up to a hundred megabytes and half a second of a core."""
    ahead = {name: function.provisioned for name, function in local(cores=2).functions.items() if function.provisioned}
    assert ahead == {"star": 2, "star-drop": 1, **dict.fromkeys((*of_kind(PICTURES), "custom"), 1), "control": 1}


@pytest.mark.parametrize("name", STAGES)
def test_every_model_has_a_drop_folder_of_its_own(name: str) -> None:
    prefixes = {one.function: one.prefixes for one in STAGES[name]().drop_queues}
    own = {f"{model}-drop": (f"incoming/{model}/",) for model in (*MODELS, CUSTOM.name)}
    assert prefixes == own | {"star-drop": ("incoming/star/", "incoming/custom-star/")}


@pytest.mark.parametrize("name", STAGES)
def test_a_dropped_file_reaches_one_queue_and_an_upload_for_a_training_none(name: str) -> None:
    prefixes = [prefix for one in STAGES[name]().drop_queues for prefix in one.prefixes]
    assert not [one for one in prefixes for other in prefixes if one is not other and one.startswith(other)]
    assert not [one for one in prefixes if "incoming/training/".startswith(one)]


def test_logs_are_kept_for_days_that_cloudwatch_offers() -> None:
    with pytest.raises(StageError, match=r"log_days must be one of 1, 3, 5, 7, .*: 10"):
        dataclasses.replace(dev(), log_days=10)


def test_a_stage_does_not_commit_more_than_its_account_may() -> None:
    """A new account may run 10 sandboxes at once, and reserve none of them."""
    spared = 2 * (len(MODELS) + 1) + 3
    committed = (len(MODELS) + 1) * 35 + 10 + 15 + 2 + spared
    sentence = rf"stage dev commits {committed} sandboxes .* an account of 10 may commit 0"
    with pytest.raises(StageError, match=sentence):
        dataclasses.replace(dev(), account_concurrency=10)
    assert dataclasses.replace(dev().without_reservations(), account_concurrency=10).name == "dev"


def test_in_aws_every_function_has_a_ceiling_or_the_account_is_the_only_one() -> None:
    """A function without one can be kept busy with every sandbox that the account has left, at its owner's cost."""
    for stage in (dev(), prod()):
        assert all(function.reserved_concurrency for function in stage.functions.values())
        assert stage.release_hook_concurrency
        assert stage.without_reservations().without_any_reserved
    control = dataclasses.replace(prod().functions["control"], reserved_concurrency=None)
    functions = {**prod().functions, "control": control}
    with pytest.raises(StageError, match="stage prod reserves no concurrency for control: its callers could use up"):
        dataclasses.replace(prod(), functions=functions)


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("star-drop", {"reserved_concurrency": 20}, "skysort-star-drop-prod may take 20 of the 20 sandboxes reserved"),
        ("star-bulk", {"reserved_concurrency": 60}, "bulk_parts may take 60 of the 60 sandboxes reserved for it"),
        ("star", {"reserved_concurrency": 50}, "provisioned concurrency may take 50 of the 50 sandboxes reserved"),
    ],
)
def test_a_busy_function_can_still_be_deployed(name: str, changes: dict[str, int], sentence: str) -> None:
    """Its new version is proven in one of the sandboxes that are reserved for the function."""
    stage = prod()
    functions = {**stage.functions, name: dataclasses.replace(stage.functions[name], **changes)}  # type: ignore[arg-type]
    with pytest.raises(
        StageError, match=rf"{name}: {sentence}.* reserve at least {changes['reserved_concurrency'] + 1}"
    ):
        dataclasses.replace(stage, functions=functions)


def test_the_release_hook_has_a_sandbox_for_everything_that_it_does_at_once() -> None:
    """Four functions are watched, one is shifted, and three are proven at the same time."""
    with pytest.raises(StageError, match=r"release_hook_concurrency is 7, .* watches or shifts 5; reserve at least 8"):
        dataclasses.replace(prod(), release_hook_concurrency=7)


def test_two_stages_fit_one_account() -> None:
    assert dev().committed + prod().committed <= ACCOUNT_CONCURRENCY - UNRESERVED


def test_provisioned_concurrency_counts_against_the_account_at_its_maximum() -> None:
    spared = 2 * (len(MODELS) + 1) + 3
    assert prod().committed == (len(MODELS) + 1) * (100 + 20 + 30) + 30 + (16 + 5 + 5) + 40 + 10 + 1 + spared
    provisioned = len(MODELS) * 50
    with pytest.raises(StageError, match=rf"commits {provisioned} .* deploy a stage without provisioned concurrency"):
        dataclasses.replace(prod().without_reservations(), account_concurrency=provisioned + 90)


@pytest.mark.parametrize("name", STAGES)
def test_every_dropped_file_has_a_whole_invocation_in_the_end(name: str) -> None:
    stage = STAGES[name]()
    for queue in stage.drop_queues:
        # An invocation has time for one file's limit, and some to come to its first file
        assert SHARE_FOR_WORK * stage.functions[queue.function].timeout_s >= DROP_FILE_S + 30
        # Killed together until they are tried alone; from then on one at least has its outcome every time.
        assert queue.max_receive_count >= DROP_ALONE_RECEIVES - 1 + queue.batch_size


def most_deliveries(files: int, batch_size: int, seed: int) -> int:
    """How often a file is delivered at most, if every invocation has time for one and takes the most delivered."""
    random, waiting, most = Random(seed), [0] * files, 0
    while waiting:
        random.shuffle(waiting)
        taken = sorted(deliveries + 1 for deliveries in waiting[:batch_size])
        most = max(most, *taken)
        waiting = waiting[batch_size:] + taken[:-1]
    return most


@pytest.mark.parametrize("name", STAGES)
def test_a_backlog_of_slow_archives_leaves_no_dead_letter(name: str) -> None:
    # Given a hundred archives, each of which takes a whole invocation, so that the others of its batch come again
    for queue in STAGES[name]().drop_queues:
        most = max(most_deliveries(100, queue.batch_size, seed) for seed in range(20))
        # Then none has come so often, before its turn, that it counts as failed; in batches of ten most of them would
        assert most <= queue.max_receive_count < most_deliveries(100, 10, seed=0)


def test_a_function_that_answers_no_requests_cannot_scale() -> None:
    with pytest.raises(StageError, match="star-drop answers no requests, so nothing can keep its utilisation known"):
        readiness_request("star-drop")
