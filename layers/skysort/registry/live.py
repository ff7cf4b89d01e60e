"""The live versions of trained models in one sandbox: loaded on first use, and replaced while requests go on.

A thread follows the pointers of the models in use, outside the requests. Lambda freezes a sandbox between requests, the
thread with it: a request that finds its model unchecked for some seconds checks it itself. A request keeps the model
that it was given; a new version replaces it by one assignment, once it is loaded.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from skysort.errors import ConfigurationError, NotFoundError, SkysortError
from skysort.observability import logger
from skysort.registry import keys
from skysort.registry.names import SHOWN_DIGITS, Kind, name_fault
from skysort.registry.pointer import Pointer
from skysort.registry.versions import VersionFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skysort.registry.store import ModelStore

T = TypeVar("T")
CHECK_S: Final = 2.0
STALE_S: Final = 5.0
KEPT: Final = 32
# Models that no request used for so long are not followed; their next request checks.
_IN_USE_S: Final = 60.0
# Names without a model that are remembered as such.
_ABSENT_KEPT: Final = 1_000
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version of a trained model, with the store to read the rest of it from."""

    store: ModelStore
    owner: str
    name: str
    version: str
    card: Mapping[str, Any]

    @property
    def shown(self) -> str:
        """The version as answers have it."""
        return self.version[:SHOWN_DIGITS]

    def file(self, name: str) -> bytes:
        """A file of the version, checked by its hash; raises NotFoundError and ArtefactError."""
        return VersionFiles(self.store).file(self.owner, self.name, self.version, self.card, name)

    def part(self, name: str, start: int, size: int) -> bytes:
        """Some bytes of a file of the version; raises NotFoundError."""
        return self.store.get_range(keys.version_key(self.owner, self.name, self.version, name), start, size)


