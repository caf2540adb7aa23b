"""No byte and no key goes to a remote engine before the user allowed its address."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from support.editor import Editor, Home, editing
from support.listener import MODEL, Listener, listening
from support.lost_name import CODE as FAULTY
from support.lost_name import LOST

from tabwright.app.runtime.notices import Notices
from tabwright.app.runtime.remote_consent import ALLOW, NOT_NOW, RemoteConsent
from tabwright.app.settings.settings import Remote
from tabwright.trust import Address, TrustError, TrustFile, address_of

CODE = "def add(a, b):\n    return \n"
VARIABLE = "AWS_SECRET_ACCESS_KEY"
SECRET = {VARIABLE: "do-not-send"}


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as found:
        yield found


def remote(listener: Listener, key: str = VARIABLE) -> dict[str, object]:
    return {"remote": {"url": f"{listener.url}/v1/", "keyEnvironment": key}}


async def use_everything(editor: Editor) -> None:
    """What a user may do that asks the engine for something."""
    editor.open(CODE)
    for _ in range(2):
        assert await editor.texts(1, 11, invoked=True) == []
    editor.change(FAULTY)
    (action,) = await editor.actions(LOST.range, LOST, only=["quickfix"])
    assert isinstance(action, types.CodeAction)
    assert (await editor.resolve(action)).edit is None
    argument = {"uri": "file:///work/code.py", "instruction": "Rename a"}
    assert (await editor.command("edit", argument))["edit"] is None
    status = await editor.command("status")
    assert status["state"] == "failed" and "allow-address" in status["problem"]


# Asked before anything is sent ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "answers"),
    [(None, "at once"), (NOT_NOW, "at once"), (None, "never"), (None, "unable")],
    ids=["dismissed", "refused", "never answered", "client cannot ask"],
)
async def test_nothing_is_sent_without_the_users_yes(
    home: Home, listener: Listener, chosen: str | None, answers: str
) -> None:
    async with editing(
        home, options=remote(listener), chosen=chosen, answers=answers, environment=SECRET
    ) as editor:
        await use_everything(editor)
        why = await editor.command("why")
        if answers == "unable":
            command = f"tabwright trust allow-address {listener.url} --key {VARIABLE}"
            await editor.until(lambda: any(command in text for text in editor.shown))
        else:
            (question,) = editor.asked
            assert listener.url in question and VARIABLE in question
    assert listener.connections == 0
    assert not list(home.path.rglob("trust.json"))
    assert "action" in why


async def test_after_consent_requests_are_sent_without_another_question(
    home: Home, listener: Listener
) -> None:
    options = remote(listener)
    options["remote"]["model"] = MODEL  # type: ignore[index]
    async with editing(home, options=options, chosen=ALLOW, environment=SECRET) as editor:
        await editor.until_ready()
        editor.open(CODE)
        assert await editor.texts(1, 11) == ["b + a"]
        (question,) = editor.asked
        assert MODEL in question
    assert {key for _, key in listener.requests} == {"Bearer do-not-send"}
    assert home.trust_file.read().addresses == (Address(listener.url, VARIABLE),)
    if os.name == "posix":
        assert home.trust_file.path.stat().st_mode & 0o777 == 0o600
    async with editing(home, options=options, environment=SECRET) as editor:
        await editor.until_ready()
        assert editor.asked == []


@pytest.mark.parametrize("change", ["key", "no key", "address"])
async def test_a_yes_is_for_one_address_and_one_key(
    home: Home, listener: Listener, change: str
) -> None:
    home.trust_file.allow_address(listener.url, VARIABLE)
    home.trust_file.allow_address("http://127.0.0.1:1", "OTHER")
    options = remote(listener, {"key": "OTHER", "no key": ""}.get(change, VARIABLE))
    if change == "address":
        options["remote"]["url"] += "../elsewhere"  # type: ignore[index]
    async with editing(home, options=options, environment={**SECRET, "OTHER": "too"}) as editor:
        editor.open(CODE)
        assert await editor.texts(1, 11) == []
        await editor.until(lambda: len(editor.asked) == 1)
    assert listener.connections == 0


async def tabwright(home: Home, *arguments: str, status: int = 0) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tabwright", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=home.environment(SECRET),
        cwd=home.path,
    )
    output, _ = await process.communicate()
    assert process.returncode == status, output
    return output.decode()


async def test_a_yes_on_the_command_line_counts_at_once_and_so_does_taking_it_back(
    home: Home, listener: Listener
) -> None:
    async with editing(home, options=remote(listener), environment=SECRET) as editor:
        editor.open(CODE)
        assert await editor.texts(1, 11) == []
        await tabwright(home, "trust", "allow-address", listener.url, "--key", VARIABLE)
        async with asyncio.timeout(60):
            while await editor.texts(1, 11) != ["b + a"]:
                await asyncio.sleep(0.5)
        await tabwright(home, "trust", "remove", f"{listener.url}/v1")
        sent = len(listener.requests)
        editor.change(CODE + "\n\ndef sub(a, b):\n    return \n")
        assert await editor.texts(5, 11) == []
        assert (await editor.command("why"))["reason"].startswith("nothing is sent to")
    assert len(listener.requests) == sent


async def test_the_command_line_sends_nothing_either(home: Home, listener: Listener) -> None:
    folder = home.path / ".config" / "tabwright"
    folder.mkdir(parents=True)
    text = f'[remote]\nurl = "{listener.url}"\nkeyEnvironment = "{VARIABLE}"\n'
    (folder / "config.toml").write_text(text)
    (home.path / "code.py").write_text(CODE)
    output = await tabwright(home, "complete", "code.py:2:12", status=1)
    assert "tabwright trust allow-address" in output and listener.connections == 0
    await tabwright(home, "trust", "allow-address", listener.url, "--key", VARIABLE)
    assert "b + a" in await tabwright(home, "complete", "code.py:2:12")


# What counts as the user's word -----------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="modes and links are those of POSIX")
@pytest.mark.parametrize("fault", ["writable", "link", "rubbish", "relative", "deep"])
async def test_a_file_that_others_may_have_written_allows_nothing(
    home: Home, listener: Listener, fault: str
) -> None:
    file = home.trust_file
    file.allow_address(listener.url, VARIABLE)
    if fault == "writable":
        file.path.chmod(0o666)
    elif fault == "link":
        file.path.rename(home.path / "elsewhere.json")
        file.path.symlink_to(home.path / "elsewhere.json")
    elif fault == "rubbish":
        file.path.write_text("{", "utf-8")
    elif fault == "relative":
        data = json.loads(file.path.read_text("utf-8"))
        file.path.write_text(json.dumps({**data, "folders": ["."]}), "utf-8")
    else:
        file.path.write_text("[" * 100_000, "utf-8")
    with pytest.raises(TrustError, match=r"trust\.json"):
        TrustFile(file.path).read()
    async with editing(home, options=remote(listener), environment=SECRET) as editor:
        editor.open(CODE)
        assert await editor.texts(1, 11) == []
        assert "trust.json" in (await editor.command("why"))["reason"]
    assert listener.connections == 0
    output = await tabwright(home, "trust", status=1)
    assert "trust.json" in output
    if fault == "writable":
        assert "trust.json" in await tabwright(home, "doctor", status=1)


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("http://LocalHost:80/v1/completions", "http://localhost"),
        (" https://example.com:443/v1/ ", "https://example.com"),
        ("http://[::1]:8080/team/v1?x=1#y", "http://[::1]:8080/team"),
    ],
)
def test_one_address_has_one_spelling(url: str, same: str) -> None:
    assert address_of(url) == same == address_of(same)


@pytest.mark.parametrize(
    "url", ["", "localhost:80", "file:///etc", "http://", "http://a:b", "ftp://a"]
)
def test_an_invalid_address_cannot_be_allowed(tmp_path: Path, url: str) -> None:
    with pytest.raises(TrustError):
        TrustFile(tmp_path / "trust.json").allow_address(url)
    assert not (tmp_path / "trust.json").exists()


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    path = tmp_path / "a" / "trust.json"
    with ThreadPoolExecutor(8) as pool:
        done = pool.map(lambda n: TrustFile(path).allow_address(f"http://h{n}"), range(24))
        assert len(set(done)) == 24
    assert len(TrustFile(path).read().addresses) == 24
    assert {each.name for each in path.parent.iterdir()} == {"trust.json", "trust.json.lock"}


# The question -----------------------------------------------------------------------------------


class Silent:
    """A client that shows messages and never answers a question."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.asked: list[str] = []

    def show(self, level: str, message: str) -> None:
        self.shown.append(message)

    async def ask(self, level: str, message: str, actions: Sequence[str]) -> str | None:
        self.asked.append(message)
        await asyncio.Event().wait()
        return None

    async def bar(self, title: str, *, cancellable: bool) -> Any:
        raise NotImplementedError


async def test_a_client_that_does_not_answer_is_shown_the_command(tmp_path: Path) -> None:
    client, tasks = Silent(), []
    consent = RemoteConsent(
        client,
        Notices(client),
        TrustFile(tmp_path / "trust.json"),
        lambda work: tasks.append(asyncio.ensure_future(work)),
        patience_s=0.05,
    )
    wanted = Remote(url="http://localhost:9/", key_environment="KEY")
    assert consent.refusal(wanted)
    for _ in range(3):
        consent.ask(wanted, lambda: None)
    await asyncio.sleep(0.5)
    assert len(client.asked) == 1 == len(client.shown)
    assert "tabwright trust allow-address http://localhost:9 --key KEY" in client.shown[0]
    for task in tasks:
        task.cancel()
