"""What does the parts of a job in a process of this machine: the steps of the functions with models, on one thread."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from skysort.models import TRAINED_ROWS
from skysort.registry.folder_store import FolderStore
from skysort_cli.classifiers import classifier
from skysort_cli.local import load_networks, loading, model_folder, models_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort.bulk.engine import Engines
    from skysort.bulk.part import PartSteps
    from skysort_cli.worker_processes import Work

_ORDER: Final = "SKYSORT_BULK_ORDER"
# A function with this memory has one core ("Configure Lambda function memory"), as a process here.
_CORE_MB: Final = 1_769
_CHILD: Final = Path(__file__).with_name("bulk_child.py")


@dataclass(frozen=True, slots=True)
class Order:
    """What a process needs to know. folder: of the job's documents. sources: where its files are. model: as spelled."""

    folder: str
    sources: str
    model: str

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Self:
        """The order of the process that started this one."""
        return cls(**json.loads(environment[_ORDER]))


def made(order: Order) -> Work:
    """What does calls in a process."""
    # A process a core: none should use the others'.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # For children, which read rows that end a process.
    os.environ[_ORDER] = json.dumps(asdict(order))
    return part_steps(order).run


def part_steps(order: Order) -> PartSteps:
    """The steps; raises MissingError where a package or a model is missing."""
    with loading(order.model):
        from skysort.bulk.commit import Parts  # noqa: PLC0415 - each needs its packages
        from skysort.bulk.job_store import FolderJobStore  # noqa: PLC0415
        from skysort.bulk.part import PartSteps  # noqa: PLC0415
        from skysort.bulk.store import FolderSources  # noqa: PLC0415

        store = FolderJobStore(Path(order.folder))
        parts = Parts(store, FolderSources(Path(order.sources)), _engines(order.model, os.environ))
        return PartSteps(parts, str(_CHILD))


def trained_models(spelled: str, environment: Mapping[str, str]) -> FolderStore | None:
    """The folder of trained models, for one of them."""
    return None if classifier(spelled).trained is None else FolderStore(models_folder(environment))


def _engines(spelled: str, environment: Mapping[str, str]) -> Engines:
    """The models of a family, each with one thread."""
    model, trained = classifier(spelled), trained_models(spelled, environment)
    if model.has_rows:
        from skysort.bulk.star_models import StarEngines  # noqa: PLC0415 - each needs its packages
        from skysort.star.model import StarModel  # noqa: PLC0415

        built_in = StarModel.load(model_folder(TRAINED_ROWS.name, environment), 1)
        return StarEngines(built_in, _CORE_MB, 1, trained)
    if trained is not None:
        from skysort.bulk.pictures.models import TrainedPictures  # noqa: PLC0415

        return TrainedPictures(trained, load_networks(environment), _CORE_MB, 1)
    from skysort.bulk.pictures.models import ShippedPictures  # noqa: PLC0415
    from skysort.bulk.pictures.turned import TurnedModel  # noqa: PLC0415

    return ShippedPictures(TurnedModel.load(model_folder(spelled, environment)), _CORE_MB, 1)
