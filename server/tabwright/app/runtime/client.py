"""What the rest of the server can tell and ask the user; ``lsp.client`` does it by the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from tabwright.core.message import Message


class Bar(Protocol):
    """A progress bar in the editor, which may have none: then nothing is shown."""

    async def cancelled(self) -> None:
        """Return once the user asks to stop; wait without an end where they do not."""
        ...

    def report(self, message: str, percent: float | None = None) -> None:
        """Show how far the work has come, in percent where that is known."""
        ...

    def end(self, message: str) -> None:
        """Close the bar with a last word."""
        ...


class Client(Protocol):
    """The editor, as far as the rest of the server knows it."""

    def show(self, level: str, message: Message) -> None:
        """Show a message; ``level`` is "error", "warning" or "info"."""
        ...

    async def ask(self, level: str, message: Message, actions: Sequence[Message]) -> str | None:
        """Ask with buttons; None when the user chose none, or the editor cannot ask."""
        ...

    async def bar(self, title: Message, *, cancellable: bool) -> Bar:
        """Open a progress bar."""
        ...


class NoBar:
    """A Bar for editors that show none."""

    async def cancelled(self) -> None:
        """Wait without an end."""
        await asyncio.get_running_loop().create_future()

    def report(self, message: str, percent: float | None = None) -> None:
        """Show nothing."""

    def end(self, message: str) -> None:
        """Show nothing."""
