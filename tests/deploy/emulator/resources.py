"""Resources that CloudFormation makes by calls of their service's API, where moto's CloudFormation does not.

moto knows most services well, and few of their CloudFormation types. A `ApiBacked` says by which calls to moto's own
API a type is made; an `Stub` names a type that moto has no service for: it is noted, and nothing is made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.cloudformation import parsing

from tests.deploy.emulator.parameters import parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

# Operations that change what is there where they are called again.
_PUTS: Final = ("put_", "register_")
Known = dict[str, Any]
# Makes a type that takes more than one call, from (client, what is known of it); answers what Ref and
# Fn::GetAtt may need.
Create = Callable[[Any, Known], Known]
# Makes what one property asks for: (client, what is known of the resource, the property's value).
Then = Callable[[Any, Known, Any], object]
# Changes a resource in place: (client, what is known of it, the new properties).
Update = Callable[[Any, Known, Known], object]


@dataclass(frozen=True, slots=True)
class ApiBacked:
    """By which calls one type is made, and where Ref and Fn::GetAtt find their values.

    type: as templates have it. service: boto3's name. create: the operation, which takes the properties under their
    own names or those of `renames`, and `fixed` beside them. then: properties that take a call of their own.
    name: the property that CloudFormation invents a value for.
    ref, attributes, key and fixed are format strings over what is known: the properties, the answer of `create`
    ("{UserPool[Arn]}"), LogicalId, AccountId and Region. key: the parameters of `delete`; without
    it, the resource goes with what it belongs to. update: how it changes in place; without it, calls that put are made
    again, and of other types the new properties are noted, not applied.
    """

    type: str
    service: str
    create: str | Create
    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    delete: str = ""
    key: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    renames: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    then: Mapping[str, Then] = field(default_factory=dict)
    update: Update | None = None


@dataclass(frozen=True, slots=True)
class Stub:
    """A type that moto has no service for; ref and attributes are format strings as in `ApiBacked`."""

    type: str
    ref: str = "{LogicalId}"
    attributes: Mapping[str, str] = field(default_factory=dict)
    name: str = ""


class _Resource:
    """What moto's CloudFormation asks of a resource, answered from a `ApiBacked` or an `Stub`."""

    how: ClassVar[ApiBacked | Stub]

    def __init__(self, known: Known) -> None:
        self.known = known

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.how.type

    @classmethod
    def cloudformation_name_type(cls) -> str:
        return cls.how.name

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in cls.how.attributes

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Known, account_id: str, region_name: str, **more: Any
    ) -> _Resource:
        properties = dict(cloudformation_json["Properties"])
        if cls.how.name:
            properties.setdefault(cls.how.name, resource_name)
        known = {"LogicalId": more["LogicalId"], "AccountId": account_id, "Region": region_name, **properties}
        return cls(known | _make(cls.how, properties, known) if isinstance(cls.how, ApiBacked) else known)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: _Resource,
        new_resource_name: str,
        cloudformation_json: Known,
        account_id: str,
        region_name: str,
    ) -> _Resource:
        del new_resource_name, account_id
        before, how = original_resource.known, cls.how
        properties = cloudformation_json["Properties"]
        known = before | properties
        if isinstance(how, Stub):
            return cls(known)
        service = client(how.service, region_name)
        if how.update is not None:
            how.update(service, before, properties)
        elif isinstance(how.create, str) and how.create.startswith(_PUTS):
            known |= _make(how, dict(properties), known)
        else:
            for name in how.then:
                if name in properties and properties[name] != before.get(name):
                    how.then[name](service, known, properties[name])
        return cls(known)

    @classmethod
    def delete_from_cloudformation_json(cls, *_: Any) -> None:
        """Not used: `delete` does it."""

    @property
    def physical_resource_id(self) -> str:
        return self.how.ref.format_map(self.known)

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return self.how.attributes[attribute_name].format_map(self.known)

    def is_created(self) -> bool:
        return True

    def delete(self, account_id: str, region: str) -> None:  # noqa: ARG002 - moto's signature
        how = self.how
        if not isinstance(how, ApiBacked) or not how.delete:
            return
        try:
            getattr(client(how.service, region), how.delete)(**filled(how.key, self.known))
        except ClientError as error:
            # It may have gone with what it belonged to.
            if not is_absent(error):
                raise


def client(service: str, region: str) -> Any:
    """A client of the emulated AWS: of AWS_ENDPOINT_URL where a server has it, or of moto in this process."""
    return _client(service, region, os.environ.get("AWS_ENDPOINT_URL"))


@cache
def _client(service: str, region: str, endpoint: str | None) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="emulator",
        aws_secret_access_key="emulator",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, read_timeout=300),
    )


def filled(texts: Mapping[str, str], known: Known) -> dict[str, str]:
    """The format strings with what is known filled in."""
    return {name: text.format_map(known) for name, text in texts.items()}


def is_absent(error: ClientError) -> bool:
    """Whether a call failed because what it names is not there."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status == HTTPStatus.NOT_FOUND or "NotFound" in error.response["Error"]["Code"]


def register(patch: pytest.MonkeyPatch, types: Iterable[ApiBacked | Stub], custom: type) -> None:
    """Have moto's CloudFormation make these types so, in place of what it has for them itself.

    custom: makes all of Custom::... Other types that moto does not know are refused: it leaves them out, and everything
    goes on as if they were there.
    """
    ours = {how.type: type(how.type.replace("::", ""), (_Resource,), {"how": how}) for how in types}
    find, name = parsing.resource_class_from_type, parsing.resource_name_property_from_type

    def find_or_refuse(resource_type: str) -> Any:
        found: Any = custom if resource_type.startswith("Custom::") else ours.get(resource_type) or find(resource_type)
        if found is None and resource_type not in parsing.NULL_MODELS:
            raise LookupError(f"the emulated CloudFormation has no {resource_type}: see tests/deploy/emulator")
        return found

    def name_of(resource_type: str) -> str | None:
        found: Any = ours.get(resource_type)
        return found.how.name if found else name(resource_type)

    patch.setattr(parsing, "resource_class_from_type", find_or_refuse)
    patch.setattr(parsing, "resource_name_property_from_type", name_of)


def call(service: Any, operation: str, given: Mapping[str, Any], path: str) -> Known:
    """Call an operation with properties as its parameters; path is the resource's, for what cannot be handed on."""
    model = service.meta.service_model.operation_model(service.meta.method_to_api_mapping[operation])
    answer: Known = getattr(service, operation)(**parameters(model.input_shape, given, path))
    answer.pop("ResponseMetadata", None)
    return answer


def _make(how: ApiBacked, properties: Known, known: Known) -> Known:
    service = client(how.service, known["Region"])
    later = {name: properties.pop(name) for name in how.then if name in properties}
    if callable(how.create):
        answer = how.create(service, known)
    else:
        given = {how.renames.get(name, name): value for name, value in properties.items()}
        answer = call(service, how.create, given | filled(how.fixed, known), how.type)
    try:
        for name, value in later.items():
            how.then[name](service, known | answer, value)
    except ClientError:
        # What failed half-way is deleted in the roll-back of its stack.
        getattr(service, how.delete)(**filled(how.key, known | answer))
        raise
    return answer
