"""Glue: moto's own CloudFormation knows no databases."""

from __future__ import annotations

from typing import Final

from tests.deploy.emulator.resources import ApiBacked

TYPES: Final = (
    ApiBacked(
        "AWS::Glue::Database",
        "glue",
        "create_database",
        ref="{DatabaseInput[Name]}",
        delete="delete_database",
        key={"Name": "{DatabaseInput[Name]}"},
    ),
)
