"""List the drop folder of each client of a stage that keeps its clients apart.

    python -m infra.commands.client_folders --stage prod

A folder is a hash of an identity (skysort.clients), which cannot be inverted. By default the folders of the API keys of
the stage's clients are listed; `--role` and `--subject` give the folder of an IAM user or role (its account and unique
id: 123456789012 AROA...), and of a token's subject (its issuer and subject).
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

from infra.commands import run
from infra.commands.session import Session, add_options, options_of, stage_of
from infra.commands.stack_state import outputs, service_stack
from skysort.clients import Sharing, client_of
from skysort.drop.keys import INCOMING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_KEY: Final = "Key"


def of_key(key_id: str) -> str:
    """The folder of an API key by its id."""
    return _folder({"identity": {"apiKeyId": key_id}})


def of_principal(account: str, unique_id: str) -> str:
    """The folder of an IAM user or role."""
    return _folder({"identity": {"accountId": account, "caller": unique_id}})


def of_subject(issuer: str, subject: str) -> str:
    """The folder of a token's subject."""
    return _folder({"authorizer": {"claims": {"iss": issuer, "sub": subject}}})


def _folder(context: dict[str, Any]) -> str:
    return client_of({"requestContext": context}, Sharing.SEPARATE).folder


def keys(outputs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The name and folder of each client, from the outputs of a service stack: KeyPage is the key id of client page."""
    for name, value in sorted(outputs.items()):
        if name.startswith(_KEY):
            yield name.removeprefix(_KEY).lower(), of_key(value)


def main(arguments: Sequence[str]) -> int:
    """Print names and folders."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.commands.client_folders", description=__doc__.splitlines()[0]
    )
    add_options(parser, "prod")
    parser.add_argument("--role", nargs=2, metavar=("ACCOUNT", "ID"), help="of an IAM user or role, by its unique id")
    parser.add_argument("--subject", nargs=2, metavar=("ISSUER", "SUBJECT"), help="of a token's subject")
    parsed = parser.parse_args(arguments)
    options = options_of(parsed)
    stage = stage_of(options)
    if stage.clients is Sharing.SHARED:
        sys.stdout.write(f"clients of stage {options.stage} share everything: {INCOMING}<model>/<batch>/\n")
        return 0
    if parsed.role:
        folders = [(parsed.role[1], of_principal(*parsed.role))]
    elif parsed.subject:
        folders = [(parsed.subject[1], of_subject(*parsed.subject))]
    else:
        folders = list(keys(outputs(Session.open(stage, options), service_stack(stage.name))))
    for name, folder in folders:
        sys.stdout.write(f"{name}\t{folder}\n")
    return 0


if __name__ == "__main__":
    run(main)
