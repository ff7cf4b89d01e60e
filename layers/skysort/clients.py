"""Whose batches, uploads and dropped files a request is about: one client's own, or everybody's.

Who asks is said by the gateway, never by the caller: API Gateway puts what it has verified into the event's
requestContext ("Input format of a Lambda function for proxy integration").
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from skysort.drop.keys import INCOMING
from skysort.errors import UnauthenticatedError

if TYPE_CHECKING:
    from collections.abc import Mapping

# 96 bits: nobody finds another identity with the same folder.
_FOLDER_DIGITS: Final = 24
_NEVER_IN_A_PATH: Final = frozenset({"", ".", ".."})


class Sharing(StrEnum):
    """What a stage's clients see of each other."""

    SHARED = "shared"  # every batch
    SEPARATE = "separate"  # nothing


@dataclass(frozen=True, slots=True)
class Client:
    """Whose files a request may name.

    folder: of the drop and the results bucket, between a model's and its batches: incoming/<model>/<folder>/<batch>/.
    Empty where the stage's clients share everything: incoming/<model>/<batch>/.
    """

    folder: str = ""

    def path(self, batch: str) -> str:
        """A batch's folder below its model's: with the client's own before it, where clients are separate."""
        return f"{self.folder}/{batch}" if self.folder else batch

    def may_read(self, key: str) -> bool:
        """Whether a key of the drop bucket is one of this client's files, of whichever model."""
        if not self.folder:
            return key.startswith(INCOMING)
        incoming, _, folder, *rest = [*key.split("/"), "", "", ""]
        inside = f"{incoming}/" == INCOMING and folder == self.folder and any(rest)
        # What a store or a proxy might take for another path is nobody's.
        return inside and not _NEVER_IN_A_PATH & set(key.split("/"))


EVERYBODY: Final = Client()


def client_of(event: Mapping[str, object], sharing: Sharing) -> Client:
    """The client that an API Gateway REST event comes from.

    Returns
    -------
    Its folder is a hash, so that no identity, whatever is in it, can name another's.

    Raises
    ------
    UnauthenticatedError
        Where clients are separate and the gateway has verified no identity.
    """
    if sharing is Sharing.SHARED:
        return EVERYBODY
    identity = identity_of(event)
    if identity is None:
        raise UnauthenticatedError(
            "This call requires authentication: send an API key, sign the request or send a valid token."
        )
    # JSON: whatever an issuer or a subject has in it, no other pair is written alike.
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    return Client(f"client-{digest[:_FOLDER_DIGITS]}")


def identity_of(event: Mapping[str, object]) -> tuple[str, ...] | None:
    """The kind of identity and its id, by the strongest that the gateway has verified; None for nobody.

    Returns
    -------
    A token's subject with its issuer; a Cognito identity; an IAM user or role by its unique id (without the name of
    the session, which whoever takes a role on may choose); an API key by its id, since a key may be renewed.
    """
    context = _mapping(event.get("requestContext"))
    authoriser = _mapping(context.get("authorizer"))
    claims = _mapping(authoriser.get("claims")) or _mapping(_mapping(authoriser.get("jwt")).get("claims"))
    identity = _mapping(context.get("identity"))
    subject, issuer = _text(claims.get("sub")), _text(claims.get("iss"))
    if subject:
        return "token", issuer, subject
    if person := _text(identity.get("cognitoIdentityId")):
        return "cognito", person
    if principal := _text(identity.get("caller")).partition(":")[0]:
        return "iam", _text(identity.get("accountId")), principal
    if key := _text(identity.get("apiKeyId")):
        return "key", key
    return None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
