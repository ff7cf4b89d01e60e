"""What every schema of the contract has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

# What JSON leaves out rather than sets to null.
Absent = SkipJsonSchema[None]


class Schema(BaseModel):
    """An object with these members and no others."""

    model_config = ConfigDict(extra="forbid")


class Open(BaseModel):
    """An object that may have more members than these."""

    model_config = ConfigDict(extra="allow")


Probability = Annotated[float, Field(ge=0, le=1)]
