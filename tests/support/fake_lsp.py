"""A server that answers inline completions from what is behind the cursor's mark in a comment.

Run as a process: a document whose first line is ``# answer: TEXT`` gets TEXT (JSON) as its only
suggestion, over the rest of the cursor's line when TEXT ends with it. ``tabwright.why`` tells
the last position, ``test.open`` the open documents, ``test/slow`` answers after being cancelled,
``test.configuration`` tells what the client answered when it was asked for its settings.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

documents: dict[str, str] = {}
why: dict[str, Any] = {}
slow: list[object] = []
cancelled: list[object] = []
configuration: list[Any] = []


def send(message: dict[str, Any]) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    sys.stdout.buffer.flush()


def read() -> dict[str, Any] | None:
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return json.loads(sys.stdin.buffer.read(length)) if length else None


def received() -> Iterator[dict[str, Any]]:
    """Yield the client's messages until it says exit or closes the stream."""
    while (message := read()) is not None and message.get("method") != "exit":
        yield message


def inline(params: dict[str, Any]) -> list[dict[str, Any]]:
    text = documents[params["textDocument"]["uri"]]
    position = params["position"]
    why.update(position=position, trigger=params["context"]["triggerKind"])
    first = text.split("\n")[0]
    if not first.startswith("# answer: "):
        return []
    answer = json.loads(first.removeprefix("# answer: "))
    rest = text.split("\n")[position["line"]][position["character"] :]
    end = len(rest) if rest and answer.endswith(rest) else 0
    return [
        {
            "insertText": answer,
            "range": {
                "start": position,
                "end": {**position, "character": position["character"] + end},
            },
        }
    ]


def answer(method: str, params: Any, request: int) -> object:
    match method:
        case "initialize":
            encoding = params["capabilities"]["general"]["positionEncodings"][0]
            items = [{"section": "tabwright"}]
            send({"id": 900, "method": "workspace/configuration", "params": {"items": items}})
            value = {"kind": "begin", "title": "Loading"}
            send({"method": "$/progress", "params": {"token": "t", "value": value}})
            return {"capabilities": {"positionEncoding": encoding}}
        case "textDocument/inlineCompletion":
            return {"items": inline(params)}
        case "workspace/executeCommand" if params["command"] == "test.open":
            return {"open": sorted(documents)}
        case "workspace/executeCommand" if params["command"] == "test.cancelled":
            return {"cancelled": len(cancelled)}
        case "workspace/executeCommand" if params["command"] == "test.configuration":
            return {"answers": configuration}
        case "workspace/executeCommand" if params["command"] == "test.close":
            os.close(1)
            time.sleep(60)
        case "workspace/executeCommand" if params["command"] == "test.die":
            sys.stderr.write("dying as asked\n")
            sys.exit(3)
        case "workspace/executeCommand":
            return dict(why)
    return None


def changed(text: str, change: dict[str, Any]) -> str:
    """For documents whose lines end with a line feed, in ASCII."""
    lines = text.splitlines(keepends=True)
    places = (change["range"][end] for end in ("start", "end"))
    start, end = (sum(map(len, lines[: at["line"]])) + at["character"] for at in places)
    return f"{text[:start]}{change['text']}{text[end:]}"


def main() -> None:
    for message in received():
        method: object = message.get("method")
        params: Any = message.get("params")
        match method:
            case "textDocument/didOpen":
                documents[params["textDocument"]["uri"]] = params["textDocument"]["text"]
            case "textDocument/didChange":
                uri = params["textDocument"]["uri"]
                documents[uri] = changed(documents[uri], params["contentChanges"][0])
            case "textDocument/didClose":
                del documents[params["textDocument"]["uri"]]
            case "test/slow":
                slow.append(message["id"])
            case "test/answer":
                for identity in slow:
                    error = {"code": -32800, "message": "late"}
                    send({"id": identity, "error": error})
            case "$/cancelRequest" if params["id"] in slow:
                cancelled.append(params["id"])
                send({"id": params["id"], "error": {"code": -32800, "message": "cancelled"}})
            case "test/unknown":
                send({"id": message["id"], "error": {"code": -32601, "message": "no such"}})
            case None if message["id"] == 900:
                configuration.extend(message["result"])
            case str() if "id" in message:
                send({"id": message["id"], "result": answer(method, params, message["id"])})


if __name__ == "__main__":
    main()
