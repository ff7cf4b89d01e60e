"""Step Functions: moto's own CloudFormation leaves out what a definition's placeholders stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.deploy.emulator.resources import ApiBacked, call

if TYPE_CHECKING:
    from tests.deploy.emulator.resources import Known

_RENAMES: Final = {"StateMachineName": "name", "StateMachineType": "type", "DefinitionString": "definition"}
_TYPE: Final = "AWS::StepFunctions::StateMachine"


def _given(properties: Known) -> Known:
    """A machine's properties as parameters, with the functions in place of the placeholders."""
    given = {_RENAMES.get(name, name): value for name, value in properties.items()}
    for name, value in given.pop("DefinitionSubstitutions", {}).items():
        given["definition"] = given["definition"].replace(f"${{{name}}}", value)
    return given


def _create(service: Any, known: Known) -> Known:
    properties = {name: value for name, value in known.items() if name not in {"LogicalId", "AccountId", "Region"}}
    return call(service, "create_state_machine", _given(properties), _TYPE)


def _update(service: Any, known: Known, properties: Known) -> None:
    given = _given(properties)
    changed = {name: given[name] for name in ("definition", "RoleArn", "LoggingConfiguration", "TracingConfiguration")}
    call(service, "update_state_machine", {"stateMachineArn": known["stateMachineArn"], **changed}, _TYPE)


TYPES: Final = (
    ApiBacked(
        _TYPE,
        "stepfunctions",
        _create,
        ref="{stateMachineArn}",
        attributes={"Arn": "{stateMachineArn}", "Name": "{StateMachineName}"},
        delete="delete_state_machine",
        key={"stateMachineArn": "{stateMachineArn}"},
        update=_update,
    ),
)
