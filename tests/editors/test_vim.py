"""Vim itself: ghost text, keys, commands, code actions, and a server that dies."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest
from editors.required import absent
from editors.terminal import Terminal, until_file
from editors.vim import vim
from support.editor import Home, engine_for

RIGHT, DOWN, BRACKET = "\x1b[1;5C", "\x1b[1;5B", "\x1d"
BEGUN = "def add(a, b):\n\n"
CODE = "def add(a, b):\n    return a + c\n\n\ndef twice(x):\n    return x * 2\n"
FIXED = CODE.replace("a + c", "a + b")
SUM = {"match": "return ", "text": "a + b"}


async def ready(shown: Terminal) -> None:
    """Wait until the server is up: its status is shown."""
    for _ in range(100):
        await shown.keys(":TabwrightStatus\r")
        await asyncio.sleep(0.3)
        if shown.shows("Tabwright: ready"):
            return
    raise AssertionError("\n".join(["never ready:", *shown.rows]))


async def press(shown: Terminal, key: str) -> None:
    """Send a key of several bytes at once, as a terminal does."""
    os.write(shown.master, key.encode())
    await asyncio.sleep(0.2)


def server_of(home: Home) -> int:
    """The process of the server that this test's Vim started."""
    for process in psutil.process_iter(["environ", "cmdline"]):
        environment = process.info["environ"] or {}
        ours = environment.get("HOME") == str(home.path)
        if ours and "serve" in (process.info["cmdline"] or []):
            return int(process.pid)
    raise AssertionError("no server runs")


async def test_type_see_take_undo_and_save(home: Home) -> None:
    file = home.path / "code.py"
    async with engine_for(home, SUM), vim(home, BEGUN) as shown:
        await ready(shown)
        await shown.keys("2Gcc")
        await shown.keys("return ")
        await shown.until_row(1, "    return a + b")
        assert shown.screen.cursor.x == 11
        await shown.keys("\t\x1b:w\r")
        await until_file(file, "def add(a, b):\n    return a + b\n")
        await shown.keys("u:w\r")
        await until_file(file, "def add(a, b):\n    return \n")


async def test_several_lines_word_by_word_and_line_by_line(home: Home) -> None:
    block = {"text": "total = a + b\n    return total", "times": 1}
    async with engine_for(home, {"text": "", "times": 1}, block), vim(home, BEGUN) as shown:
        await ready(shown)
        await shown.keys("2Gcc")
        await shown.until_row(1, "    total = a + b")
        await shown.until_row(2, "    return total")
        await press(shown, RIGHT)
        await shown.until_cursor(9)
        assert shown.rows[1] == "    total = a + b"
        await press(shown, DOWN)
        await press(shown, DOWN)
        await shown.keys("\x1b:w\r")
        await until_file(
            home.path / "code.py", "def add(a, b):\n    total = a + b\n    return total\n"
        )


async def test_escape_dismiss_and_typing_along(home: Home) -> None:
    async with engine_for(home, SUM) as engine, vim(home, BEGUN) as shown:
        await ready(shown)
        await shown.keys("2Gcc")
        await shown.keys("return ")
        await shown.until_row(1, "    return a + b")
        asked = len(engine.asked)
        await shown.keys("a +")
        await shown.until_cursor(14)
        await asyncio.sleep(0.3)
        assert shown.rows[1] == "    return a + b"
        assert len(engine.asked) == asked
        await press(shown, BRACKET)
        await shown.until_row(1, "    return a +")
        await shown.keys(" ")
        await shown.until_row(1, "    return a + b")
        await shown.keys("\x1b")
        await shown.until_row(1, "    return a +")


async def test_columns_behind_an_emoji(home: Home) -> None:
    async with engine_for(home, {"text": " + x)"}), vim(home, 'smile = "😀é漢"\n\n') as shown:
        await ready(shown)
        await shown.keys("2Gcc")
        await shown.keys('"😀é漢".join()')
        await press(shown, "\x1b[D")
        await shown.keys("smile")
        await shown.until("smile + x)")
        await shown.keys("\t\x1b:w\r")
        await until_file(home.path / "code.py", 'smile = "😀é漢"\n"😀é漢".join(smile + x)\n')


@pytest.mark.parametrize(
    ("mapping", "typed"),
    [
        ("", "\t\t"),
        ("inoremap <Tab> MINE", "MINEMINE"),
        ("imap <Tab> <Plug>mine\ninoremap <Plug>mine MINE", "MINEMINE"),
        ("inoremap <expr> <Tab> 'MI' .. 'NE'", "MINEMINE"),
    ],
)
async def test_without_ghost_text_tab_is_the_users(home: Home, mapping: str, typed: str) -> None:
    settings = f"{mapping}\nautocmd BufEnter * set noexpandtab softtabstop=0 tabstop=8"
    async with engine_for(home, {"text": ""}), vim(home, BEGUN, settings=settings) as shown:
        await ready(shown)
        await shown.keys("2Gi\t\t\x1b:w\r")
        await until_file(home.path / "code.py", f"def add(a, b):\n{typed}\n")


