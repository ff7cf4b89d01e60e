"""A CSV as an answer that browsers save, in pages that name the next."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from aws_lambda_powertools.event_handler import Response

CONTENT_TYPE = "text/csv; charset=utf-8"


def csv_response(name: str, text: str, following: str | None) -> Response[str]:
    """A CSV to be saved under a name; following: the path of its next page, if there is one (RFC 8288)."""
    saved_as = quote(name, safe="")
    headers: dict[str, str | list[str]] = {"Content-Disposition": f"attachment; filename*=UTF-8''{saved_as}"}
    if following:
        headers["Link"] = f'<{following}>; rel="next"'
    return Response(HTTPStatus.OK, CONTENT_TYPE, text, headers=headers)
