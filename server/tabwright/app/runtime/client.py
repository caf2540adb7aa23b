"""The editor as the app sees it: messages, questions, progress; `lsp.client` implements it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from tabwright.core.message import Message


class Bar(Protocol):
    """A progress bar in the editor; shows nothing where the editor has none."""

    async def cancelled(self) -> None:
        """Wait until the user cancels; never return otherwise."""
        ...

    def report(self, message: Message, percent: float | None = None) -> None:
        """Show the progress, in percent where that is known."""
        ...

    def end(self, message: Message) -> None:
        """Close the bar with a last message."""
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
        """Never return."""
        await asyncio.get_running_loop().create_future()

    def report(self, message: Message, percent: float | None = None) -> None:
        """Show nothing."""

    def end(self, message: Message) -> None:
        """Show nothing."""
