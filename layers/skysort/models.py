"""The registry of skysort's models: one entry per model, which everything else reads.

A model is its entry here and its folder, functions/<name> (handlers, and model/ with the artefact and its card).
Routes, stages, queues, uploads, batches, the API contract, the command line and the page derive from the entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from skysort.limits import ARCHIVE_BYTES, IMAGE_BYTES, MIB, UPLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skysort.answers import ModelSample

ANY_TYPE: Final = "application/octet-stream"
_FITS: Final = "application/fits"
_GZIP: Final = "application/gzip"


class InputKind(NamedTuple):
    """A type of input, and the files that contain it.

    Parameters
    ----------
    name
        ``pictures`` (one item a file) or ``rows`` (a table of items a file).
    files
        The media type of each specific suffix, lower case, the usual ones first.
    archives
        The same for archives of such files, which the drop folder unpacks.
    vague
        The same for ambiguous suffixes; a folder is not searched for them.
    file_bytes, archive_bytes
        Maximum size of a dropped file, and of an archive or a file of unknown type.
    """

    name: Literal["pictures", "rows"]
    files: Mapping[str, str]
    archives: Mapping[str, str]
    vague: Mapping[str, str]
    file_bytes: int
    archive_bytes: int

    def content_type(self, name: str, declared: str | None) -> str:
        """The media type to store a file with: as declared, else by its suffix, else plain bytes."""
        # The drop folder detects formats by content, so an unknown declared type is stored as plain bytes.
        media_type = (declared or "").partition(";")[0].strip().lower()
        if not media_type:
            suffix = "." + name.rpartition(".")[2].lower()
            media_type = (self.files | self.archives | self.vague).get(suffix, ANY_TYPE)  # type: ignore[operator]
        return media_type if media_type in self._largest() else ANY_TYPE

    def size_fault(self, content_type: str, size: int) -> str | None:
        """The fault of a file's size in bytes, None if it is allowed."""
        largest = self._largest()[content_type]
        if size <= largest:
            return None
        return f"has {size:,} bytes; a file of {content_type} may have {largest // MIB:,} MiB"

    def _largest(self) -> dict[str, int]:
        """Maximum bytes of a file by media type."""
        archives = dict.fromkeys((*self.archives.values(), *self.vague.values(), ANY_TYPE), self.archive_bytes)
        return dict.fromkeys(self.files.values(), self.file_bytes) | archives


PICTURES: Final = InputKind(
    name="pictures",
    files={
        **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "image/jpeg"),
        ".png": "image/png",
        ".webp": "image/webp",
        **dict.fromkeys((".tif", ".tiff"), "image/tiff"),
        ".gif": "image/gif",
        ".heic": "image/heic",
        **dict.fromkeys((".heif", ".hif"), "image/heif"),
        ".avif": "image/avif",
        **dict.fromkeys((".fits", ".fit", ".fts"), _FITS),
        **dict.fromkeys((".fits.gz", ".fit.gz", ".fts.gz"), _GZIP),
        ".fz": _FITS,
    },
    archives={
        ".zip": "application/zip",
        ".tar": "application/x-tar",
        **dict.fromkeys((".tar.gz", ".tgz"), _GZIP),
        **dict.fromkeys((".tar.bz2", ".tar.xz"), ANY_TYPE),
    },
    vague={".gz": _GZIP},
    file_bytes=IMAGE_BYTES,
    archive_bytes=ARCHIVE_BYTES,
)
_TEXT_TABLES: Final = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".ecsv": "text/plain",
    ".tbl": "text/plain",
}
_VOTABLE: Final = "application/x-votable+xml"
ROWS: Final = InputKind(
    name="rows",
    files={
        **_TEXT_TABLES,
        **dict.fromkeys((f"{suffix}.gz" for suffix in _TEXT_TABLES), _GZIP),
        **dict.fromkeys((".fits", ".fit", ".fts"), _FITS),
        **dict.fromkeys((".fits.gz", ".fit.gz", ".fts.gz"), _GZIP),
        **dict.fromkeys((".vot", ".votable"), _VOTABLE),
        ".vot.gz": _GZIP,
        ".xml": "application/xml",
        ".parquet": "application/vnd.apache.parquet",
    },
    archives={},
    vague={".txt": "text/plain", ".gz": _GZIP},
    file_bytes=UPLOAD_BYTES,
    archive_bytes=UPLOAD_BYTES,
)

# What a classifier is trained with: labelled pictures, one by one or in an archive, or a table.
EXAMPLES: Final = PICTURES._replace(files={**PICTURES.files, **ROWS.files}, vague=ROWS.vague)


class Sample(NamedTuple):
    """A sample input: a file of events/, or a row's values by column.

    title: for the page.
    """

    title: str
    file: str | None = None
    row: Mapping[str, float] | None = None

    def document(self) -> ModelSample:
        """The sample in an answer."""
        sample: ModelSample = {"title": self.title}
        if self.file is not None:
            sample["file"] = self.file
        if self.row is not None:
            sample["row"] = dict(self.row)
        return sample


