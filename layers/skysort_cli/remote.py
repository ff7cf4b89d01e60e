"""One model of a service: bodies out, answers in."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from skysort_cli.exits import ProblemError, ServiceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort_cli.client import Client

OPTIONS: Final = frozenset({"top_k", "labels", "explain"})


class Remote:
    """POST /v1/classify/<model> with the same options each time; `answer` may run in several threads."""

    def __init__(self, client: Client, model: str, query: Mapping[str, str]) -> None:
        self._client = client
        self._path = f"/v1/classify/{model}"
        self._query = dict(query)

    def answer(self, body: bytes, content_type: str) -> dict[str, Any]:
        """The answer to one request.

        Raises ProblemError for this input, and UsageError or ServiceError for what every other would meet as well.
        """
        try:
            answer: dict[str, Any] = self._client.post(self._path, body, content_type, self._query)
        except ProblemError as error:
            fields = {str(field.get("field")) for field in error.problem.get("errors", []) if isinstance(field, dict)}
            if fields and fields <= OPTIONS:
                raise UsageError(error.detail) from error
            status = error.problem.get("status")
            if status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
                url = self._client.endpoint.url
                raise ServiceError(
                    f"{url} does not answer {self._path}: {error.detail}; is the address right?"
                ) from error
            if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                raise ProblemError(
                    {**error.problem, "detail": f"{error.detail}; `skysort drop` takes larger files"}
                ) from error
            raise
        if not isinstance(answer.get("results"), list) or not answer["results"]:
            raise ServiceError(f"{self._client.endpoint.url} answers without results; is it skysort?")
        return answer
