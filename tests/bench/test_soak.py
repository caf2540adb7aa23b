"""The soak test: that it sees what it is there for, and a short one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from bench.lib import soak_text
from bench.lib.soak_client import SoakClient
from bench.lib.soak_documents import Document, Documents
from bench.lib.soak_tally import Bars, Memory, Tally, table
from bench.lib.soak_window import ENCODINGS

ROOT = Path(__file__).parents[2]
TEXT = "a🙂b\r\nüx\rlast"


def test_a_short_soak_meets_its_bars() -> None:
    """The event loop's bar is a wide one here: other tests may run beside it."""
    command = [sys.executable, "bench/soak", "--minutes", "0.4", "--seed", "7", "--tiny"]
    command += ["--rate", "100", "--hold-ms", "250"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=115, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 7" in done.stdout and "MISSED" not in done.stdout
    sent = next(line for line in done.stdout.splitlines() if line.startswith("messages sent"))
    assert int(sent.split()[2].replace(",", "")) > 200


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_positions_go_there_and_back(encoding: str) -> None:
    for at in range(len(TEXT) + 1):
        where = soak_text.position(TEXT, at, encoding)
        assert soak_text.offset(TEXT, where, encoding) == soak_text.snapped(TEXT, at)


@pytest.mark.parametrize(
    ("encoding", "line", "character"),
    [
        ("utf-16", 0, 2),  # in the middle of a surrogate pair
        ("utf-8", 0, 3),
        ("utf-16", 0, 5),  # behind the line's end
        ("utf-32", 0, 4),
        ("utf-8", 1, 1),
        ("utf-16", 3, 0),
        ("utf-16", -1, 0),
    ],
)
def test_a_position_that_is_not_in_the_text(encoding: str, line: int, character: int) -> None:
    with pytest.raises(ValueError):
        soak_text.offset(TEXT, {"line": line, "character": character}, encoding)


def _edit(start: int, end: int, new: str) -> dict[str, Any]:
    def at(offset: int) -> Any:
        return soak_text.position(TEXT, offset, "utf-16")

    return {"range": {"start": at(start), "end": at(end)}, "newText": new}


def test_edits_are_applied_and_must_not_overlap() -> None:
    assert soak_text.apply(TEXT, [_edit(0, 1, "A"), _edit(2, 3, "B")], "utf-16")[:3] == "A🙂B"
    with pytest.raises(ValueError, match="overlap"):
        soak_text.apply(TEXT, [_edit(0, 2, "A"), _edit(1, 3, "B")], "utf-16")


def test_an_answer_is_held_against_the_version_it_was_made_for() -> None:
    documents = Documents(Tally())
    document = Document("file:///a.py", "python")
    document.set(TEXT)
    documents.add(document)
    named = {"uri": document.uri, "version": document.version}
    edit = {"documentChanges": [{"textDocument": named, "edits": [_edit(0, 0, "x")]}]}
    document.set("")  # it has moved on, which the version tells
    assert documents.check_edit(edit) == {document.uri: "x" + TEXT}
    named["version"] = 77
    with pytest.raises(ValueError, match="never was"):
        documents.check_edit(edit)
    item = {"insertText": "x", "range": _edit(0, 0, "")["range"]}
    documents.check_items({"result": {"items": [item]}}, TEXT, 0)
    with pytest.raises(ValueError, match="not around the cursor"):
        documents.check_items({"result": {"items": [item]}}, TEXT, 3)
    item["insertText"] = "\ud83d"
    with pytest.raises(ValueError, match="surrogate"):
        documents.check_items({"result": {"items": [item]}}, TEXT, 0)


SERVER = """
import json, sys
def send(body):
    data = json.dumps(body).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n%b" % (len(data), data))
    sys.stdout.buffer.flush()
while True:
    line = sys.stdin.buffer.readline()
    if not line: break
    length = int(line.split(b":")[1]); sys.stdin.buffer.readline()
    message = json.loads(sys.stdin.buffer.read(length))
    answer = {"jsonrpc": "2.0", "id": message["id"], "result": None}
    match message["method"]:
        case "twice": send(answer); send(answer)
        case "never": pass
        case "internal": send({"id": message["id"], "error": {"code": -32603, "message": "x"}})
        case "complain":
            print("tabwright: ERROR: a check failed", file=sys.stderr, flush=True)
            send(answer)
        case "die": sys.exit(3)
        case _: send(answer)
"""


async def _asked(*methods: str, seconds: float = 60.0) -> Tally:
    """What is counted of a server that does what each method says."""
    tally = Tally()

    def nothing(method: str, params: dict[str, Any]) -> None:
        return None

    command = (sys.executable, "-c", SERVER)
    client = await SoakClient.start("x", tally, dict(os.environ), nothing, nothing, command)
    keys = [client.request(method, {}) for method in methods]
    await client.call("last", {}, 20)
    client.overdue(lambda method: seconds)
    client.expected_end = "die" not in methods
    await client.close()
    assert len(keys) == len(methods)
    return tally


async def test_what_a_bad_server_does_is_counted() -> None:
    tally = await _asked("fine", "twice", "never", "internal", seconds=0)
    assert (tally.twice, tally.unanswered, tally.crashes) == (1, 1, 1)
    tally = await _asked("complain")
    assert tally.crashes == 1 and "a check failed" in tally.notes[0]
    tally = await _asked("fine", "never")
    assert (tally.requests, tally.answered, tally.unanswered) == (3, 2, 1)


async def test_a_server_that_ends_by_itself_is_a_crash() -> None:
    tally = Tally()

    def nothing(method: str, params: dict[str, Any]) -> None:
        return None

    command = (sys.executable, "-c", SERVER)
    client = await SoakClient.start("x", tally, dict(os.environ), nothing, nothing, command)
    client.request("die", {})
    await asyncio.wait_for(client.process.wait(), 20)
    await client.close()
    assert tally.crashes == 1 and tally.unanswered == 1


def test_each_bar_can_be_missed() -> None:
    assert table(Tally(messages=100), Bars(messages=100))[1]
    assert not table(Tally(messages=99), Bars(messages=100))[1]
    for name in ("unanswered", "twice", "out_of_range", "crashes"):
        tally = Tally()
        setattr(tally, name, 1)
        assert not table(tally, Bars())[1]
    assert not table(Tally(longest_hold_ms=51.0), Bars())[1]
    memory = Memory("x", 1, 0.0, [(1.0, 100)] * 10 + [(1.0, 120)] * 10)
    assert memory.growth == pytest.approx(0.2)
    assert not table(Tally(memories=[memory]), Bars())[1]
    assert table(Tally(memories=[memory]), Bars(growth=None))[1]
    assert not table(Tally(memories=[Memory("y", 1, 0.0)]), Bars())[1], "it was not measured"
    memory.cached = [(1.0, 1000), (2.0, 9000)]  # a cache that fills up to its bound is no leak
    text, met = table(Tally(memories=[memory]), Bars())
    assert met and "its cache still fills" in text
    memory.cached = [(1.0, 9000), (2.0, 9000)]
    assert not table(Tally(memories=[memory]), Bars())[1]


def test_texts_are_of_all_sorts_and_the_same_for_a_seed() -> None:
    texts = "".join(soak_text.random_text(Random(seed)) for seed in range(40))
    assert {"\r\n", "\u2028", "🙂", "\x00"} <= {
        part for part in ("\r\n", "\u2028", "🙂", "\x00") if part in texts
    }
    assert soak_text.random_text(Random(3)) == soak_text.random_text(Random(3))
