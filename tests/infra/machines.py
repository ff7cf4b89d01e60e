"""State machines of the templates: their definitions with functions in place of the placeholders, and a validator."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any, Final

from infra import node
from infra.commands import cdk

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.infra.synth import Resource, Synthesised

MACHINE: Final = "AWS::StepFunctions::StateMachine"
BUCKET: Final = "AWS::S3::Bucket"
_VALIDATOR: Final = cdk.INFRA / "node_modules" / "asl-validator" / "dist" / "bin" / "asl-validator.js"


def machine(stage: Synthesised, kind: str) -> Resource:
    """The machine of trainings, or of bulk jobs."""
    return stage.named(MACHINE, "StateMachineName", f"skysort-{kind}-{stage.stage.name}")


def definition(stage: Synthesised, kind: str) -> dict[str, Any]:
    """The deployed definition, with the functions' ARNs in place of the placeholders."""
    properties = machine(stage, kind).properties
    text: str = properties["DefinitionString"]
    for name in properties["DefinitionSubstitutions"]:
        text = text.replace(f"${{{name}}}", arn(name))
    assert "${" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def arn(function: str) -> str:
    """What stands for a function's placeholder here."""
    return f"arn:aws:lambda:us-east-1:123456789012:function:{function}:live"


def complaints(document: Mapping[str, Any], folder: Path) -> str:
    """What the validator says of a definition, nothing of a valid one."""
    file = folder / "definition.json"
    file.write_text(json.dumps(document))
    command = [str(node.program()), str(_VALIDATOR), "--json-path", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr) if done.returncode else ""
