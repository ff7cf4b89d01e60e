"""Links to other calls of the API, relative to the call that answers (RFC 3986, section 4.2).

The URL of a call may have more before its path than a function can know: the stage (``/prod/v1/...``), the base path of
a custom domain, or, behind CloudFront, neither. A relative reference leads to the same place in each case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN: Final = "/v1/"


def relative(path: str, resource: str) -> str:
    """A path of the API as seen from a call. resource: the path of that call, with or without its parameters."""
    return "../" * (resource.count("/") - 1) + path.removeprefix("/")


def located(document: Mapping[str, Any], resource: str, listed: str = "") -> dict[str, Any]:
    """A document whose links to calls are relative.

    Parameters
    ----------
    document
        An answer; its ``links`` are paths of the API, presigned URLs, names, or null.
    resource
        As in ``relative``.
    listed
        The member with a list of documents that have links too.

    Returns
    -------
    dict
        A copy.
    """
    found = dict(document)
    if "links" in found:
        found["links"] = {name: _seen_from(resource, link) for name, link in found["links"].items()}
    if listed:
        found[listed] = [located(each, resource) for each in found[listed]]
    return found


def _seen_from(resource: str, link: str | None) -> str | None:
    return relative(link, resource) if link is not None and link.startswith(_OWN) else link
