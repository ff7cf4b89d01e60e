"""The emulated AWS without its engine: properties as parameters, and tables that agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore.session
import pytest

from tests.deploy.differences import BY_EMULATOR, BY_MOTO, STUBS
from tests.deploy.emulator.catalogue import TYPES
from tests.deploy.emulator.parameters import UnknownPropertyError, parameters
from tests.deploy.emulator.resources import ApiBacked, Stub

if TYPE_CHECKING:
    from collections.abc import Callable

SESSION = botocore.session.get_session()


def convert(service: str, operation: str, properties: dict[str, Any]) -> Any:
    model = SESSION.get_service_model(service).operation_model(operation)
    assert model.input_shape is not None
    return parameters(model.input_shape, properties, "AWS::Test")


def test_names_are_spelt_as_the_call_spells_them() -> None:
    found = convert("apigateway", "CreateResource", {"RestApiId": "a", "ParentId": "b", "PathPart": "star"})
    assert found == {"restApiId": "a", "parentId": "b", "pathPart": "star"}


def test_text_becomes_numbers_and_documents_become_text() -> None:
    found = convert("lambda", "CreateFunction", {"FunctionName": "star", "Timeout": "15"})
    assert found["Timeout"] == 15
    found = convert("s3", "PutBucketPolicy", {"Bucket": "b", "Policy": {"Statement": []}})
    assert found["Policy"] == '{"Statement": []}'


def test_lists_of_tags_become_maps_and_other_lists_are_counted_where_the_call_counts() -> None:
    found = convert("lambda", "CreateFunction", {"Tags": [{"Key": "stage", "Value": "dev"}]})
    assert found["Tags"] == {"stage": "dev"}
    found = convert("cloudfront", "CreateDistribution", {"DistributionConfig": {"Aliases": ["a.example"]}})
    assert found["DistributionConfig"]["Aliases"] == {"Quantity": 1, "Items": ["a.example"]}


def test_a_property_that_no_parameter_takes_is_refused() -> None:
    with pytest.raises(UnknownPropertyError, match=r"AWS::Test\.Colour: the API has no such parameter"):
        convert("apigateway", "CreateResource", {"Colour": "blue"})


def test_every_type_is_there_once_and_by_calls_that_exist() -> None:
    assert len({how.type for how in TYPES}) == len(TYPES)
    for how in TYPES:
        if isinstance(how, ApiBacked):
            operations = {name.lower() for name in SESSION.get_service_model(how.service).operation_names}
            for call in filter(None, (how.create if isinstance(how.create, str) else "", how.delete)):
                assert call.replace("_", "") in operations, how.type


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_every_difference_from_aws_is_written_down(
    stage: str, service: Callable[[str], Any], page: Callable[[str], Any]
) -> None:
    resources = [*service(stage)["Resources"].values(), *page(stage)["Resources"].values()]
    assert {one["Type"] for one in resources} <= BY_MOTO.keys() | BY_EMULATOR.keys() | STUBS.keys()


def test_no_difference_is_written_down_of_what_is_not_deployed(
    service: Callable[[str], Any], page: Callable[[str], Any]
) -> None:
    templates = [template(stage) for template in (service, page) for stage in ("dev", "prod")]
    types = {one["Type"] for template in templates for one in template["Resources"].values()}
    assert types >= BY_MOTO.keys() | BY_EMULATOR.keys() | STUBS.keys()


def test_the_written_differences_are_those_of_the_emulator() -> None:
    assert not BY_MOTO.keys() & {how.type for how in TYPES}
    assert {name for name in BY_EMULATOR if not name.startswith("Custom::")} <= {
        how.type for how in TYPES if isinstance(how, ApiBacked)
    }
    assert STUBS.keys() <= {how.type for how in TYPES if isinstance(how, Stub)}
