"""Who follows the documents and settings of the host, and how it tells them."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """Somebody who follows documents and settings."""

    def changed(self, uri: str) -> None:
        """A document has a new text, or was opened."""
        ...

    def closed(self, uri: str) -> None:
        """A document is gone."""
        ...

    def configured(self) -> None:
        """The settings are others now."""
        ...

    def close(self) -> None:
        """The server ends."""
        ...


class Watchers:
    """All of them, told in the order in which they came; a Watcher itself."""

    def __init__(self) -> None:
        """Start with none."""
        self._all: list[Watcher] = []

    def add(self, watcher: Watcher) -> None:
        """Tell one more from now on."""
        self._all.append(watcher)

    def changed(self, uri: str) -> None:
        """See Watcher."""
        for watcher in self._all:
            watcher.changed(uri)

    def closed(self, uri: str) -> None:
        """See Watcher."""
        for watcher in self._all:
            watcher.closed(uri)

    def configured(self) -> None:
        """See Watcher."""
        for watcher in self._all:
            watcher.configured()

    def close(self) -> None:
        """See Watcher."""
        for watcher in self._all:
            watcher.close()