@dataclass(slots=True)
class _Slot(Generic[T]):
    """What is known of one name. failure: why it has no model. checked, used: when, by the clock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    model: T | None = None
    failure: SkysortError | None = None
    etag: str = ""
    version: str = ""
    checked: float = float("-inf")
    used: float = float("-inf")


class LiveModels(Generic[T]):
    """The live versions of one kind of trained models; threads may share it.

    Parameters
    ----------
    store
        The models bucket.
    kind
        The kind of models: a name of another kind is not found.
    load
        Makes a model of a version; a ConfigurationError (a damaged file) keeps the model before.
    clock
        Seconds that only grow, frozen or not.
    check_s
        Seconds between two looks at a pointer, also for a name that has no model.
    stale_s
        A request checks itself when nobody has for so many seconds.
    keep
        Models kept loaded; the least recently used is dropped first.
    follow
        Whether a thread follows the pointers; without one, call `check`.
    """

    def __init__(
        self,
        store: ModelStore,
        kind: Kind,
        load: Callable[[ModelVersion], T],
        *,
        clock: Callable[[], float] = time.monotonic,
        check_s: float = CHECK_S,
        stale_s: float = STALE_S,
        keep: int = KEPT,
        follow: bool = True,
    ) -> None:
        self._store = store
        self._kind = kind
        self._load = load
        self._clock = clock
        self._check_s, self._stale_s, self._keep = check_s, stale_s, keep
        self._slots: OrderedDict[tuple[str, str], _Slot[T]] = OrderedDict()
        self._absent: OrderedDict[tuple[str, str], _Slot[T]] = OrderedDict()
        self._lock = threading.Lock()
        self._follows = not follow
        self._ended = threading.Event()

    def get(self, owner: str, name: str) -> T:
        """The live version of a model.

        Parameters
        ----------
        owner, name
            Whose model, and which.

        Returns
        -------
        The model, which stays as it is for as long as the caller holds it.

        Raises
        ------
        NotFoundError
            If there is no such model, or it has no live version.
        ConfigurationError
            If its version is damaged, or does not fit this release.
        InfrastructureError
            If the store fails, and no version is loaded.
        """
        if name_fault(name):
            raise NotFoundError(_unknown(name))
        key = (owner, name)
        slot = self._slot(key)
        slot.used = self._clock()
        # A model that another thread is replacing is still good; where there is none, wait for that thread.
        if not self._is_fresh(slot) and slot.lock.acquire(blocking=slot.model is None):
            try:
                if not self._is_fresh(slot):
                    self._check(key, slot)
            finally:
                slot.lock.release()
        model = slot.model
        if model is None:
            raise slot.failure or NotFoundError(_unknown(name))
        return model

    def check(self) -> None:
        """Look once at the pointer of every model in use, and load what changed."""
        with self._lock:
            slots = list(self._slots.items())
        now = self._clock()
        for key, slot in slots:
            if now - slot.used <= _IN_USE_S and slot.lock.acquire(blocking=False):
                try:
                    self._check(key, slot)
                except SkysortError as error:
                    logger.warning("a trained model was not checked", extra={"model": key[1], "detail": error.detail})
                finally:
                    slot.lock.release()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()

    def _slot(self, key: tuple[str, str]) -> _Slot[T]:
        with self._lock:
            for slots in (self._slots, self._absent):
                if key in slots:
                    slots.move_to_end(key)
                    return slots[key]
            slot = self._absent[key] = _Slot()
            while len(self._absent) > _ABSENT_KEPT:
                self._absent.popitem(last=False)
            return slot

    def _is_fresh(self, slot: _Slot[T]) -> bool:
        allowed = self._check_s if slot.model is None else self._stale_s
        return self._clock() - slot.checked <= allowed

    def _check(self, key: tuple[str, str], slot: _Slot[T]) -> None:
        """Compare a slot with its pointer; its lock is held."""
        try:
            self._update(key, slot)
        except NotFoundError as error:
            slot.model, slot.failure, slot.etag, slot.version = None, error, "", ""
        except SkysortError as error:
            slot.failure = error if isinstance(error, ConfigurationError) else None
            if slot.model is None:
                if slot.failure is None:
                    raise  # the next request may succeed
            else:
                logger.exception("a trained model stays at the version before", extra={"model": key[1]})
        slot.checked = self._clock()
        self._place(key, slot)

    def _update(self, key: tuple[str, str], slot: _Slot[T]) -> None:
        """Load the version that the pointer names, unless it is loaded; raises NotFoundError and what loading does."""
        owner, name = key
        missing: NotFoundError | None = None
        for _ in range(_ATTEMPTS):
            stored = self._stored(owner, name, slot.etag)
            if stored is None:
                return
            pointer = Pointer.from_json(stored.body)
            if pointer.kind is not self._kind or pointer.live is None:
                raise NotFoundError(_unknown(name))
            if pointer.live == slot.version:
                slot.etag = stored.etag
                return
            try:
                version = ModelVersion(
                    self._store, owner, name, pointer.live, VersionFiles(self._store).card(owner, name, pointer.live)
                )
                model = self._load(version)
            except NotFoundError as error:
                missing = error  # deleted meanwhile, so that the pointer names another one by now
                continue
            except ConfigurationError:
                slot.etag = stored.etag  # it will be no better until the pointer changes
                raise
            slot.model, slot.failure, slot.etag, slot.version = model, None, stored.etag, pointer.live
            return
        raise missing or NotFoundError(_unknown(name))

    def _stored(self, owner: str, name: str, etag: str) -> Any:
        key = keys.pointer_key(owner, name)
        try:
            return self._store.get_if_changed(key, etag) if etag else self._store.get(key)
        except NotFoundError:
            raise NotFoundError(_unknown(name)) from None

    def _place(self, key: tuple[str, str], slot: _Slot[T]) -> None:
        """Keep a slot among those with a model or those without, and drop what is too many."""
        with self._lock:
            here, there, most = (
                (self._absent, self._slots, _ABSENT_KEPT)
                if slot.model is None
                else (self._slots, self._absent, self._keep)
            )
            if there.get(key) is slot:
                del there[key]
            here[key] = slot
            here.move_to_end(key)
            while len(here) > most:
                here.popitem(last=False)
            if self._follows or slot.model is None:
                return
            self._follows = True
        threading.Thread(target=self._follow, name="live-models", daemon=True).start()

    def _follow(self) -> None:
        while not self._ended.wait(self._check_s):
            try:
                self.check()
            except Exception:
                logger.exception("the pointers were not followed")


def _unknown(name: str) -> str:
    return f"there is no trained model {name!r:.80} with a live version here; GET /v1/trained lists them"
