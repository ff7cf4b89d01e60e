"""A picture model: one ONNX graph from uint8 pixels to calibrated probabilities, and its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import onnxruntime

from skysort.errors import ArtefactError
from skysort.model_card import ModelCard, load_card, read_artefact
from skysort.pictures.framing import Framing
from skysort.pictures.geometry import InputSpec
from skysort.pictures.typicality import PictureTypicality
from skysort.probability import prediction_sets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

PROBABILITIES: Final = "probabilities"
ACTIVATION: Final = "activation"
EMBEDDING: Final = "embedding"
FEATURES: Final = "features"
# Symbolic dimensions of a graph that takes pictures of any size.
HEIGHT, WIDTH = "height", "width"
# Optional input of a graph with many classes: the indices of the classes to compute activations for, by default none.
EXPLAINED_CLASSES: Final = "explain"
# Batch size where the graph takes more than one picture: larger ones gain no speed and cost memory.
_CHUNK: Final = 8
_FATAL_ONLY: Final = 4
# Nodes whose outputs nobody asked for are not run: a fiftieth of the galaxy network's time.
ASKED_FOR: Final = onnxruntime.RunOptions()
ASKED_FOR.only_execute_path_to_fetches = True


@dataclass(frozen=True, slots=True)
class Classification:
    """The model's output for n pictures.

    probabilities: (n, classes) float32, calibrated, rows sum to 1.
    prediction_sets: (n, classes) bool, membership of each label in the conformal set.
    activation: (n, classes, h, w) float32, class activation maps; None unless requested, and where the graph computes
    them class by class (PictureModel.activation).
    typicality: (n,) p-values; None where the card lists nothing that measures them.
    """

    probabilities: NDArray[np.float32]
    prediction_sets: NDArray[np.bool_]
    activation: NDArray[np.float32] | None = None
    typicality: NDArray[np.float64] | None = None


class PictureModel:
    """A graph and its model card.

    subsets: names of groups of labels. wordnet_ids: one per label, empty where the card has none.
    framing: of models of objects that have to be framed. any_size: whether it
    runs pictures of other sizes than the card's.
    """

    def __init__(
        self,
        card: ModelCard,
        session: onnxruntime.InferenceSession,
        thresholds: NDArray[np.float32],
        typicality: PictureTypicality | None = None,
    ) -> None:
        self.card = card
        self.labels = card.labels  # in the order of the probability columns
        self.spec = InputSpec.from_card(card.document["input"])
        self._session = session
        self._thresholds = thresholds
        self._typicality = typicality
        entry = session.get_inputs()[0]
        self._input = entry.name
        self._chunk = entry.shape[0] if isinstance(entry.shape[0], int) else _CHUNK
        self.any_size = isinstance(entry.shape[1], str)
        optional = {entry.name for entry in session.get_overridable_initializers()}
        self._by_class = EXPLAINED_CLASSES in optional
        self.outputs = frozenset(entry.name for entry in session.get_outputs())
        self.framing = Framing.of_card(card.document)
        self.wordnet_ids = _wordnet_ids(card)
        self.subsets = _subsets(card)

    @classmethod
    def load(cls, folder: Path, threads: int = 1, *, any_size: bool = False) -> Self:
        """Load the artefact of a model folder.

        Parameters
        ----------
        folder
            With the graph and its card.
        threads
            Cores for a prediction.
        any_size
            Whether pictures of other sizes than the card's are going to be run, if the graph takes them. Without, the
            session is made for the card's size, which is two per cent faster.

        Returns
        -------
        Self

        Raises
        ------
        ArtefactError
            If the artefact is missing, damaged or not the card's.
        """
        card = load_card(folder)
        try:
            path, sha256 = folder / card.document["file"], card.document["sha256"]
            thresholds = _thresholds(card)
            typicality = PictureTypicality.of_card(
                card.document, lambda entry: read_artefact(folder / entry["file"], entry["sha256"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"the card in {folder} does not describe its model in full: {error!r}") from error
        sizes = {} if any_size else _sizes(card)
        session = new_session(read_artefact(path, sha256), threads, sizes)
        model = cls(card, session, thresholds, typicality)
        _check(session, model.spec, len(card.labels), path)
        return model

    @property
    def measures_typicality(self) -> bool:
        """Whether classifications have a typicality."""
        return self._typicality is not None

    def predict(
        self, pixels: NDArray[np.uint8] | Sequence[NDArray[np.uint8]], *, activation: bool = False
    ) -> Classification:
        """Classify n pictures.

        Parameters
        ----------
        pixels
            (n, height, width, 3) uint8 RGB of the card's size (see skysort.pictures.decode), or n arrays.
        activation
            Whether to compute class activation maps.

        Returns
        -------
        Probabilities, prediction sets and typicality.
        """
        outputs = [PROBABILITIES]
        if self._typicality is not None:
            outputs.append(EMBEDDING)
        if activation and not self._by_class:
            outputs.append(ACTIVATION)
        found = dict(zip(outputs, self.run(pixels, outputs), strict=True))
        probabilities = found[PROBABILITIES]
        return Classification(
            probabilities,
            prediction_sets(probabilities, self._thresholds),
            found.get(ACTIVATION),
            None if self._typicality is None else self._typicality.measure(found[EMBEDDING]),
        )

    def activation(self, picture: NDArray[np.uint8], column: int) -> NDArray[np.float32]:
        """The class activation map of one class: picture (height, width, 3) uint8 -> (h, w) float32."""
        # A graph of a thousand classes computes only the requested map: a second run costs a sixth of all the maps.
        asked_for = {EXPLAINED_CLASSES: np.array([column], dtype=np.int64)} if self._by_class else None
        maps = self.run(picture[np.newaxis], [ACTIVATION], asked_for)[0][0]
        seen: NDArray[np.float32] = maps[0 if self._by_class else column]
        return seen

    def embed(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The embedding, (n, d) float32: features for classifiers of other classes."""
        return self.run(pixels, [EMBEDDING])[0]

    def run(
        self,
        pixels: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
        outputs: Sequence[str],
        feed: Mapping[str, NDArray[np.int64]] | None = None,
    ) -> list[NDArray[np.float32]]:
        """Outputs of the graph by name, float32.

        Parameters
        ----------
        pixels
            As in `predict`.
        outputs
            Of `self.outputs`. Where the graph averages views, `features` has those of each picture in turn.
        feed
            Further inputs.

        Returns
        -------
        One array an output, the pictures along its first axis.
        """
        parts = [
            self._session.run(
                outputs, {self._input: batch(pixels[start : start + self._chunk]), **(feed or {})}, ASKED_FOR
            )
            for start in range(0, len(pixels), self._chunk)
        ]
        if len(parts) == 1:
            return list(parts[0])
        return [np.concatenate(columns) for columns in zip(*parts, strict=True)]


