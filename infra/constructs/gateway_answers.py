"""API Gateway's own answers as problem documents, in the form that the functions give theirs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import aws_apigateway as apigateway

from infra.api.gateway_problems import GATEWAY_ANSWERS, UNSIGNED
from infra.stages.api import Iam
from skysort import problems
from skysort.http.headers import EVERY_ANSWER

if TYPE_CHECKING:
    from infra.api.gateway_problems import GatewayAnswer
    from infra.stages.api import ApiSettings


def add_gateway_answers(api: apigateway.RestApi, settings: ApiSettings) -> None:
    """Give every response type of the gateway the problem form, with Retry-After where waiting helps."""
    answers = dict(GATEWAY_ANSWERS)
    if isinstance(settings.authoriser, Iam):
        answers["MISSING_AUTHENTICATION_TOKEN"] = UNSIGNED
    for response_type, answer in answers.items():
        api.add_gateway_response(
            "".join(part.capitalize() for part in response_type.split("_")),
            type=apigateway.ResponseType.of(response_type),
            status_code=str(int(answer.problem.status)),
            response_headers=_headers(answer, settings),
            templates={"application/json": _template(answer)},
        )


def _template(answer: GatewayAnswer) -> str:
    """The document; the gateway replaces $context.requestId by the request's id, which needs no escaping."""
    status, kind, title = answer.problem
    return json.dumps(problems.document(status, kind, title, answer.detail, request_id="$context.requestId"))


def _headers(answer: GatewayAnswer, settings: ApiSettings) -> dict[str, str]:
    """Static headers, each in quotes of its own, as the gateway asks for."""
    headers = {"Content-Type": problems.CONTENT_TYPE, **EVERY_ANSWER}
    if answer.retry_after_s is not None:
        headers["Retry-After"] = str(answer.retry_after_s)
    if settings.page_origin:
        headers["Access-Control-Allow-Origin"] = settings.page_origin
    return {name: f"'{value}'" for name, value in headers.items()}
