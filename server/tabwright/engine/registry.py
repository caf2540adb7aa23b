"""The models an engine has loaded or could load; only the worker's thread loads them."""

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
from tabwright.engine.speculative.draft import Experience
from tabwright.models import config_file, store

Loader = Callable[[Path, BackendOptions], Backend]
_MOST_KNOWN = 8  # models whose tokenizers are kept though their weights are not in memory
_Key = tuple[int, int]


@dataclass
class Entry:
    """One model: its folder and tokenizer, and the backend once it is loaded.

    ``name`` is the first one it was asked for by; others may name the same folder.
    """

    name: str
    folder: Path
    vocabulary: Vocabulary
    context_length: int
    state: Literal["unloaded", "loading", "ready", "failed"] = "unloaded"
    backend: Backend | None = None
    cache: StateCache | None = None
    experience: Experience = field(default_factory=Experience)
    load_s: float = 0.0
    failure: str = ""
    used: float = field(default_factory=time.monotonic)


class Registry:
    """Models by the folder that their names stand for, so that each is loaded once.

    A folder is known by its device and inode, which no spelling, link or letter case changes. At
    most ``most`` models are in memory. Raises the store's ModelMissing and ModelInvalid, and
    BackendError.
    """

    def __init__(self, options: BackendOptions, loader: Loader, most: int = 2) -> None:
        self._options = options
        self._loader = loader
        self._most = most
        self._entries: dict[_Key, Entry] = {}
        self._reading = threading.Lock()

    def entries(self) -> list[Entry]:
        """Return all models asked for so far, but those forgotten since."""
        return list(self._entries.values())

    def describe(self, name: str) -> Entry:
        """Return a model's entry with its tokenizer read; the weights stay where they are."""
        folder = store.locate(name)
        try:
            key = _key(folder)
            if (known := self._known(key)) is not None:
                return known
            with self._reading:  # so that two requests at once do not make two entries
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

    def _known(self, key: _Key) -> Entry | None:
        known = self._entries.get(key)
        return None if known is None or known.state == "failed" else known

    def _read(self, name: str, folder: Path, key: _Key) -> Entry:
        vocabulary = Vocabulary.load(folder)
        config = config_file.read(folder)
        length = config.get("max_position_embeddings") or config.get("n_positions") or 2048
        entry = Entry(name, folder, vocabulary, int(length))
        self._entries.pop(key, None)
        self._entries[key] = entry
        idle = [(known.used, one) for one, known in self._entries.items() if known.backend is None]
        for _, one in sorted(idle)[: max(0, len(self._entries) - _MOST_KNOWN)]:
            if one != key:
                del self._entries[one]
        return entry

    def ready(self, name: str) -> tuple[Backend, StateCache, Entry]:
        """Return a loaded model and its entry, loading it first if need be; the one unused longest
        makes room."""
        entry = self.describe(name)
        entry.used = time.monotonic()
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
        loaded = sorted((e for e in self._entries.values() if e.backend), key=lambda e: e.used)
        for entry in loaded[: max(0, len(loaded) - self._most + 1)]:
            entry.backend = entry.cache = None
            entry.state = "unloaded"


def _key(folder: Path) -> _Key:
    """What tells a folder from all others, however it is spelled."""
    found = os.stat(folder)
    return found.st_dev, found.st_ino
