"""Connections to a Unix socket of this user alone; imported on first use: aiohttp is large."""

from __future__ import annotations

from typing import Any

import aiohttp

from tabwright import private
from tabwright.client.engine import EngineUnavailable
from tabwright.core.message import Message


class OwnUnixConnector(aiohttp.UnixConnector):
    """Refuses a socket on which another user listens, before sending anything."""

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        made = await super()._create_connection(req, traces, timeout)
        transport = made.transport
        end = None if transport is None else transport.get_extra_info("socket")
        uid = None if end is None else private.foreign_peer(end)
        if transport is not None and uid is not None:
            transport.abort()
            raise foreign(self.path, uid)
        return made


def foreign(path: str, uid: int) -> EngineUnavailable:
    """Return the error for a socket on which another user listens."""
    return EngineUnavailable(
        Message(
            "another user (number {0}) listens on {1}, where this user's engine would: "
            "nothing was sent",
            uid,
            path,
        )
    )
