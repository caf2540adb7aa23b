"""Kate on a display of its own: the server is allowed, the menu opened, its first item taken."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from editors.required import CLIENTS, SERVER, program
from editors.terminal import until_file
from support.editor import Home, engine_for

INSTALL = "apt-get install --no-install-recommends kate openbox xdotool xvfb"
BEGUN = "def add(a, b):\n"


class Desktop:
    """Keys and windows of one X display."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    async def start(
        self, *command: str, stdout: int = asyncio.subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            program(command[0], INSTALL),
            *command[1:],
            stdout=stdout,
            stderr=asyncio.subprocess.DEVNULL,
            env=self.environment,
            cwd=self.environment["HOME"],
        )

    async def keys(self, *keys: str) -> None:
        for key in keys:
            process = await self.start("xdotool", "key", key)
            assert await process.wait() == 0, f"xdotool could not press {key}"
            await asyncio.sleep(0.3)

    async def told(self, *question: str) -> str | None:
        """What xdotool says of the windows, None where it cannot."""
        process = await self.start("xdotool", *question, stdout=asyncio.subprocess.PIPE)
        said, _ = await process.communicate()
        return said.decode().strip() if process.returncode == 0 else None

    async def until_managed(self) -> None:
        """Wait for the window manager: it focuses no window that was there before it."""
        await self._until("no window manager came", 20, "get_num_desktops")

    async def until_active(self, name: str) -> None:
        """Wait until the window with this in its name has the keys."""
        told = ("getactivewindow", "getwindowname")
        await self._until(f"no window called {name!r} has the keys", 40, *told, text=name)

    async def _until(self, why: str, seconds: float, *question: str, text: str = "") -> None:
        said = None
        try:
            async with asyncio.timeout(seconds):
                while (said := await self.told(*question)) is None or text not in said:
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise AssertionError(f"{why} (xdotool says {said!r})") from None


def free_display() -> str:
    """A display that no server has."""
    taken = {path.name for path in Path("/tmp/.X11-unix").glob("X*")}
    return next(f":{number}" for number in range(70, 200) if f"X{number}" not in taken)


@contextlib.asynccontextmanager
async def kate(home: Home, text: str) -> AsyncIterator[Desktop]:
    """Kate on one Python file, with the settings of our README, its server allowed."""
    (home.path / "code.py").write_text(text, "utf-8")
    config = json.loads((CLIENTS / "kate" / "settings.json").read_text("utf-8"))
    config["servers"]["python"]["command"] = SERVER
    folder = home.path / ".config" / "kate" / "lspclient"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(config), "utf-8")
    (home.path / ".config" / "katerc").write_text("[Kate Plugins]\nlspclientplugin=true\n")
    display = free_display()
    environment = {
        **home.environment(),
        "DISPLAY": display,
        "LC_ALL": "C.UTF-8",
        "QT_QPA_PLATFORM": "xcb",
    }
    desktop = Desktop({key: each for key, each in environment.items() if key != "WAYLAND_DISPLAY"})
    file = str(home.path / "code.py")
    running = [await desktop.start("Xvfb", display, "-screen", "0", "1000x700x24")]
    try:
        async with asyncio.timeout(10):
            while not Path(f"/tmp/.X11-unix/X{display[1:]}").exists():
                await asyncio.sleep(0.05)
        running.append(await desktop.start("openbox"))
        await desktop.until_managed()
        running.append(await desktop.start("kate", "-n", "--line", "2", "--column", "11", file))
        await desktop.until_active("LSP")
        await desktop.keys("Return")
        await desktop.until_active("code.py")
        yield desktop
    finally:
        for process in reversed(running):
            if process.returncode is None:
                process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 5)
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.mark.timing  # nothing tells when its menu is open
@pytest.mark.parametrize(
    ("line", "keys", "expected"),
    [
        ("    return", ["space"], "    return a + b"),
        ("", ["Up", "End", "Return"], "    total = a + b\n    return total"),
    ],
)
async def test_the_menus_first_item_is_taken(
    home: Home, line: str, keys: list[str], expected: str
) -> None:
    warm = {"text": "", "times": 1}
    answer = expected.removeprefix(f"{line} ").lstrip()
    async with (
        engine_for(home, warm, {"text": answer}) as engine,
        kate(home, BEGUN + (f"{line}\n" if line else "")) as desktop,
    ):
        await engine.wait_for(1, "done", timeout=30)
        await desktop.keys("End", *keys)
        for _ in range(5):
            await desktop.keys("ctrl+space")
            await asyncio.sleep(2)
            if engine.asked:
                break
        assert engine.asked, "Kate asked for no suggestion"
        await asyncio.sleep(2)  # the answer comes and the menu opens
        await desktop.keys("Return", "ctrl+s")
        await until_file(home.path / "code.py", f"{BEGUN}{expected}\n")
