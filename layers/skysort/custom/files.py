"""Pictures dropped for trained models: each file is classified by the live version of the model that its key names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysort.custom.model import CustomModel
from skysort.drop.keys import INCOMING
from skysort.errors import ConfigurationError
from skysort.models import CUSTOM
from skysort.pictures.answering import PictureAnswers
from skysort.pictures.files import PictureFiles, Turns
from skysort.registry.live import LiveModels
from skysort.registry.names import Kind, TrainedName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.answers import ModelName
    from skysort.custom.networks import Networks
    from skysort.drop.files import Draft, SourceFile
    from skysort.drop.ledger import Report
    from skysort.errors import SkysortError
    from skysort.options import Options
    from skysort.pictures.answering import Classified
    from skysort.registry.live import ModelVersion
    from skysort.registry.store import ModelStore


class TrainedPictures:
    """The live versions of trained models as classifiers of dropped files.

    threads: pictures that are decoded and classified concurrently, whatever their models.
    """

    def __init__(self, store: ModelStore, networks: Networks, threads: int) -> None:
        self._networks = networks
        self._turns = Turns(threads)
        self._live: LiveModels[PictureFiles] = LiveModels(store, Kind.PICTURES, self._load)

    def get(self, owner: str, name: TrainedName) -> PictureFiles:
        """The classifier of a model's files; raises NotFoundError, and what reading the models bucket raises."""
        return self._live.get(owner, name.name)

    def _load(self, version: ModelVersion) -> PictureFiles:
        classifier = _Classifier(CustomModel.load(version, self._networks))
        return PictureFiles(classifier, self._turns, counted=())


class _Classifier:
    """A version of a trained model as a skysort.pictures.files.Classifier."""

    def __init__(self, model: CustomModel) -> None:
        self._model = model
        self._answers = PictureAnswers()
        self.labels = model.labels

    def model_name(self) -> ModelName:
        """The name as it is spelled in keys, and the version."""
        name = self._model.name
        return {"name": str(TrainedName(Kind.PICTURES, name["name"])), "version": name["version"]}

    def classify_pictures(
        self, contents: Sequence[bytes | SkysortError], options: Options
    ) -> tuple[list[Classified | SkysortError], float, float]:
        """Classify pictures in order."""
        return self._answers.classify(self._model, contents, options)


class NoModel:
    """Stands for the model of files that are for no trained one, which do not come to this queue."""

    name = CUSTOM.name
    version = ""
    suffixes: Sequence[str] = ()

    def classify(self, source: SourceFile, draft: Draft) -> Report:
        """Raise ConfigurationError."""
        del draft
        raise ConfigurationError(f"{source.upload.key} is not below {INCOMING}{CUSTOM.name}/")