def batch(pixels: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures as one array, a single one without a copy."""
    if isinstance(pixels, np.ndarray):
        return pixels
    return pixels[0][np.newaxis] if len(pixels) == 1 else np.stack(pixels)


def _sizes(card: ModelCard) -> dict[str, int]:
    spec = InputSpec.from_card(card.document["input"])
    return {HEIGHT: spec.height, WIDTH: spec.width}


def new_session(content: bytes, threads: int, sizes: Mapping[str, int]) -> onnxruntime.InferenceSession:
    """An inference session with all optimisations on; sizes: of symbolic dimensions, where they are known."""
    # The artefact has the processor-independent optimisations; the layout for this processor is chosen here, in about
    # 20 ms, and makes the graph four to six times faster.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # A spinning thread burns the share of the vCPU that it waits for.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _FATAL_ONLY
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    for name, size in sizes.items():
        options.add_free_dimension_override_by_name(name, size)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime exports no common base of its exceptions
        raise ArtefactError(f"the model cannot be loaded: {error!s:.500}") from error


def _check(session: onnxruntime.InferenceSession, spec: InputSpec, labels: int, path: Path) -> None:
    """Check the graph's inputs and outputs against the card; raises ArtefactError."""
    inputs, outputs = session.get_inputs(), {output.name: output for output in session.get_outputs()}
    if len(inputs) != 1 or inputs[0].type != "tensor(uint8)" or not _takes(inputs[0].shape, spec):
        actual = [(entry.name, entry.type, entry.shape) for entry in inputs]
        raise ArtefactError(f"{path} must take uint8 pictures (n, {spec.height}, {spec.width}, 3), not {actual}")
    missing = [name for name in (PROBABILITIES, ACTIVATION, EMBEDDING) if name not in outputs]
    if missing:
        raise ArtefactError(f"{path} has no output {', '.join(missing)}; it has {', '.join(outputs)}")
    if outputs[PROBABILITIES].shape[-1] != labels:
        raise ArtefactError(f"{path} gives {outputs[PROBABILITIES].shape} probabilities, its card has {labels} labels")


def _takes(shape: Sequence[int | str], spec: InputSpec) -> bool:
    """Whether an input takes pictures of the card's size; a name stands for any."""
    expected = (spec.height, spec.width, 3)
    return len(shape) == 1 + len(expected) and all(
        isinstance(axis, str) or axis == size for axis, size in zip(shape[1:], expected, strict=True)
    )


def _thresholds(card: ModelCard) -> NDArray[np.float32]:
    """The conformal threshold of each label: by label, or one for all."""
    conformal: Mapping[str, Any] = card.document["conformal"]
    if "thresholds" not in conformal:
        return np.full(len(card.labels), conformal["threshold"], np.float32)
    return np.array([conformal["thresholds"][label] for label in card.labels], np.float32)


def _subsets(card: ModelCard) -> Mapping[str, Sequence[str]]:
    """The card's named subsets of labels or WordNet ids, and every WordNet id as a subset of its one label."""
    by_id = dict(zip(card.document.get("wordnet_ids", ()), card.labels, strict=False))
    known = {**{label: label for label in card.labels}, **by_id}
    subsets: dict[str, Sequence[str]] = {}
    for name, members in card.document.get("subsets", {}).items():
        unknown = [member for member in members if member not in known]
        if unknown or not members:
            raise ArtefactError(f"the card's subset {name!r} must name labels of the model, not {unknown[:5]}")
        subsets[name] = [known[member] for member in members]
    return {**subsets, **{number: [label] for number, label in by_id.items()}}


def _wordnet_ids(card: ModelCard) -> Sequence[str]:
    ids: Sequence[str] = card.document.get("wordnet_ids", ())
    if ids and len(ids) != len(card.labels):
        raise ArtefactError(f"the card has {len(ids)} WordNet ids for {len(card.labels)} labels")
    return ids
