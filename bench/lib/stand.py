"""What the rows of the speed table share: our servers, the peer, and how much to measure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from bench.lib.own_server import Workbench
from bench.lib.peer import Peer
from tabwright.lsp.language_client import LspClient


@dataclass(frozen=True)
class Sizes:
    """How much is measured; ``keys`` are those typed of each line, 0 for all of them."""

    files: int = 5
    lines: int = 4
    keys: int = 0
    rounds: int = 5


@dataclass(frozen=True)
class Stand:
    """``plain`` is the server as users have it, ``asking`` the one without kept answers."""

    bench: Workbench
    plain: LspClient
    asking: LspClient
    peer: Peer | None
    sizes: Sizes
    model: str

    @property
    def settings(self) -> Mapping[str, object]:
        return self.bench.settings

    def say(self, text: str) -> None:
        """Tell whoever waits how far it is."""
        print(f"  {text}", file=sys.stderr, flush=True)