async def test_edit_by_instruction_and_why(home: Home) -> None:
    answer = {"match": "factor first", "text": "def twice(x):\n    return 2 * x\n```\n"}
    file = home.path / "code.py"
    async with engine_for(home, answer), vim(home, CODE) as shown:
        await ready(shown)
        await shown.keys(":TabwrightWhy\r")
        await shown.until("nothing was asked yet")
        await shown.keys(":5,6TabwrightEdit put the factor first\r")
        await shown.until_row(5, "    return 2 * x")
        await shown.keys("\r:w\r")
        await until_file(file, CODE.replace("x * 2", "2 * x"))
        await shown.keys("u:w\r")
        await until_file(file, CODE)


async def test_a_code_action_mends_what_the_server_reports(home: Home) -> None:
    broken = FIXED.replace("(a, b):", "(a, b)")
    settings = "let g:tabwright_settings = {'diagnostics': {'syntax': v:true}}"
    rule = {"match": "expected", "text": f"{FIXED}```\n"}
    file = home.path / "code.py"
    async with engine_for(home, rule), vim(home, broken, settings=settings) as shown:
        await ready(shown)
        for _ in range(20):  # until the server has reported it
            await shown.keys("\x1b1G:TabwrightActions\r")
            await asyncio.sleep(1)
            if shown.shows("Fix: expected"):
                break
        await shown.until("Fix: expected")
        await shown.keys("\r")
        await shown.until_row(0, "def add(a, b):")
        await shown.keys("\r:w\r")
        await until_file(file, FIXED)
        await shown.keys("u:w\r")
        await until_file(file, broken)


async def test_a_server_killed_in_mid_request_comes_back(home: Home) -> None:
    slow = {
        **{"match": "return ", "lane": "newest", "times": 1},
        **{"text": "a + b", "first_delay_ms": 5000},
    }
    quick = {"match": "return ", "text": "b + a"}
    async with (
        engine_for(home, {"text": "", "times": 1}, slow, quick) as engine,
        vim(home, BEGUN) as shown,
    ):
        await ready(shown)
        await shown.keys("2Gcc")
        await shown.keys("return ")
        await engine.wait_for(1, lane="newest", prompt="return ")
        os.kill(server_of(home), signal.SIGKILL)
        await asyncio.sleep(1)
        await shown.keys("\x1b")
        await ready(shown)
        await shown.keys("A \x08")
        await shown.until_row(1, "    return b + a")
        await shown.keys("\t\x1b:w\r")
        await until_file(home.path / "code.py", "def add(a, b):\n    return b + a\n")


async def test_without_the_program_it_says_what_to_do(home: Home) -> None:
    async with vim(home, BEGUN, server=["no-such-program"]) as shown:
        await shown.until("no-such-program is not here. Install Tabwright")
    assert Path(home.path / "code.py").read_text("utf-8") == BEGUN


async def test_a_code_action_mends_what_ale_reports(home: Home) -> None:
    if not Path("/usr/share/vim-ale/autoload/ale.vim").exists():
        absent("ALE is not here; install it with: apt-get install vim-ale")
    found = (
        "{'lnum': 2, 'col': 16, 'end_col': 16, 'type': 'E', 'code': 'F821', "
        "'text': 'undefined name c'}"
    )
    settings = (
        "packadd! ale\nlet g:ale_linters = {'python': []}\nlet g:ale_virtualtext_cursor = 0\n"
        f"command! Find call ale#other_source#ShowResults(bufnr(), 'ruff', [{found}])"
    )
    rule = {"match": "undefined name c", "text": f"{FIXED}```\n"}
    async with engine_for(home, rule), vim(home, CODE, settings=settings) as shown:
        await ready(shown)
        await shown.keys(":Find\r2G:TabwrightActions\r")
        await shown.until("Fix: undefined name c")
        await shown.keys("\r")
        await shown.until("return a + b")
        await shown.keys("\r:w\r")
        await until_file(home.path / "code.py", FIXED)


async def test_a_file_of_another_name_is_known_by_it(home: Home) -> None:
    name = "ü 1.py"
    async with engine_for(home, SUM), vim(home, BEGUN) as shown:
        await ready(shown)
        await shown.keys(f":saveas {name.replace(' ', chr(92) + ' ')}\r")
        await until_file(home.path / name, BEGUN)
        await shown.keys("2Gcc")
        await shown.keys("return ")
        await shown.until_row(1, "    return a + b")
        await shown.keys("\t\x1b:w\r")
        await until_file(home.path / name, "def add(a, b):\n    return a + b\n")
