"""Ghost text in a real Emacs in a terminal, by eglot and by lsp-mode."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import pytest
from editors.emacs import INSTALL, lisp
from editors.required import CLIENTS, SERVER, absent, program
from editors.terminal import Terminal, terminal, until_file
from support.editor import Home, engine_for

BEGUN = "def add(a, b):\n    \n"
SUM = {"match": "return ", "text": "a + b"}
META_F, META_N, META_P, CTRL_E, CTRL_G = "\x1bf", "\x1bn", "\x1bp", "\x05", "\x07"

# Each home is new, and would have the packages compiled behind the test's back.
_COMMON = """
(setq native-comp-deferred-compilation nil native-comp-async-report-warnings-errors nil)
(require 'package) (package-initialize)
(prefer-coding-system 'utf-8)
(setq make-backup-files nil auto-save-default nil create-lockfiles nil ring-bell-function 'ignore)
(add-to-list 'load-path {folder})
(setq tabwright-command '{command} tabwright-ghost-text t)
(menu-bar-mode -1)
"""
_BY = {
    "eglot": """
(require 'tabwright-eglot)
(tabwright-eglot-setup 'python-mode)
(add-hook 'python-mode-hook #'eglot-ensure)
""",
    "lsp-mode": """
(require 'tabwright-lsp)
(setq lsp-enabled-clients '(tabwright) lsp-auto-guess-root t lsp-headerline-breadcrumb-enable nil
      lsp-enable-snippet nil lsp-diagnostics-provider :none)
(add-hook 'python-mode-hook #'lsp)
""",
}


@contextlib.asynccontextmanager
async def emacs(home: Home, text: str, by: str = "eglot") -> AsyncIterator[Terminal]:
    """Emacs on one file, the cursor at its start, the server up."""
    (home.path / "code.py").write_text(text, "utf-8")
    init = home.path / "init.el"
    folder, server = lisp(str(CLIENTS / "emacs")), lisp(SERVER).replace("(list ", "(")
    init.write_text(_COMMON.format(folder=folder, command=server) + _BY[by], "utf-8")
    command = [program("emacs", INSTALL), "-nw", "-q", "-l", str(init), "code.py"]
    environment = home.environment({"LC_ALL": "C.UTF-8"})
    leave = "\x07\x1bx" + "kill-emacs\r"
    async with terminal(command, environment, home.path, leave) as shown:
        await shown.until("def add" if "def add" in text else "smile", 30)
        if any("Cannot open load file" in row for row in shown.rows):
            absent(f"a package of Emacs is not here; install it with: {INSTALL}")
        for _ in range(15):
            # Quit what is left of a try whose first keys came too early.
            await press(shown, CTRL_G)
            await shown.keys("\x1bxtabwright-status\r")
            with contextlib.suppress(AssertionError):
                await shown.until("Tabwright: ready", 3)
                break
        else:
            raise AssertionError("\n".join(["never ready:", *shown.rows]))
        yield shown


async def press(shown: Terminal, key: str) -> None:
    """Send a key of several bytes at once, as a terminal does."""
    os.write(shown.master, key.encode())
    await asyncio.sleep(0.3)


async def saved(home: Home, shown: Terminal, text: str) -> None:
    await shown.keys("\x18\x13")
    await until_file(home.path / "code.py", text)


@pytest.mark.parametrize("by", _BY)
async def test_type_see_take_undo_and_save(home: Home, by: str) -> None:
    async with engine_for(home, SUM), emacs(home, BEGUN, by) as shown:
        await shown.keys("\x0e\x05return ")
        await shown.until_row(1, "    return a + b")
        assert shown.screen.cursor.x == 11
        await shown.keys("\t")
        await shown.until_cursor(16)
        await saved(home, shown, "def add(a, b):\n    return a + b\n")
        await press(shown, "\x1f")
        await saved(home, shown, "def add(a, b):\n    return \n")


async def test_words_lines_and_putting_it_away(home: Home) -> None:
    block = {"text": "total = a + b\n    return total", "times": 1}
    rules = [{"text": "", "times": 1}, block]
    async with engine_for(home, *rules), emacs(home, "def add(a, b):\n\n") as shown:
        await shown.keys("\x0e\t")
        await shown.until_row(1, "    total = a + b")
        await shown.until_row(2, "    return total")
        await press(shown, CTRL_G)
        await shown.until_row(1, "")
        await shown.keys("to")
        await shown.until_row(1, "    total = a + b")
        await press(shown, META_F)
        await shown.until_cursor(9)
        assert shown.rows[1] == "    total = a + b"
        await press(shown, CTRL_E)
        await press(shown, CTRL_E)
        await saved(home, shown, "def add(a, b):\n    total = a + b\n    return total\n")


async def test_several_to_go_through(home: Home) -> None:
    texts = ("a + b", "a + b", "b + a", "sum((a, b))")
    rule = {"match": "return ", "lane": "newest", "times": 1}
    rules = [{**rule, "text": text} for text in texts]
    async with engine_for(home, *rules), emacs(home, BEGUN) as shown:
        await shown.keys("\x0e\x05return ")
        await shown.until_row(1, "    return a + b")
        await press(shown, META_N)
        await shown.until_row(1, "    return b + a (2/3)")
        await press(shown, META_P)
        await shown.until_row(1, "    return a + b (1/3)")
        await press(shown, META_N)
        await shown.keys("\t")
        await saved(home, shown, "def add(a, b):\n    return b + a\n")


async def test_columns_behind_an_emoji_and_closers(home: Home) -> None:
    text = 'smile = "é漢"\n"é漢".join()\n'
    async with engine_for(home, {"text": "smile + x)"}), emacs(home, text) as shown:
        await shown.keys("\x0e\x05\x02 ")
        await shown.until("smile + x)")
        await shown.keys("\t")
        await saved(home, shown, 'smile = "é漢"\n"é漢".join( smile + x)\n')


async def test_without_ghost_text_tab_indents(home: Home) -> None:
    async with engine_for(home, {"text": ""}), emacs(home, "def add(a, b):\n\n") as shown:
        await shown.keys("\x0e\tpass")
        await saved(home, shown, "def add(a, b):\n    pass\n")
