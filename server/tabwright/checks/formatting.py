"""black, in a process of its own for all but short texts.

Its code is compiled and gives the interpreter to no other thread while it works, a second for some
40,000 characters, so in the server's own process it would hold everything up. A process can be
ended, too, when a text was made to take it for ever.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Mapping

from tabwright import processes
from tabwright.checks import black_format
from tabwright.checks.child import Unanswered, run

logger = logging.getLogger(__name__)
_SHORT = 1_000  # characters that take black some 30 ms
_FORMATTED_S = 10.0
_FUNCTIONS: Mapping[str, Callable[..., str]] = {
    "formatted": black_format.formatted,
    "lines_formatted": black_format.lines_formatted,
}


async def formatted(path: str, root: str, before: str, after: str, *, cell: bool = False) -> str:
    """See ``black_format.formatted``; ``after`` as it is where black takes more than 10 s."""
    if len(after) > black_format.LONGEST or not after.strip():
        return after
    if max(len(before), len(after)) <= _SHORT:
        return await asyncio.to_thread(black_format.formatted, path, root, before, after, cell=cell)
    done = await _apart("formatted", path, root, before, after, cell=cell)
    return after if done is None else done


async def lines_formatted(path: str, root: str, text: str, line: int, most: int | None) -> str:
    """See ``black_format.lines_formatted``; "" where black takes more than 10 s."""
    if len(text) > black_format.LONGEST:
        return ""
    if len(text) <= _SHORT:
        return await asyncio.to_thread(black_format.lines_formatted, path, root, text, line, most)
    return await _apart("lines_formatted", path, root, text, line, most) or ""


async def _apart(name: str, *arguments: object, **named: object) -> str | None:
    """What a function of ``black_format`` returns in a process of its own; None if nothing."""
    asked = json.dumps({"function": name, "arguments": arguments, "named": named})
    command = processes.python("-m", "tabwright.checks.formatting")
    environment = processes.own_environment()
    try:
        output = await run(command, timeout_s=_FORMATTED_S, stdin=asked, environment=environment)
        answer = json.loads(output.stdout) if output.status == 0 else None
    except (Unanswered, ValueError) as error:
        logger.info("not formatted by black: %s", error)
        return None
    return answer if isinstance(answer, str) else None


def main() -> int:
    """Do what stdin asks for, and print what comes of it, both as JSON in ASCII."""
    asked = json.loads(sys.stdin.buffer.read())
    done = _FUNCTIONS[asked["function"]](*asked["arguments"], **asked["named"])
    sys.stdout.write(json.dumps(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
