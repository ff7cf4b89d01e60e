"""Files dropped for trained models: ``incoming/custom/<name>/[<client>/]<batch>/<file>``, and custom-star for tables.

One worker serves every trained model of a kind, beside a built-in one or not: the key says which, and whose.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from skysort.clients import FOLDER_DIGITS
from skysort.drop import keys
from skysort.errors import InputError, NotFoundError
from skysort.registry.keys import SHARED
from skysort.registry.names import SPELLED, spelled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skysort.drop.files import Draft, SourceFile
    from skysort.drop.ledger import Report
    from skysort.drop.worker import FileClassifier
    from skysort.registry.names import Kind, TrainedName

_CLIENT: Final = re.compile(rf"client-[0-9a-f]{{{FOLDER_DIGITS}}}")


class TrainedFiles:
    """The classifier of each dropped file's model.

    Parameters
    ----------
    kind
        The kind of the trained models.
    load
        Gives the classifier of a model's live version, by owner and name; raises NotFoundError.
    suffixes
        Suffixes of the files that a result may have beside its summary.
    """

    def __init__(self, kind: Kind, load: Callable[[str, TrainedName], FileClassifier], suffixes: Sequence[str]) -> None:
        self._folder = SPELLED[kind]
        self._load = load
        self._suffixes = tuple(suffixes)

    def of(self, key: str) -> FileClassifier | None:
        """The classifier of a dropped file; None for a key that is not of these models."""
        folder, _, rest = key.removeprefix(keys.INCOMING).partition("/")
        if folder != self._folder:
            return None
        name, _, path = rest.partition("/")
        trained = spelled(f"{folder}/{name}")
        if trained is None:
            return _Absent(f"{folder}/{name}", f"{name!r:.80} is not a name of a trained model", self._suffixes)
        owner = path.partition("/")[0]
        # Where clients share everything, a batch may look like a client's folder.
        owners = (owner, SHARED) if _CLIENT.fullmatch(owner) else (SHARED,)
        problem = ""
        for each in owners:
            try:
                return self._load(each, trained)
            except NotFoundError as error:
                problem = problem or error.detail
        return _Absent(str(trained), problem, self._suffixes)


class _Absent:
    """Stands for a model that does not exist: refuses every file."""

    version = ""

    def __init__(self, name: str, problem: str, suffixes: Sequence[str]) -> None:
        self.name = name
        self.suffixes = suffixes
        self._problem = problem

    def classify(self, source: SourceFile, draft: Draft) -> Report:
        """Refuse a file."""
        del source, draft
        raise InputError(self._problem)
