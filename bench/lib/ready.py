"""Waits until the server answers with text: the model is loaded and warm."""

from __future__ import annotations

import asyncio
import time

from bench.lib.own_server import Workbench
from tabwright.lsp.language_client import LspClient

WARM_UP = 'def add(a: int, b: int) -> int:\n    """Add two numbers."""\n    return \n'
SECONDS = 180.0


class NotReady(Exception):
    """No completion came; the message says what the server gave as the reason."""


async def ready(client: LspClient, bench: Workbench, seconds: float = SECONDS) -> float:
    """Ask until a first suggestion comes and return how long that took, in seconds.

    Raises NotReady with the server's reason after ``seconds``, at once when the model is missing.
    """
    uri = bench.uri("warm_up.py")
    client.open(uri, "python", WARM_UP)
    started = time.perf_counter()
    try:
        while True:
            asking = client.complete(uri, WARM_UP, len(WARM_UP) - 1)
            if await asyncio.wait_for(asking, seconds):
                return time.perf_counter() - started
            why = await client.execute("tabwright.why")
            reason = " ".join(str(why.get(key) or "") for key in ("reason", "detail")).strip()
            if "models pull" in reason:
                raise NotReady(f"{reason}\nRun 'make demo' or 'tabwright models pull' first.")
            if time.perf_counter() - started > seconds:
                raise NotReady(f"no completion within {seconds:g} s: {reason or 'no reason given'}")
            await asyncio.sleep(0.25)
    except TimeoutError as error:
        raise NotReady(f"a request was not answered within {seconds:g} s") from error
    finally:
        client.close(uri)
