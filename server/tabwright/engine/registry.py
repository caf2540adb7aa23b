"""The models an engine has loaded or could load; only the worker's thread loads them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tabwright.engine.backends import Backend, BackendOptions
from tabwright.engine.cache import StateCache
from tabwright.engine.draft import Experience
from tabwright.engine.vocabulary import Vocabulary
from tabwright.models import config_file, store

Loader = Callable[[Path, BackendOptions], Backend]


@dataclass
class Entry:
    """One model: its folder and tokenizer, and the backend once it is loaded."""

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
    """Models by name. Raises the store's ModelMissing and ModelInvalid, and BackendError."""

    def __init__(self, options: BackendOptions, loader: Loader, most: int = 2) -> None:
        self._options = options
        self._loader = loader
        self._most = most
        self._entries: dict[str, Entry] = {}

    def entries(self) -> list[Entry]:
        """Return all models asked for so far."""
        return list(self._entries.values())

    def describe(self, name: str) -> Entry:
        """Return a model's entry with its tokenizer read; the weights stay where they are."""
        folder = store.locate(name)
        known = self._entries.get(name)
        if known is not None and known.folder == folder and known.state != "failed":
            return known
        try:
            vocabulary = Vocabulary.load(folder)
            config = config_file.read(folder)
        except (OSError, ValueError) as error:
            raise store.ModelInvalid(
                f"the model {name} is not whole ({error}); run: tabwright models pull {name}"
            ) from error
        length = config.get("max_position_embeddings") or config.get("n_positions") or 2048
        entry = Entry(name, folder, vocabulary, int(length))
        self._entries[name] = entry
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
