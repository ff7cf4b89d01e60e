"""Trainings: a request in the models bucket starts an execution of the state machine of infra/state_machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.constructs.executions import Executions
from infra.state_machine.definition import training_definition
from skysort.models import CUSTOM, TRAINED_ROWS
from skysort.registry.keys import REQUEST, TRAININGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

    from infra.constructs.function import ModelFunction
    from infra.stages.stage import AwsStage

# Placeholders of the functions in the definition.
_PICTURES: Final = "PicturesFunction"
_ROWS: Final = "RowsFunction"
# Steps have 15 minutes each and three retries: an execution that takes longer than all of them hangs.
_TIMEOUT_S: Final = 6 * 3_600


class Trainings(Executions):
    """The state machine that trains.

    functions: by name in the stage. bucket: the name of the models bucket.
    """

    def __init__(
        self, scope: Construct, name: str, *, stage: AwsStage, functions: Mapping[str, ModelFunction], bucket: str
    ) -> None:
        super().__init__(
            scope,
            name,
            stage=stage,
            kind="training",
            definition=training_definition(f"${{{_PICTURES}}}", f"${{{_ROWS}}}"),
            functions={_PICTURES: functions[CUSTOM.train_function], _ROWS: functions[TRAINED_ROWS.train_function]},
            timeout_s=_TIMEOUT_S,
            bucket=bucket,
            keys=f"{TRAININGS}*/{REQUEST}",
            starts="a new request starts a training",
        )
