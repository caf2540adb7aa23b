"""A real Vim in a terminal, with the plugin and nothing of the user's."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from editors.required import CLIENTS, SERVER, program
from editors.terminal import Terminal, terminal
from support.editor import Home

INSTALL = "apt-get install vim"


@contextlib.asynccontextmanager
async def vim(
    home: Home,
    text: str,
    *,
    settings: str = "",
    server: list[str] = SERVER,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Terminal]:
    """Vim on one file of a folder (the home, or another); ``settings`` are lines of the vimrc."""
    folder = folder or home.path
    (folder / "code.py").write_text(text, "utf-8")
    vimrc = home.path / "vimrc"
    vimrc.write_text(
        "set nocompatible encoding=utf-8 noswapfile viminfo= ttimeoutlen=20 shortmess+=I\n"
        f"set runtimepath^={CLIENTS / 'vim'}\n"
        f"let g:tabwright_command = {json.dumps(server)}\n"
        f"{settings}\nfiletype plugin indent on\n",
        "utf-8",
    )
    command = [program("vim", INSTALL), "-u", str(vimrc), "code.py"]
    variables = home.environment({"LC_ALL": "C.UTF-8", **(environment or {})})
    async with terminal(command, variables, folder, "\x1b\r:qa!\r") as shown:
        await shown.until_row(0, text.split("\n")[0])
        yield shown
