"""Whose batches, uploads and dropped files a request may use: one client's own, or everybody's.

The gateway says who the caller is, never the caller: API Gateway puts the verified identity into the event's
requestContext ("Input format of a Lambda function for proxy integration").
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from skysort.drop.keys import INCOMING, model_segments
from skysort.errors import UnauthenticatedError

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER_PREFIX: Final = "client-"
# 96 bits: no two identities share a folder.
FOLDER_DIGITS: Final = 24
_UNSAFE_SEGMENTS: Final = frozenset({"", ".", ".."})


class Sharing(StrEnum):
    """Which of each other's batches the clients of a stage can see."""

    SHARED = "shared"  # all
    SEPARATE = "separate"  # none


@dataclass(frozen=True, slots=True)
class Client:
    """Whose files a request may name.

    folder: in the drop and results buckets, between a model and its batches: incoming/<model>/<folder>/<batch>/, and
    incoming/custom/<name>/<folder>/<batch>/ for a trained model. Empty if the stage's clients share everything:
    incoming/<model>/<batch>/.
    """

    folder: str = ""

    def path(self, batch: str) -> str:
        """A batch's folder below its model's, inside the client's own if clients are separate."""
        return f"{self.folder}/{batch}" if self.folder else batch

    def may_read(self, key: str) -> bool:
        """Whether a key of the drop bucket is one of this client's files, for any model."""
        if not self.folder:
            return key.startswith(INCOMING)
        incoming, *segments = key.split("/")
        folder, *rest = [*segments[model_segments(segments[0] if segments else "") :], ""]
        inside = f"{incoming}/" == INCOMING and folder == self.folder and any(rest)
        # Keys that a store or a proxy might resolve to another path belong to nobody.
        return inside and not _UNSAFE_SEGMENTS & {incoming, *segments}


EVERYBODY: Final = Client()


def client_of(event: Mapping[str, object], sharing: Sharing) -> Client:
    """The client that an API Gateway REST event comes from.

    Returns
    -------
    The client; its folder is a hash, so that no identity, whatever it contains, can name another's.

    Raises
    ------
    UnauthenticatedError
        If clients are separate and the gateway has not verified an identity.
    """
    if sharing is Sharing.SHARED:
        return EVERYBODY
    identity = identity_of(event)
    if identity is None:
        raise UnauthenticatedError(
            "This call requires authentication: send an API key, sign the request or send a valid token."
        )
    # JSON is unambiguous whatever an issuer or a subject contains.
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    return Client(f"{FOLDER_PREFIX}{digest[:FOLDER_DIGITS]}")


def identity_of(event: Mapping[str, object]) -> tuple[str, ...] | None:
    """The type and id of the strongest identity that the gateway has verified, None if there is none.

    Returns
    -------
    A token's subject with its issuer; a Cognito identity; an IAM user or role by its unique id (without the
    session name, which whoever assumes a role may choose); an API key by its id, since a key may be renewed.
    """
    context = _mapping(event.get("requestContext"))
    authoriser = _mapping(context.get("authorizer"))
    claims = _mapping(authoriser.get("claims")) or _mapping(_mapping(authoriser.get("jwt")).get("claims"))
    identity = _mapping(context.get("identity"))
    subject, issuer = _text(claims.get("sub")), _text(claims.get("iss"))
    if subject:
        return "token", issuer, subject
    if cognito_id := _text(identity.get("cognitoIdentityId")):
        return "cognito", cognito_id
    if principal := _text(identity.get("caller")).partition(":")[0]:
        return "iam", _text(identity.get("accountId")), principal
    if key := _text(identity.get("apiKeyId")):
        return "key", key
    return None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
