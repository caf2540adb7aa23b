"""Arguments of ``--tcp``: loopback addresses, and tokens from environment variables."""

from __future__ import annotations

import ipaddress
import os

_SHORTEST_TOKEN = 16


def loopback(text: str) -> tuple[str, int]:
    """Host and port of ``[HOST:]PORT``; raises ValueError for a host that is not this machine.

    ``localhost`` is 127.0.0.1, whatever it resolves to.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit()) or int(port[:9]) > 65535:
        raise ValueError(f"--tcp wants HOST:PORT, not {text!r}")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if host in ("", "localhost"):
        host = "127.0.0.1"
    try:
        own = ipaddress.ip_address(host).is_loopback
    except ValueError:
        own = False
    if not own:
        raise ValueError(
            f"{host} is not a loopback address; only this machine is served. From another machine, "
            "forward a port with ssh"
        )
    return host, int(port)


def token_in(variable: str) -> str:
    """Read the token and delete its environment variable, so that no child process gets it.

    "" where the variable is not set; raises ValueError for a token that can be guessed.
    """
    token = os.environ.pop(variable, "")
    if token and len(token) < _SHORTEST_TOKEN:
        least = f"fewer than {_SHORTEST_TOKEN} characters"
        raise ValueError(f"the environment variable {variable} holds {least}")
    return token
