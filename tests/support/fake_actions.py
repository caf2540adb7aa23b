"""A server whose actions are written into the documents: the first line's comment is the answer.

Run as a process. ``# answer: {...}`` (JSON) may hold ``new`` (the text that replaces what follows
the first line), ``title`` (what the resolved action is called), ``warn`` (a message shown),
``faults``, ``stale`` (the edit is for another version) and ``unlisted`` (no action applies).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # it is run as a script
from support.fake_lsp import received, send

documents: dict[str, str] = {}
versions: dict[str, int] = {}
listed: list[Any] = []


def script(uri: str) -> dict[str, Any]:
    first = documents[uri].split("\n")[0]
    found: dict[str, Any] = json.loads(first.partition("answer: ")[2] or "{}")
    return found


def edit(uri: str, new: str, version: int) -> dict[str, Any]:
    lines = documents[uri].count("\n")
    span = {"start": {"line": 1, "character": 0}, "end": {"line": lines + 1, "character": 0}}
    document = {"uri": uri, "version": version}
    return {
        "documentChanges": [
            {"textDocument": document, "edits": [{"range": span, "newText": new}]},
        ]
    }


def worked(uri: str) -> dict[str, Any]:
    asked = script(uri)
    if "warn" in asked:
        send({"method": "window/showMessage", "params": {"type": 2, "message": asked["warn"]}})
    if "new" not in asked:
        return {"edit": None, "reason": "nothing came", "faults": []}
    version = versions[uri] + (1 if asked.get("stale") else 0)
    return {"edit": edit(uri, asked["new"], version), "faults": asked.get("faults", [])}


def translated(argument: dict[str, Any]) -> dict[str, Any]:
    asked = script(argument["uri"])
    new = {"uri": argument["uri"] + ".js", "version": None}
    start = {"line": 0, "character": 0}
    change = {"range": {"start": start, "end": start}, "newText": asked["new"]}
    made = [{"kind": "create", "uri": new["uri"]}, {"textDocument": new, "edits": [change]}]
    return {"edit": {"documentChanges": made}, "name": "a.js", "faults": asked.get("faults", [])}


def answer(method: str, params: Any) -> object:
    match method:
        case "initialize":
            return {"capabilities": {}}
        case "textDocument/codeAction":
            listed.append(params)
            uri = params["textDocument"]["uri"]
            if "unlisted" in script(uri):
                return []
            kind = params["context"]["only"][0]
            return [{"title": "Do it", "kind": kind, "data": {"uri": uri, "id": 1}}]
        case "codeAction/resolve":
            asked, done = script(params["data"]["uri"]), worked(params["data"]["uri"])
            title = asked.get("title", params["title"])
            return {**params, "title": title, **({"edit": done["edit"]} if done["edit"] else {})}
        case "workspace/executeCommand":
            if params["command"] == "test.listed":
                return {"listed": listed, "open": sorted(documents)}
            argument = params["arguments"][0]
            listed.append(params)
            if params["command"] == "tabwright.translate":
                return translated(argument)
            return worked(argument["uri"])
    return None


def main() -> None:
    for message in received():
        method: object = message.get("method")
        params: Any = message.get("params")
        match method:
            case "textDocument/didOpen":
                document = params["textDocument"]
                documents[document["uri"]] = document["text"]
                versions[document["uri"]] = document["version"]
            case "textDocument/didClose":
                del documents[params["textDocument"]["uri"]]
            case str() if "id" in message:
                send({"id": message["id"], "result": answer(method, params)})


if __name__ == "__main__":
    main()
