"""The steps of a training on pictures: read, features, fit, evaluate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skysort.custom.head import Head
from skysort.errors import InputError
from skysort.learning.evaluation import evaluate
from skysort.learning.fitting import fit
from skysort.limits import TRAINING_MIRRORED
from skysort.registry.keys import HELD_OUT
from skysort.registry.names import Kind
from skysort.registry.promotion import HeldOut
from skysort.trainings import sources
from skysort.trainings.classes import check_classes
from skysort.trainings.features import Features, TrainingSet, compute
from skysort.trainings.picture_card import picture_card
from skysort.trainings.sources import Manifest
from skysort.trainings.status import Phase
from skysort.trainings.steps import Artefact, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from skysort.custom.networks import Networks
    from skysort.learning.evaluation import Predictions
    from skysort.trainings.classes import Refusal
    from skysort.trainings.sources import Uploads
    from skysort.trainings.steps import Job

MANIFEST: Final = "manifest.json"
HEAD: Final = "head.npz"
THUMBNAILS: Final = "thumbnails.bin"
FIT: Final = "fit.json"
EVALUATION: Final = "evaluation.json"
_SHARDS: Final = "features-"
_ID_DIGITS: Final = 16
# How often a step writes its progress at most.
_TELLS: Final = 10


class PictureSteps:
    """Steps of trainings whose pictures lie in the drop bucket.

    uploads: the drop bucket. load: loads both networks, when a step first needs them. threads: pictures at once.
    """

    kind = Kind.PICTURES

    def __init__(self, uploads: Uploads, load: Callable[[], Networks], threads: int) -> None:
        self._uploads = uploads
        self._load = load
        self._threads = threads
        self._loaded: Networks | None = None

    @property
    def _networks(self) -> Networks:
        self._loaded = self._loaded or self._load()
        return self._loaded

    def run(self, step: str, job: Job, event: Mapping[str, Any]) -> dict[str, Any]:
        """Do a step."""
        if step == "read":
            return {"shards": list(range(len(self._read(job).shards)))}
        if step == "features":
            self._features(job, int(event["shard"]))
        elif step == "fit":
            self._fit(job)
        elif step == "evaluate":
            self._evaluate(job)
        else:
            raise ValueError(f"unknown step {step!r:.40}")
        return {}

    def _read(self, job: Job) -> Manifest:
        source = job.request.source
        if "prefix" in source:
            manifest = sources.from_prefix(self._uploads, source["prefix"], self._progress(job, "files"))
        else:
            progress = self._progress(job, "bytes")
            manifest = sources.from_archive(self._uploads, source["s3_key"], job.store, job.keys, progress)
        _tell(job, Phase.READING, manifest.refused)
        check_classes(manifest.usable, manifest.refused)
        return Manifest.from_json(job.write(MANIFEST, manifest.to_json()))

    def _features(self, job: Job, shard: int) -> None:
        manifest = Manifest.from_json(job.read(MANIFEST))
        name = _shard_name(shard)
        if job.keys.intermediate(name) not in self._computed(job):
            pictures = manifest.shards[shard]
            found = compute(
                pictures,
                lambda each: sources.content(each, self._uploads, job.store),
                self._networks,
                self._threads,
                mirrored=len(manifest.pictures) <= TRAINING_MIRRORED,
            )
            job.write(name, found.save())
        computed = self._computed(job)
        done = sum(
            len(pictures)
            for number, pictures in enumerate(manifest.shards)
            if job.keys.intermediate(_shard_name(number)) in computed
        )
        job.progress(Phase.FEATURES, done, len(manifest.pictures), "pictures")

    def _computed(self, job: Job) -> set[str]:
        """The keys of the shards that have their features."""
        return {item.key for item in job.store.list(job.keys.intermediate(_SHARDS))}

    def _fit(self, job: Job) -> None:
        manifest, examples = self._examples(job)
        refused = (*manifest.refused, *examples.refused)
        _tell(job, Phase.FITTING, refused)
        check_classes(examples.counts, refused)
        if (examples.values == examples.values[0]).all():
            raise InputError(
                f"All {len(examples.files):,} pictures look the same, in every class; send pictures that differ."
            )
        fitted = fit(examples.blocks, examples.labels, _seed(job), examples.spaces())
        head = Head.of(fitted, examples.names, examples.files, examples.labels)
        job.write(HEAD, head.save())
        job.write(THUMBNAILS, b"".join(examples.thumbnails[row] for row in fitted.kept))
        job.write_json(
            FIT,
            {
                "hyperparameters": fitted.document(),
                "thumbnails": [len(examples.thumbnails[row]) for row in fitted.kept],
            },
        )

    def _evaluate(self, job: Job) -> None:
        _, examples = self._examples(job)
        ids = [digest[:_ID_DIGITS] for digest in examples.digests]
        found = evaluate(
            examples.blocks, examples.labels, names=examples.names, seed=_seed(job), spaces=examples.spaces()
        )
        job.write(HELD_OUT, held_out(found.predictions, examples.names, ids).body())
        job.write_json(
            EVALUATION,
            {
                "metrics": found.metrics,
                "learning_curve": found.learning_curve,
                "forecast": found.forecast,
            },
        )

    def _examples(self, job: Job) -> tuple[Manifest, TrainingSet]:
        manifest = Manifest.from_json(job.read(MANIFEST))
        shards = [
            (pictures, Features.load(job.read(_shard_name(number)))) for number, pictures in enumerate(manifest.shards)
        ]
        return manifest, TrainingSet.of(shards)

    def artefact(self, job: Job) -> Artefact:
        """The version's card and files."""
        manifest, examples = self._examples(job)
        files = {name: job.read(name) for name in (HEAD, THUMBNAILS, HELD_OUT)}
        card = picture_card(
            job.request,
            Head.load(files[HEAD]),
            examples,
            refused=(*manifest.refused, *examples.refused),
            fitted=job.read_json(FIT),
            evaluation=job.read_json(EVALUATION),
        )
        return Artefact(card, files)

    def results(self, card: Mapping[str, Any]) -> Mapping[str, Any]:
        """The parts of the card that the status shows."""
        return {name: card[name] for name in ("metrics", "learning_curve", "hyperparameters")}

    @staticmethod
    def _progress(job: Job, unit: str) -> Callable[[int, int], None]:
        return _Progress(job, unit)


def _shard_name(shard: int) -> str:
    return f"{_SHARDS}{shard:03}.npz"


class _Progress:
    """Writes a step's progress into the status now and then."""

    def __init__(self, job: Job, unit: str) -> None:
        self._job = job
        self._unit = unit
        self._written = 0

    def __call__(self, done: int, total: int) -> None:
        if (done - self._written) * _TELLS >= total:
            self._job.progress(Phase.READING, done, total, self._unit)
            self._written = done


def _tell(job: Job, phase: Phase, refused: Sequence[Refusal]) -> None:
    job.refused(phase, len(refused), [Refused(each.file, each.reason) for each in refused])


def _seed(job: Job) -> int:
    return int(job.request.options.get("seed", 0))


def held_out(predictions: Predictions, names: Sequence[str], ids: Sequence[str]) -> HeldOut:
    """What one head said of every example: the mean of the repeats would be several, and compare as more than it is."""
    probability = predictions.probability[0]
    truth = predictions.labels.tolist()
    own = [float(row[label]) for row, label in zip(probability, truth, strict=True)]
    return HeldOut(list(names), list(ids), truth, probability.argmax(axis=1).tolist(), own)
