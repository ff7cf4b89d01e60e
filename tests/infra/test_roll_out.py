"""Roll-out: no alias moves to a version that was not proven, and a failing one is turned back."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        alarm = prod.one(watch.properties["Alarm"]["Ref"]).properties
        assert (alarm["MetricName"], alarm["TreatMissingData"]) == ("Errors", "notBreaching")


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
    assert dev.resources("Custom::Watch", "AWS::CodeDeploy::DeploymentGroup") == []
    assert len(dev.resources("Custom::Proof")) == len(dev.stage.functions)  # the hook does not prove itself
