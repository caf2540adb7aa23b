"""The models that an engine knows or has loaded; only the worker's thread loads them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tabwright.core.message import Message
from tabwright.engine.backends import Backend, BackendOptions
from tabwright.engine.decoding.cache import StateCache
from tabwright.engine.decoding.vocabulary import Vocabulary
from tabwright.engine.speculative.draft import DraftStatistics
from tabwright.models import config_file, store

Loader = Callable[[Path, BackendOptions], Backend]
_MAX_KNOWN = 8  # models whose tokenizers stay in memory, with or without their weights
_FolderId = tuple[int, int]


@dataclass
class ModelEntry:
    """One model: its folder and tokenizer, and its backend once it is loaded.

    ``name`` is the name in the first request; other names may stand for the same folder.
    """

    name: str
    folder: Path
    vocabulary: Vocabulary
    context_length: int
    state: Literal["unloaded", "loading", "ready", "failed"] = "unloaded"
    backend: Backend | None = None
    cache: StateCache | None = None
    draft_statistics: DraftStatistics = field(default_factory=DraftStatistics)
    load_s: float = 0.0
    failure: str = ""
    last_used: float = field(default_factory=time.monotonic)


class Registry:
    """The models by folder, so that each is loaded once under all its names.

    Folders are compared by device and inode: a link, another spelling or another letter case is the
    same folder. At most ``most`` models are in memory. Methods raise the store's ModelMissing and
    ModelInvalid, and BackendError.
    """

    def __init__(self, options: BackendOptions, loader: Loader, most: int = 2) -> None:
        self._options = options
        self._loader = loader
        self._most = most
        self._entries: dict[_FolderId, ModelEntry] = {}
        self._reading = threading.Lock()

    def entries(self) -> list[ModelEntry]:
        """Return all models requested so far, except dropped ones."""
        return list(self._entries.values())

    def describe(self, name: str) -> ModelEntry:
        """Return a model's entry; read its tokenizer if needed, but not its weights."""
        folder = store.locate(name)
        try:
            key = _folder_id(folder)
            if (known := self._known(key)) is not None:
                return known
            with self._reading:  # two requests at once must not make two entries
                return self._known(key) or self._read(name, folder, key)
        except (OSError, ValueError) as error:
            raise store.ModelInvalid(
                Message(
                    "the model {0} is not whole ({1}); run: tabwright models pull {2}",
                    name,
                    error,
                    name,
                )
            ) from error

    def _known(self, key: _FolderId) -> ModelEntry | None:
        known = self._entries.get(key)
        return None if known is None or known.state == "failed" else known

    def _read(self, name: str, folder: Path, key: _FolderId) -> ModelEntry:
        vocabulary = Vocabulary.load(folder)
        config = config_file.read(folder)
        length = config.get("max_position_embeddings") or config.get("n_positions") or 2048
        entry = ModelEntry(name, folder, vocabulary, int(length))
        self._entries.pop(key, None)
        self._entries[key] = entry
        idle = [
            (known.last_used, one) for one, known in self._entries.items() if known.backend is None
        ]
        for _, one in sorted(idle)[: max(0, len(self._entries) - _MAX_KNOWN)]:
            if one != key:
                del self._entries[one]
        return entry

    def ready(self, name: str) -> tuple[Backend, StateCache, ModelEntry]:
        """Return a model's backend, cache and entry; load it if needed.

        Loading may unload the least recently used model.
        """
        entry = self.describe(name)
        entry.last_used = time.monotonic()
        if entry.backend is None or entry.cache is None:
            self._make_room()
            entry.state = "loading"
            started = time.perf_counter()
            try:
                backend = self._loader(entry.folder, self._options)
                _ = entry.vocabulary.token_bytes
            except BaseException as error:
                entry.state, entry.failure = "failed", str(error)
                raise
            entry.backend, entry.cache = backend, StateCache(backend)
            entry.load_s = time.perf_counter() - started
            entry.state = "ready"
        assert entry.backend is not None and entry.cache is not None
        return entry.backend, entry.cache, entry

    def _make_room(self) -> None:
        loaded = sorted((e for e in self._entries.values() if e.backend), key=lambda e: e.last_used)
        for entry in loaded[: max(0, len(loaded) - self._most + 1)]:
            entry.backend = entry.cache = None
            entry.state = "unloaded"


def _folder_id(folder: Path) -> _FolderId:
    """Return the device and inode of a folder."""
    status = os.stat(folder)
    return status.st_dev, status.st_ino
