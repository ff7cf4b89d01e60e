"""One operation on a stack: from one template to another, or back to where it was."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from moto.cloudformation import parsing
from moto.cloudformation.models import Event

from tests.deploy.emulator import code_deploy
from tests.deploy.emulator.formation.order import order
from tests.deploy.emulator.refusals import names, replacement, retention
from tests.deploy.emulator.refusals.errors import RefusedError, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moto.cloudformation.models import Stack
    from moto.cloudformation.parsing import ResourceMap

    from tests.deploy.emulator.account import Account

_LOGGER: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that is there: moto's model of it, its entry in the template, and the properties it was made by."""

    model: Any
    entry: Mapping[str, Any]
    properties: Mapping[str, Any]


class Operation:
    """Brings the resources of a stack to another template.

    Raises RefusedError once it has taken back what it did; `rolled_back` says whether that went well.
    """

    def __init__(self, account: Account, stack: Stack) -> None:
        self._account = account
        self._stack = stack
        self._map: ResourceMap = stack.resource_map
        self._made: dict[str, Made] = stack.__dict__.setdefault("made", {})
        self._undo: list[Callable[[], None]] = []
        self._replaced: list[Made] = []
        self.rolled_back = True

    def apply(self, template: dict[str, Any], parameters: dict[str, Any]) -> None:
        """Make, change and replace in order; then delete what is left over, which fails no operation."""
        before = self._map._template
        known = self._load(template, parameters)
        for logical_id in order(known):
            try:
                self._bring(logical_id, known[logical_id])
            except Exception as error:
                why = reason(error)
                _LOGGER.warning("%s: %s", logical_id, why, exc_info=not isinstance(error, RefusedError))
                self._tell(logical_id, known[logical_id]["Type"], self._verb(logical_id, "FAILED"), why)
                self._roll_back(before, parameters)
                raise RefusedError(f"{logical_id}: {why}") from error
        left = [logical_id for logical_id in self._made if logical_id not in known]
        for made in reversed(self._replaced):
            if not retention.survives_replacement(made.entry):
                self._try(partial(self._delete, made))
        for logical_id in reversed(left):
            made = self._made.pop(logical_id)
            self._map._parsed_resources.pop(logical_id, None)
            if not retention.survives_deletion(made.entry):
                self._try(partial(self._delete, made))

    def delete(self) -> None:
        """Delete everything that is not retained, dependents first; raises RefusedError where something stays."""
        failed = []
        for logical_id, made in reversed(list(self._made.items())):
            if not retention.survives_deletion(made.entry):
                try:
                    self._delete(made)
                except Exception as error:
                    failed.append(logical_id)
                    self._tell(logical_id, made.entry["Type"], "DELETE_FAILED", reason(error))
                    continue
            del self._made[logical_id]
            self._map._parsed_resources.pop(logical_id, None)
        self._map._resource_json_map = {name: self._map._resource_json_map[name] for name in failed}
        if failed:
            raise RefusedError(f"The following resource(s) failed to delete: [{', '.join(failed)}]. ")

    def _load(self, template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
        """Have moto know a template; its entries whose conditions hold."""
        found = self._map
        found._template = template
        if parameters:
            found.input_parameters = parameters
        found.load_mapping()
        found.load_parameters()
        found.load_conditions()
        entries = template.get("Resources", {})
        known = {
            logical_id: entry
            for logical_id, entry in entries.items()
            if "Condition" not in entry or found.lazy_condition_map[entry["Condition"]]
        }
        found._resource_json_map = known
        return known

    def _bring(self, logical_id: str, entry: dict[str, Any]) -> None:
        model, resolved, name = parsing.parse_resource_and_generate_name(logical_id, dict(entry), self._map)
        before = self._made.get(logical_id)
        if before is None:
            self._make(logical_id, entry, model, resolved, name)
        elif before.properties == resolved["Properties"]:
            self._note(logical_id, Made(before.model, entry, before.properties))
        elif before.entry["Type"] != entry["Type"]:
            raise RefusedError(
                f"Update of resource type is not permitted. The new template modifies resource type of "
                f"the following resources: [{logical_id}]"
            )
        elif replacement.replaces(entry["Type"], before.properties, resolved["Properties"]):
            self._make(logical_id, entry, model, resolved, name)
            self._replaced.append(before)
        else:
            self._change(logical_id, entry, model, resolved, before)

    def _make(self, logical_id: str, entry: dict[str, Any], model: Any, resolved: Any, name: str) -> None:
        before = self._made.get(logical_id)
        type_, properties, region = entry["Type"], resolved["Properties"], self._stack.region_name
        names.take(self._account, type_, properties, region, self._stack.name)
        try:
            more = {"LogicalId": logical_id, "StackId": self._map.stack_id, "ResourceType": type_}
            found = model.create_from_cloudformation_json(name, resolved, self._stack.account_id, region, **more)
        except Exception:
            names.give_back(self._account, type_, properties, region)
            raise
        made = Made(found, entry, properties)
        self._note(logical_id, made)
        self._tell(logical_id, type_, "CREATE_COMPLETE", None)

        def take_back() -> None:
            if not retention.survives_rollback(entry):
                self._delete(made)
            self._forget(logical_id, before)

        self._undo.append(take_back)

    def _change(self, logical_id: str, entry: dict[str, Any], model: Any, resolved: Any, before: Made) -> None:
        where = self._stack.account_id, self._stack.region_name

        def change(old: Made, document: dict[str, Any], to: dict[str, Any]) -> None:
            found = old.model
            if not hasattr(model.update_from_cloudformation_json, "__isabstractmethod__"):
                found = model.update_from_cloudformation_json(
                    old.model, old.model.physical_resource_id, document, *where
                )
            self._note(logical_id, Made(found, to, document["Properties"]))

        def change_back() -> None:
            old = {"Type": entry["Type"], "Properties": dict(before.properties)}
            change(self._made[logical_id], old, dict(before.entry))

        # A custom resource that fails may have acted before: CloudFormation has it go back too.
        self._undo.append(change_back)
        code_deploy.before_shift(entry, before.properties, resolved["Properties"], self._stack.region_name, self._map)
        change(before, resolved, entry)
        self._tell(logical_id, entry["Type"], "UPDATE_COMPLETE", None)

    def _note(self, logical_id: str, made: Made) -> None:
        made.model.cf_resource_type = made.entry["Type"]
        made.model.logical_resource_id = logical_id
        self._made[logical_id] = made
        self._map._parsed_resources[logical_id] = made.model

    def _forget(self, logical_id: str, before: Made | None) -> None:
        if before is not None:
            self._note(logical_id, before)
            return
        self._made.pop(logical_id, None)
        self._map._parsed_resources.pop(logical_id, None)

    def _delete(self, made: Made) -> None:
        self._map._delete_resource(made.model, dict(made.entry))
        names.give_back(self._account, made.entry["Type"], made.properties, self._stack.region_name)

    def _roll_back(self, before: dict[str, Any], parameters: dict[str, Any]) -> None:
        for back in reversed(self._undo):
            self._try(back, fatal=True)
        if before:
            self._load(before, parameters)
        else:
            self._map._template = before
        self._map._resource_json_map = {logical_id: dict(made.entry) for logical_id, made in self._made.items()}

    def _try(self, action: Callable[[], None], *, fatal: bool = False) -> None:
        try:
            action()
        except Exception as error:
            _LOGGER.warning("a clean-up failed", exc_info=True)
            self._tell(self._stack.name, "AWS::CloudFormation::Stack", "DELETE_FAILED", reason(error))
            self.rolled_back = self.rolled_back and not fatal

    def _verb(self, logical_id: str, state: str) -> str:
        return f"{'UPDATE' if logical_id in self._made else 'CREATE'}_{state}"

    def _tell(self, logical_id: str, type_: str, status: str, why: str | None) -> None:
        made = self._made.get(logical_id)
        self._stack.events.append(
            Event(
                stack_id=self._stack.stack_id,
                stack_name=self._stack.name,
                logical_resource_id=logical_id,
                physical_resource_id=str(getattr(made.model, "physical_resource_id", "")) if made else "",
                resource_type=type_,
                resource_status=status,
                resource_status_reason=why,
                resource_properties=None,
            )
        )
