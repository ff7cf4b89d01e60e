"""What is fuzzed: every way by which foreign bytes come in, with seeds for each."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from skysort.batches.merged import merged
from skysort.batches.status import Cursor
from skysort.cache import AnswerCache
from skysort.drop import event
from skysort.drop.files import Draft, SourceFile
from skysort.errors import InputError, NotFoundError, SkysortError
from skysort.guard import reading
from skysort.options import parse_options
from skysort.pictures.bodies import body as picture_body
from skysort.pictures.classify import PictureClassifier
from skysort.pictures.files import PictureFiles, Turns
from skysort.pictures.model import PictureModel
from skysort.s3.objects import Target as Place
from skysort.star import body as star_body
from skysort.star.classify import StarClassifier
from skysort.star.model import StarModel
from skysort.star.tables.classifier import TableClassifier
from skysort.trainings.star_table import StarOptions, read_rows
from skysort.uploads import request as upload_body
from tests.factories import star_artefact
from tests.factories_images import GALAXY_INPUT, picture_artefact
from tests.fakes.object_store import MemoryStore
from tests.fuzz import seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from random import Random

    from skysort.drop.worker import FileClassifier

# What a reader may say of its input, and of a name in it.
ALLOWED: Final = (InputError, NotFoundError)


@dataclass(frozen=True, slots=True)
class Target:
    """One way in. weight: how often it is tried. run: takes one input; raises nothing but ALLOWED."""

    name: str
    weight: int
    seeds: Sequence[bytes]
    run: Callable[[bytes, Random], None]


def targets(folder: Path) -> list[Target]:
    """All of them, with miniature models that are made in a folder."""
    galaxy = PictureClassifier(PictureModel.load(picture_artefact(folder / "galaxy", "galaxy", GALAXY_INPUT)))
    image = PictureClassifier(PictureModel.load(picture_artefact(folder / "image")), AnswerCache(0))
    star = StarModel.load(star_artefact(folder / "star"))
    rows = StarClassifier(star, AnswerCache(0))
    picture_bodies, star_bodies, upload_bodies = seeds.picture_bodies(), seeds.star_bodies(), seeds.upload_bodies()
    return [
        Target(
            "pictures", 40, seeds.pictures(), lambda content, chance: _picture(chance.choice((galaxy, image)), content)
        ),
        Target("archives", 6, seeds.archives(), _dropped(PictureFiles(image, Turns(1)))),
        Target("tables", 24, seeds.tables(), _dropped(TableClassifier(star))),
        Target("labelled tables", 6, seeds.tables(), lambda content, _: _labelled(content)),
        _bodies(
            "picture bodies",
            10,
            picture_bodies,
            lambda kind, body: image.answer(picture_body.read_body(body, kind), {}),
        ),
        _bodies("star bodies", 10, star_bodies, lambda kind, body: rows.answer(star_body.read_body(body, kind), {})),
        _bodies("upload bodies", 4, upload_bodies, lambda kind, body: upload_body.read_body(body, kind)),
        Target("notifications", 2, seeds.notifications(), lambda content, _: _ignore(event.uploads(_text(content)))),
        Target(
            "cursors",
            1,
            [Cursor("star", "é.csv", 7).encode().encode()],
            lambda content, _: _ignore(Cursor.decode(_text(content))),
        ),
        Target("batch tables", 3, seeds.results(), lambda content, _: _merged(content)),
    ]


def _ignore(_answer: object) -> None:
    """What comes out is not looked at: that anything does is what matters."""


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _picture(classifier: PictureClassifier, content: bytes) -> None:
    (result,), _, _ = classifier.classify_pictures([content], parse_options({}, classifier.labels))
    if isinstance(result, SkysortError):
        raise result


def _dropped(classifier: FileClassifier) -> Callable[[bytes, Random], None]:
    def run(content: bytes, _chance: Random) -> None:
        store = MemoryStore()
        upload = store.upload(f"incoming/{classifier.name}/b/file", content)
        draft = Draft(store, lambda suffix, kind: Place("results", f"b/file{suffix}", None, kind, {}))
        try:
            classifier.classify(SourceFile(store, upload), draft)
            for file in draft.files.values():
                file.commit(None)
        finally:
            draft.close()

    return run


def _bodies(name: str, weight: int, found: Sequence[tuple[str, bytes]], answer: Callable[[str, bytes], Any]) -> Target:
    """Bodies under their own content type, and now and then under another's."""
    kinds = [kind for kind, _ in found]
    own = {body: kind for kind, body in found}

    def run(content: bytes, chance: Random) -> None:
        kind = own.get(content) or chance.choice(kinds)
        _ignore(answer(kind, content))

    return Target(name, weight, [body for _, body in found], run)


def _labelled(content: bytes) -> None:
    """As a training reads a table; the seeds have no classes, so that redshifts stand for them."""
    with suppress(InputError):
        read_rows([content], StarOptions(class_column="redshift"))


def _merged(content: bytes) -> None:
    """As a batch's page reads a result: within the guard, which is for the table and not for the page."""
    result, _, rejected = _text(content).partition("\x00")
    with suppress(InputError), reading("its result"):
        for row in merged(result, rejected):
            io.StringIO().write(str(row))
