"""Programs in a pseudo-terminal, with keys and screen as a person has them."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import struct
import termios
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from editors.required import module

PYTE = "python -m pip install pyte"
WIDTH, HEIGHT = 80, 24


def _screen() -> Any:
    """A screen of pyte's; it knows no private colours, which Vim asks the terminal about."""
    pyte = module("pyte", PYTE)

    def colours(screen: Any, *attributes: int, private: bool = False) -> None:
        if not private:
            pyte.Screen.select_graphic_rendition(screen, *attributes)

    made = type("Screen", (pyte.Screen,), {"select_graphic_rendition": colours})
    return made(WIDTH, HEIGHT)


class Terminal:
    """A pseudo-terminal whose screen is kept by pyte."""

    def __init__(self, master: int) -> None:
        pyte = module("pyte", PYTE)
        self.screen = _screen()
        self._stream: Any = pyte.ByteStream(self.screen)
        self.master = master
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self.master, 65536)
        except OSError:  # Linux says so when the other end is closed
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self.master)
        self._stream.feed(data)

    @property
    def rows(self) -> list[str]:
        return [row.rstrip() for row in self.screen.display]

    async def keys(self, keys: str) -> None:
        for key in keys:
            os.write(self.master, key.encode())
            await asyncio.sleep(0.03)

    async def until_row(self, row: int, text: str, seconds: float = 30.0) -> None:
        await self._until(lambda: self.rows[row] == text, f"row {row} is not {text!r}", seconds)

    async def until_cursor(self, column: int, seconds: float = 30.0) -> None:
        why = f"the cursor is not at {column}"
        await self._until(lambda: self.screen.cursor.x == column, why, seconds)

    async def until(self, what: str, seconds: float = 30.0) -> None:
        """Wait until a text is somewhere on the screen."""
        await self._until(lambda: self.shows(what), f"not seen: {what!r}", seconds)

    def shows(self, what: str) -> bool:
        return any(what in row for row in self.rows)

    async def _until(self, holds: Callable[[], bool], why: str, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError("\n".join([f"{why}:", *self.rows])) from None


async def until_file(path: Path, text: str, seconds: float = 30.0) -> None:
    """Wait until a file reads so; a save truncates it first."""
    try:
        async with asyncio.timeout(seconds):
            while not path.exists() or path.read_text("utf-8") != text:
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"the file reads {path.read_text('utf-8')!r}") from None


@contextlib.asynccontextmanager
async def terminal(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, leave: str
) -> AsyncIterator[Terminal]:
    """Run a program; ``leave`` are the keys that end it."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**environment, "TERM": "xterm-256color"},
        cwd=folder,
        start_new_session=True,
        # Makes it the program's own terminal: Emacs opens /dev/tty.
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    shown = Terminal(master)
    try:
        yield shown
    finally:
        with contextlib.suppress(TimeoutError, OSError):
            await shown.keys(leave)
            await asyncio.wait_for(process.wait(), 5)
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(master)
        os.close(master)
