"""What the server tells the user unasked: each kind of news once."""

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
        self._said: set[str] = set()

    def say(self, kind: str, level: str, message: Message) -> None:
        """Show a message, once for each kind."""
        if kind not in self._said:
            self._said.add(kind)
            self._client.show(level, message)

    def warn(self, about: str, message: Message) -> None:
        """Show a warning, once for each pair of what it is about and what it says."""
        self.say(f"{about}: {message}", "warning", Message("Tabwright: {0}", message))

    def kept_out(self, reason: str) -> None:
        """Tell that a file gets no suggestions, once for each file name or ignored folder."""
        said = Message("this file is kept from the model: {0}", reason)
        self.say(f"kept out: {reason}", "info", Message("Tabwright: {0}", said))

    def trouble(self, kind: str, reason: str) -> None:
        """Tell of a failure, with what the user can do about its kind."""
        advice = _ADVICE.get(kind)
        message = Message("Tabwright: {0}.", without_full_stop(reason))
        if advice is not None:
            message = Message("Tabwright: {0}. {1}", without_full_stop(reason), advice)
        self.say(kind, "warning", message)

    def warn_later(self, loop: asyncio.AbstractEventLoop, message: Message) -> None:
        """Warn of a file's rules from the thread that read them: the editor is spoken to on the
        loop."""
        loop.call_soon_threadsafe(partial(self.warn, "privacy", message))
