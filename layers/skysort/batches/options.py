"""The query of the calls about a batch."""

from __future__ import annotations

from typing import Annotated, Final

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import Field

from skysort.batches.match import State
from skysort.batches.status import FILES_BY_DEFAULT
from skysort.limits import BATCH_FILES_PER_PAGE, BATCH_NAME_CHARACTERS
from skysort.uploads.names import BATCH_PATTERN
from skysort.uploads.request import ModelName

CURSOR_CHARACTERS: Final = 4_000
CURSOR: Final = "batch-cursor"

# Checked once it is decoded: gateways differ in whether they hand it over percent-encoded.
BatchName = Annotated[
    str,
    Path(
        description="the batch's name",
        json_schema_extra={"minLength": 1, "maxLength": BATCH_NAME_CHARACTERS, "pattern": BATCH_PATTERN},
    ),
]
Model = Annotated[ModelName | None, Query(description="only files of this model")]
FileState = Annotated[State | None, Query(description="only files in this state; counts stay whole")]
Limit = Annotated[
    int,
    Field(ge=0, le=BATCH_FILES_PER_PAGE),
    Query(description=f"files told of one by one, {FILES_BY_DEFAULT} by default; 0 for the counts alone"),
]
Records = Annotated[bool, Query(description="whether each file comes with its record, predictions included")]
Next = Annotated[
    str | None,
    Field(min_length=1, max_length=CURSOR_CHARACTERS, json_schema_extra={"format": CURSOR}),
    Query(alias="next", description="where an earlier answer ended"),
]
