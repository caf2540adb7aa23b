"""Whether code and a key may go to a remote engine: only where the user allowed that address."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Coroutine

from tabwright.app.runtime.client import Client
from tabwright.app.runtime.notices import Notices
from tabwright.app.settings.settings import Remote
from tabwright.core.message import Message
from tabwright.trust import Address, TrustError, TrustFile, address_of

ALLOW, NOT_NOW = Message("Allow"), Message("Not now")
_ANY_MODEL = Message("that it offers first")
_PATIENCE_S = 30.0

Spawn = Callable[[Coroutine[object, object, None]], object]


class RemoteConsent:
    """Looks up which addresses the user allowed; asks once a session for each address and key."""

    def __init__(
        self,
        client: Client,
        notices: Notices,
        file: TrustFile,
        spawn: Spawn,
        *,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """Ask through ``client`` in tasks that ``spawn`` runs; answers are kept in ``file``.

        A client that has not answered after ``patience_s`` may not be able to: the user is told the
        command that allows the address.
        """
        self._client = client
        self._notices = notices
        self._file = file
        self._spawn = spawn
        self._patience_s = patience_s
        self._asked: set[Address] = set()

    def refusal(self, remote: Remote) -> Message | None:
        """Return why nothing may be sent to an engine now; None when it may."""
        try:
            address = _address(remote)
            if address in self._file.read().addresses:
                return None
        except TrustError as error:
            return error.message
        return Message(
            "nothing is sent to {0} until you allow it; in a terminal: {1}",
            address.url,
            allow_command(address),
        )

    def ask(self, remote: Remote, allowed: Callable[[], None]) -> None:
        """Ask for an address in the background; call ``allowed`` when the user agrees."""
        try:
            address = _address(remote)
        except TrustError:
            return  # the engine itself says what is wrong with the address
        if address not in self._asked:
            self._asked.add(address)
            self._spawn(self._ask(remote, address, allowed))

    async def _ask(self, remote: Remote, address: Address, allowed: Callable[[], None]) -> None:
        model = remote.model or _ANY_MODEL
        question = Message(
            "Tabwright is set to send your code to {0}, for the model {1}. Allow it?",
            address.url,
            model,
        )
        if address.key_variable:
            question = Message(
                "Tabwright is set to send your code to {0}, for the model {1}, with the key in "
                "the environment variable {2}. Allow it?",
                address.url,
                model,
                address.key_variable,
            )
        asking = asyncio.ensure_future(self._client.ask("warning", question, (ALLOW, NOT_NOW)))
        try:
            await asyncio.wait((asking,), timeout=self._patience_s)
            if not asking.done():
                self._show_refusal(remote)
            answer = await asking
        finally:
            asking.cancel()
        if answer == ALLOW:
            try:
                await asyncio.to_thread(self._file.allow_address, address.url, address.key_variable)
            except TrustError as error:
                self._notices.warn("trust", error.message)
            else:
                allowed()
        elif answer is None:
            self._show_refusal(remote)

    def _show_refusal(self, remote: Remote) -> None:
        if reason := self.refusal(remote):
            self._notices.problem(f"not allowed: {reason}", reason)


def allow_command(address: Address) -> str:
    """Return the command that allows an address."""
    key = ("--key", address.key_variable) if address.key_variable else ()
    return shlex.join(("tabwright", "trust", "allow-address", address.url, *key))


def _address(remote: Remote) -> Address:
    return Address(address_of(remote.url), remote.key_environment)
