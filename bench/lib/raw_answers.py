"""What the same model says to a plain question: greedy, without anything of ours around it."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.lib.own_server import UnixConnection, Workbench
from tabwright.client.engine import Request
from tabwright.client.http import own_body
from tabwright.core.prompting.chat import ChatMessage, chat
from tabwright.core.prompting.families import family_by_name

SYSTEM = "You are a helpful assistant."
MOST_TOKENS = 1024
SECONDS = 300.0
_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*(```)|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class RawAnswer:
    """The model's reply to the end of its first block, and the seconds; ``why`` if none came."""

    reply: str
    seconds: float
    why: str = ""

    @property
    def code(self) -> str:
        """The first fenced block, or all of the reply when there is none."""
        found = _FENCE.search(self.reply)
        return (found[1] if found else self.reply).rstrip()


async def ask_all(bench: Workbench, model: str, questions: Sequence[str]) -> list[RawAnswer]:
    """Ask the engine each question by itself."""
    answers: list[RawAnswer] = []
    for question in questions:
        answers.append(await ask(bench, model, question))
        if len(answers) % 20 == 0 or len(answers) == len(questions):
            print(f"  raw: asked {len(answers)} of {len(questions)}", file=sys.stderr, flush=True)
    return answers


async def ask(bench: Workbench, model: str, question: str) -> RawAnswer:
    """Ask the engine one question, through its HTTP API."""
    messages = [ChatMessage("system", SYSTEM), ChatMessage("user", question)]
    request = Request(
        model=model,
        prompt=chat(family_by_name(model), messages),
        max_tokens=MOST_TOKENS,
        heal=False,
        lane="actions",
    )
    started = time.perf_counter()
    try:
        reply, why = await asyncio.to_thread(_read, bench, own_body(request))
    except (OSError, http.client.HTTPException, ValueError) as error:
        reply, why = "", f"no answer: {error}"
    return RawAnswer(reply, time.perf_counter() - started, why)


def _read(bench: Workbench, body: object) -> tuple[str, str]:
    """The streamed answer up to the end of its first fenced block, and what went wrong."""
    connection = UnixConnection(bench.runtime / "engine.sock")
    connection.timeout = SECONDS
    headers = {"Content-Type": "application/json"}
    reply = ""
    try:
        connection.request("POST", "/v1/completions", json.dumps(body), headers)
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            return "", response.read().decode(errors="replace")
        while line := response.readline().strip():
            data = line.removeprefix(b"data:").strip()
            if data == b"[DONE]":
                break
            event = json.loads(data)
            if "error" in event:
                return reply, str(event["error"])
            reply += "".join(choice["text"] for choice in event["choices"])
            response.readline()  # the blank line after an event
            if (found := _FENCE.search(reply)) and found[2]:
                break  # hanging up ends the answer
    finally:
        connection.close()
    return reply, ""
