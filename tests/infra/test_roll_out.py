"""Roll-out: no alias moves to a version that was not proven, and a failing one is turned back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysort.metric_names import FAILED
from skysort.release.verifier import PROOF_S
from tests.infra.synth import flat
from tests.infra.test_functions import alias_of

if TYPE_CHECKING:
    from tests.infra.synth import Synthesised


def test_every_alias_waits_for_its_proof_or_is_moved_by_codedeploy(stage: Synthesised) -> None:
    proofs = {one.properties["Function"]: one for one in stage.resources("Custom::Proof")}
    for name in stage.stage.functions:
        alias = alias_of(stage, name)
        if "UpdatePolicy" in alias.whole:
            update = alias.whole["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
            assert update["BeforeAllowTrafficHook"] == {"Ref": "ReleaseHookFunction"}
            assert name not in proofs
        else:
            assert proofs[name].logical_id in alias.whole["DependsOn"]
            # The proof is about the very version that the alias moves to
            assert proofs[name].properties["Version"] == {"Ref": alias.properties["FunctionVersion"]["Fn::GetAtt"][0]}


def test_an_alias_with_provisioned_concurrency_is_never_weighted(stage: Synthesised) -> None:
    for alias in stage.resources("AWS::Lambda::Alias"):
        if "ProvisionedConcurrencyConfig" in alias.properties:
            assert "UpdatePolicy" not in alias.whole
            assert "RoutingConfig" not in alias.properties


def test_functions_that_classify_are_watched_after_they_took_over(prod: Synthesised) -> None:
    watches = {one.properties["Function"]: one for one in prod.resources("Custom::Watch")}
    assert watches.keys() == {"star", "galaxy", "image", "custom"}
    for name, watch in watches.items():
        assert alias_of(prod, name).logical_id in watch.whole["DependsOn"]
        # CloudFormation gives up on a resource later than the watch ends
        assert int(watch.properties["ServiceTimeout"]) > 60 * int(watch.properties["Minutes"])


def test_crashes_and_answers_of_5xx_turn_a_release_back(prod: Synthesised) -> None:
    """A function answers every exception, so a release that fails all requests has no error of Lambda's."""
    alarms = [
        one for one in prod.resources("AWS::CloudWatch::Alarm") if one.properties["AlarmName"].endswith("release")
    ]
    assert len(alarms) == 5
    for alarm in alarms:
        deployed = alarm.properties["AlarmName"].removesuffix("-release")
        metrics = {one["Id"]: one for one in alarm.properties["Metrics"]}
        (share,) = [one for one in metrics.values() if one.get("ReturnData", True)]
        failures = "FILL(errors, 0) + FILL(answers, 0)"
        assert share["Expression"] == f"IF({failures} >= 3, ({failures}) / calls, 0)"
        answers = metrics["answers"]["MetricStat"]["Metric"]
        assert (answers["Namespace"], answers["MetricName"]) == ("skysort", FAILED)
        assert answers["Dimensions"] == [{"Name": "service", "Value": deployed}]
        for name, metric in (("errors", "Errors"), ("calls", "Invocations")):
            found = metrics[name]["MetricStat"]["Metric"]
            assert (found["Namespace"], found["MetricName"]) == ("AWS/Lambda", metric)
            assert [one["Name"] for one in found["Dimensions"]] == ["FunctionName", "Resource"]
        # FILL puts 0 into the newest minute until its data has come: the minutes before are looked at again
        periods = (alarm.properties["DatapointsToAlarm"], alarm.properties["EvaluationPeriods"])
        assert (periods, alarm.properties["TreatMissingData"]) == ((1, 3), "notBreaching")


def test_a_few_functions_are_proven_at_once_in_the_sandboxes_of_a_new_account(stage: Synthesised) -> None:
    # Given the proofs, and for which others each waits
    proofs = {one.logical_id: one for one in stage.resources("Custom::Proof")}
    waits = {name: proofs.keys() & set(one.whole["DependsOn"]) for name, one in proofs.items()}
    # When those start that wait for nothing, and the others as soon as they may
    at_once = []
    while waits:
        ready = {name for name, others in waits.items() if not others}
        at_once.append(len(ready))
        waits = {name: others - ready for name, others in waits.items() if name not in ready}
    # Then they never take more than six of ten: the hook's, and the function's
    assert max(at_once) == 3
    assert sum(at_once) == len(proofs)


def test_sandboxes_that_are_kept_warm_are_restored_after_the_alias_moved(prod: Synthesised) -> None:
    proofs = {one.properties["Function"]: one for one in prod.resources("Custom::Proof")}
    kept = {one.properties["Function"]: one for one in prod.resources("Custom::Keep")}
    assert kept.keys() == {"star", "galaxy", "image"}
    for name, keep in kept.items():
        # The proof reads their number before; the version makes every move of the alias an update
        assert keep.properties["Provisioned"] == {"Fn::GetAtt": [proofs[name].logical_id, "Provisioned"]}
        assert keep.properties["Version"] == proofs[name].properties["Version"]
        assert proofs[name].properties["Provisioned"] == "2"
        alias = alias_of(prod, name)
        assert alias.logical_id in keep.whole["DependsOn"]
        assert alias.properties["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 2}
        for one in (keep, proofs[name]):
            assert (one.properties["Deployed"], one.properties["Alias"]) == (f"skysort-{name}-prod", "live")


def test_cloudformation_waits_for_the_reason_of_a_proof_that_waited_in_vain(stage: Synthesised) -> None:
    """The last call begins when the time for the proof is nearly over, and takes up to a minute."""
    for proof in stage.resources("Custom::Proof"):
        waits = int(proof.properties["ServiceTimeout"])
        assert PROOF_S + 60 < waits < stage.one("ReleaseHookFunction").properties["Timeout"]


def test_the_canary_turns_back_at_its_alarm(prod: Synthesised) -> None:
    (group,) = prod.resources("AWS::CodeDeploy::DeploymentGroup")
    assert "DEPLOYMENT_STOP_ON_ALARM" in group.properties["AutoRollbackConfiguration"]["Events"]
    (alarm,) = group.properties["AlarmConfiguration"]["Alarms"]
    assert prod.one(alarm["Name"]["Ref"]).properties["AlarmName"] == "skysort-control-prod-release"
    (config,) = prod.resources("AWS::CodeDeploy::DeploymentConfig")
    canary = config.properties["TrafficRoutingConfig"]["TimeBasedCanary"]
    assert canary == {"CanaryInterval": 5, "CanaryPercentage": 10}


def test_the_hook_knows_what_codedeploy_is_about_to_shift(prod: Synthesised) -> None:
    versions = prod.one("ReleaseHookFunction").properties["Environment"]["Variables"]["SKYSORT_NEW_VERSIONS"]
    version = alias_of(prod, "control").properties["FunctionVersion"]["Fn::GetAtt"][0]
    assert flat(versions) == f'{{"control": "<{version}>"}}'


def test_in_dev_nothing_is_waited_for(dev: Synthesised) -> None:
    assert dev.resources("Custom::Watch", "Custom::Keep", "AWS::CodeDeploy::DeploymentGroup") == []
    assert len(dev.resources("Custom::Proof")) == len(dev.stage.functions)  # the hook does not prove itself
