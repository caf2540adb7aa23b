"""Messages that the server shows by itself: each kind once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from tabwright.app.runtime.client import Client
from tabwright.core.message import Message, without_full_stop

_ADVICE: Mapping[str, Message] = {
    "model_missing": Message(
        "Run the command tabwright.pull, or 'tabwright models pull' in a terminal."
    ),
    "unavailable": Message(
        "'tabwright doctor' in a terminal tells more; the next request tries again."
    ),
    "engine": Message("'tabwright doctor' in a terminal tells more."),
    "internal": Message("The server's log says more; please report it."),
}


class Notices:
    """Shows messages through a client, and remembers which kinds it has shown."""

    def __init__(self, client: Client) -> None:
        """Show messages through ``client``."""
        self._client = client
        self._shown: set[str] = set()

    def show_once(self, kind: str, level: str, message: Message) -> None:
        """Show a message, once for each kind."""
        if kind not in self._shown:
            self._shown.add(kind)
            self._client.show(level, message)

    def warn(self, subject: str, message: Message) -> None:
        """Show a warning, once for each pair of subject and message."""
        self.show_once(f"{subject}: {message}", "warning", Message("Tabwright: {0}", message))

    def file_excluded(self, reason: Message) -> None:
        """Show that a file gets no suggestions, once for each file name or ignored folder."""
        message = Message("this file is kept from the model: {0}", reason)
        self.show_once(f"excluded: {reason}", "info", Message("Tabwright: {0}", message))

    def problem(self, kind: str, reason: Message) -> None:
        """Show a problem once for each kind, with what the user can do about it."""
        advice = _ADVICE.get(kind)
        message = Message("Tabwright: {0}.", without_full_stop(reason))
        if advice is not None:
            message = Message("Tabwright: {0}. {1}", without_full_stop(reason), advice)
        self.show_once(kind, "warning", message)

    def warn_later(self, loop: asyncio.AbstractEventLoop, message: Message) -> None:
        """Warn about privacy rules from any thread; the message is sent on the event loop."""
        loop.call_soon_threadsafe(partial(self.warn, "privacy", message))
