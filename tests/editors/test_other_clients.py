"""The server against what editors that cannot be had here send: clients/*.json, from their source.

Each says its capabilities and settings, opens a file with an emoji in it, takes the suggestion from
its menu, mends a diagnostic, and ends the server in its own way.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from editors.raw_client import Json, RawClient, column, edited, raw_client
from support.editor import URI, Home, engine_for

CLIENTS = Path(__file__).with_name("clients")
NAMES = sorted(path.stem for path in CLIENTS.glob("*.json"))
FIRST = 'smile = "😀é漢"\n'
CODE = f'{FIRST}\n\ndef add(a, b):\n    return "😀", a + c\n'
FIXED = CODE.replace("a + c", "a + b")
BEGUN = f'{FIRST}total = "😀", '
MENU = {"match": "total", "text": "1 + 2"}
FIX = {"match": "undefined", "text": f"{FIXED}```\n"}
LINE = 4


def client_of(name: str) -> Json:
    found: Json = json.loads((CLIENTS / f"{name}.json").read_text("utf-8"))
    return found


async def begun(client: RawClient, said: Json, text: str) -> Json:
    """Initialize as the client does, and open a document."""
    client.answers["workspace/configuration"] = lambda params: [
        said["configuration"] for _ in params["items"]
    ]
    client.answers["client/registerCapability"] = lambda params: None
    client.answers["window/workDoneProgress/create"] = lambda params: None
    client.answers["window/showMessageRequest"] = lambda params: None
    sent = {"processId": None, "rootUri": "file:///work", "workspaceFolders": None, **said["sends"]}
    result: Json = await client.request("initialize", sent)
    client.notify("initialized", {})
    opened = {"uri": URI, "languageId": "python", "version": 7, "text": text}
    client.notify("textDocument/didOpen", {"textDocument": opened})
    await client.until_ready()
    return result["capabilities"] if isinstance(result["capabilities"], dict) else {}


async def ended(client: RawClient, said: Json) -> None:
    if said.get("ends") == "notifications":
        client.notify("shutdown", {})
        client.notify("exit", {})
    else:
        await client.request("shutdown", None)
        client.notify("exit", None)
    await asyncio.wait_for(client.process.wait(), 5)


def lost(encoding: str) -> Json:
    """The diagnostic of another tool."""
    line = CODE.split("\n")[LINE]
    start = column(line, line.index("c"), encoding)
    end = column(line, line.index("c") + 1, encoding)
    places = {"start": {"line": LINE, "character": start}, "end": {"line": LINE, "character": end}}
    return {"range": places, "message": "undefined name `c`", "severity": 1, "source": "Ruff"}


def edits_of(edit: Json, said: Json) -> list[Json]:
    """The edits of one document, in the form that the client can take."""
    if said["expects"]["versions"]:
        (change,) = edit["documentChanges"]
        assert change["textDocument"] == {"uri": URI, "version": 7}
        found: list[Json] = change["edits"]
        return found
    return list(edit["changes"][URI])


@pytest.mark.parametrize("name", NAMES)
async def test_the_menu_has_the_suggestion(home: Home, name: str) -> None:
    said = client_of(name)
    async with engine_for(home, {"text": "", "times": 1}, MENU), raw_client(home) as client:
        offered = await begun(client, said, BEGUN)
        encoding = said["expects"]["encoding"]
        assert offered.get("positionEncoding", "utf-16") == encoding
        assert offered["completionProvider"]["triggerCharacters"]
        line = BEGUN.split("\n")[1]
        place = {"line": 1, "character": column(line, len(line), encoding)}
        params = {"textDocument": {"uri": URI}, "position": place, "context": {"triggerKind": 1}}
        found = await client.request("textDocument/completion", params)
        (item,) = found["items"]
        assert edited(BEGUN, [item["textEdit"]], encoding) == f"{BEGUN}1 + 2"
        assert item["label"] == "1 + 2" and item["insertTextFormat"] == 1
        await ended(client, said)


@pytest.mark.parametrize("name", NAMES)
async def test_a_diagnostic_is_mended(home: Home, name: str) -> None:
    said = client_of(name)
    applied: list[Json] = []

    def apply(params: Json) -> Json:
        applied.append(params["edit"])
        return {"applied": True}

    async with engine_for(home, FIX), raw_client(home) as client:
        client.answers["workspace/applyEdit"] = apply  # Kate does it without having said so
        await begun(client, said, CODE)
        encoding = said["expects"]["encoding"]
        diagnostic = lost(encoding)
        context: Json = {"diagnostics": [diagnostic], "triggerKind": 1}
        document = {"textDocument": {"uri": URI}, "range": diagnostic["range"]}
        params = {**document, "context": context}
        offered = await client.request("textDocument/codeAction", params)
        fix = next(each for each in offered if each["title"].startswith("Fix"))
        assert fix["kind"] == "quickfix"
        if said["expects"]["actions"] == "resolve":
            resolved: Any = await client.request("codeAction/resolve", fix)
            edits = edits_of(resolved["edit"], said)
        else:
            command = {key: fix["command"][key] for key in ("command", "arguments")}
            answer = await client.request("workspace/executeCommand", command)
            assert answer["applied"] is True
            edits = edits_of(applied[0], said)
        assert edited(CODE, edits, encoding) == FIXED
        # Vim's channel takes no other ids.
        assert all(isinstance(message["id"], int) for message in client.asked)
        await ended(client, said)
        assert client.process.returncode == 0