class Model(NamedTuple):
    """One model.

    Parameters
    ----------
    name
        In paths, keys, variables and folders: lower-case letters and digits.
    title, question, summary
        For people: a tab's name, its heading, one or two sentences below it.
    input
        The type of its input.
    classifies
        Description for the API contract.
    samples
        Inputs to try it on.
    """

    name: str
    title: str
    question: str
    summary: str
    classifies: str
    input: InputKind
    samples: tuple[Sample, ...] = ()

    @property
    def classify_path(self) -> str:
        """The path that classifies with it."""
        return f"/v1/classify/{self.name}"

    @property
    def ready_path(self) -> str:
        """The path of its readiness check."""
        return f"/v1/models/{self.name}/ready"

    @property
    def drop_function(self) -> str:
        """The function that classifies its dropped files."""
        return f"{self.name}-drop"

    @property
    def train_function(self) -> str:
        """The function that trains models of its kind."""
        return f"{self.name}-train"

    @property
    def bulk_function(self) -> str:
        """The function that classifies the parts of its bulk jobs."""
        return f"{self.name}-bulk"

    @property
    def folder(self) -> str:
        """The project's folder with its functions and artefact."""
        return f"functions/{self.name}"

    @property
    def folder_setting(self) -> str:
        """The environment variable for another folder of its artefact."""
        return f"SKYSORT_{self.name.upper()}_MODEL"


_REGISTERED: Final = (
    Model(
        name="galaxy",
        title="Galaxy",
        question="What shape is this galaxy?",
        summary="Drop images with one galaxy centred. Each is classified as one of eight Galaxy Zoo 2 shapes, with a "
        "calibrated probability.",
        classifies="Cutouts of galaxies as one of the eight Galaxy Zoo 2 morphology classes.",
        input=PICTURES,
        samples=(
            Sample("Spiral", "galaxy_spiral.jpg"),
            Sample("Elliptical", "galaxy_elliptical.jpg"),
            Sample("Edge-on", "galaxy_edge_on.jpg"),
        ),
    ),
    Model(
        name="image",
        title="Photograph",
        question="What does this photograph show?",
        summary="Drop any photographs. Each gets the most likely of 1,000 classes of objects, or of the dogs, cats or "
        "birds among them.",
        classifies="Photographs as one of the 1,000 ImageNet classes, or of a subset such as the dog breeds.",
        input=PICTURES,
        samples=(Sample("Traffic light", "traffic_light.jpg"),),
    ),
    Model(
        name="star",
        title="Star",
        question="Galaxy, quasar or star?",
        summary="Five magnitudes say a lot about what an object is; a redshift nearly settles it. Enter one object, or "
        "paste a table.",
        classifies="One row, many rows or a CSV as GALAXY, QSO or STAR. Without a redshift the photometric model "
        "answers.",
        input=ROWS,
        samples=(
            Sample(
                "Galaxy",
                row={"u": 23.87882, "g": 22.2753, "r": 20.39501, "i": 19.16573, "z": 18.79371, "redshift": 0.6347936},
            ),
            Sample(
                "Quasar",
                row={"u": 20.38562, "g": 20.40514, "r": 20.29996, "i": 20.05918, "z": 19.89044, "redshift": 2.031528},
            ),
            Sample(
                "Star",
                row={"u": 23.17274, "g": 20.14496, "r": 19.41948, "i": 19.22034, "z": 18.89359, "redshift": 7.2e-5},
            ),
            Sample("Sample table", "stars.csv"),
        ),
    ),
)
# By name, in display order.
MODELS: Final[Mapping[str, Model]] = {model.name: model for model in _REGISTERED}

# Models of pictures that people train: one function serves all of them, by the name in the path.
CUSTOM: Final = Model(
    name="custom",
    title="Your own",
    question="Which of your classes is this?",
    summary="Drop pictures. Each is classified by a model that you trained on your own classes.",
    classifies="Pictures as one of the classes that a model was trained on.",
    input=PICTURES,
)
# The built-in model whose functions also serve and train the tables' models, and their folder in the drop bucket.
TRAINED_ROWS: Final = MODELS["star"]
CUSTOM_ROWS: Final = f"{CUSTOM.name}-{TRAINED_ROWS.name}"
# The models with networks whose features trained picture models read.
NETWORKS: Final = ("galaxy", "image")
# The kinds of models that people train, as JSON values (skysort.registry.names.Kind).
KindName: TypeAlias = Literal["pictures", "star"]
# What uploads of examples name as their model.
TRAINING: Final = "training"
# What uploads for bulk jobs name as their model, files that nothing classifies until a job does; and the function that
# plans such jobs.
BULK: Final = "bulk"
# The kinds of such uploads that wait for a call, and their files.
UNCLASSIFIED: Final[Mapping[str, InputKind]] = {
    TRAINING: EXAMPLES,
    BULK: EXAMPLES._replace(file_bytes=UPLOAD_BYTES, archive_bytes=UPLOAD_BYTES),
}
# First segments of models that are spelled with a second one: custom/NAME, custom-star/NAME (skysort.registry.names).
FAMILIES: Final[Mapping[str, InputKind]] = {CUSTOM.name: PICTURES, CUSTOM_ROWS: ROWS}


def of_kind(kind: InputKind) -> tuple[str, ...]:
    """The names of the models with this type of input."""
    return tuple(model.name for model in MODELS.values() if model.input is kind)


def input_of(spelled: str) -> InputKind:
    """The files of a model: one of MODELS, custom/NAME, custom-star/NAME, training, or bulk."""
    if spelled in MODELS:
        return MODELS[spelled].input
    return UNCLASSIFIED.get(spelled) or FAMILIES[spelled.partition("/")[0]]
