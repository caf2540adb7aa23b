"""black, in a process of its own for all but short texts.

Its code is compiled and gives the interpreter to no other thread while it works, a second for some
40,000 characters, so in the server's own process it would hold everything up. A process can be
ended, too, when a text was made to take it for ever. It stays for the next text, since to start it
and to import black takes longer than most texts do.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from tabwright import processes
from tabwright.checks.formatting import black_format

logger = logging.getLogger(__name__)
_SHORT = 1_000  # characters that take black some 30 ms
_TIMEOUT_S = 10.0
_IDLE_S = 300.0  # after which the process ends by itself
_FUNCTIONS: Mapping[str, Callable[..., str]] = {
    "format_edit": black_format.format_edit,
    "break_long_line": black_format.break_long_line,
}


async def format_edit(path: str, root: str, before: str, after: str, *, cell: bool = False) -> str:
    """See ``black_format.formatted``; ``after`` as it is where black takes more than 10 s."""
    if len(after) > black_format.LONGEST or not after.strip():
        return after
    if max(len(before), len(after)) <= _SHORT:
        return await asyncio.to_thread(
            black_format.format_edit, path, root, before, after, cell=cell
        )
    done = await _run_in_process("format_edit", path, root, before, after, cell=cell)
    return after if done is None else done


async def break_long_line(path: str, root: str, text: str, line: int, most: int | None) -> str:
    """See ``black_format.lines_formatted``; "" where black takes more than 10 s."""
    if len(text) > black_format.LONGEST:
        return ""
    if len(text) <= _SHORT:
        return await asyncio.to_thread(black_format.break_long_line, path, root, text, line, most)
    return await _run_in_process("break_long_line", path, root, text, line, most) or ""


async def _run_in_process(name: str, *arguments: object, **named: object) -> str | None:
    """What a function of ``black_format`` returns in the other process; None if nothing."""
    asked = json.dumps({"function": name, "arguments": arguments, "named": named})
    return await asyncio.get_running_loop().run_in_executor(_thread, _process.call, asked)


class _BlackProcess:
    """The process, started when it is first needed; one thread alone uses this."""

    def __init__(self) -> None:
        self._child: processes.Child[bytes] | None = None

    def call(self, question: str) -> str | None:
        """The answer to a line of JSON; None where there is none within the time limit."""
        # One that was idle may end at this very moment: then the next one is asked.
        is_new = self._child is None
        answered, answer = self._call(question)
        if not answered and not is_new:
            _, answer = self._call(question)
        return answer

    def _call(self, question: str) -> tuple[bool, str | None]:
        """Whether the process answered or was too slow, and the answer."""
        late = threading.Event()
        try:
            process = self._child or self._start()
            assert process.stdin is not None and process.stdout is not None

            def end() -> None:
                late.set()
                process.kill()

            timer = threading.Timer(_TIMEOUT_S, end)
            timer.start()
            try:
                process.stdin.write(question.encode("ascii") + b"\n")
                process.stdin.flush()
                line = process.stdout.readline()
            finally:
                timer.cancel()
            if line.endswith(b"\n") and not late.is_set():
                answer = json.loads(line)
                return True, answer if isinstance(answer, str) else None
            reason = f"over {_TIMEOUT_S:g} s" if late.is_set() else "the process ended"
        except (OSError, ValueError) as error:
            reason = str(error)
        logger.info("not formatted by black: %s", reason)
        self._end()
        return late.is_set(), None

    def _start(self) -> processes.Child[bytes]:
        pipe = processes.PIPE
        command = processes.python("-m", "tabwright.checks.formatting.black_process")
        self._child = processes.start(command, stdin=pipe, stdout=pipe)
        return self._child

    def _end(self) -> None:
        process, self._child = self._child, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError as error:
                    logger.debug("what black was not given any more: %s", error)
        process.wait()
        processes.ended(process)


_process = _BlackProcess()
_thread = ThreadPoolExecutor(1, "tabwright-black")


def main() -> int:
    """Answer each line of JSON on stdin with one on stdout, until nobody asks for 5 minutes."""
    while True:
        idle = threading.Timer(_IDLE_S, os._exit, (0,))
        idle.daemon = True
        idle.start()
        line = sys.stdin.buffer.readline()
        idle.cancel()
        if not line:
            return 0
        asked = json.loads(line)
        done = _FUNCTIONS[asked["function"]](*asked["arguments"], **asked["named"])
        sys.stdout.write(json.dumps(done) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
