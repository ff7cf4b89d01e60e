"""Files dropped for trained models: ``incoming/custom/<name>/[<client>/]<batch>/<file>``, and custom-star for tables.

One worker serves every trained model of a kind, beside a built-in one or not: the key says which, and whose.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from skysort.clients import FOLDER_DIGITS, Sharing
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
    clients
        Whether clients share their models; else a file in a client's folder is for that client's model alone.
    """

    def __init__(
        self,
        kind: Kind,
        load: Callable[[str, TrainedName], FileClassifier],
        suffixes: Sequence[str],
        clients: Sharing,
    ) -> None:
        self._clients = clients
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
        folder = path.partition("/")[0]
        # Where clients share everything, a batch may look like a client's folder.
        own = self._clients is Sharing.SEPARATE and _CLIENT.fullmatch(folder)
        try:
            return self._load(folder if own else SHARED, trained)
        except NotFoundError as error:
            return _Absent(str(trained), error.detail, self._suffixes)


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
