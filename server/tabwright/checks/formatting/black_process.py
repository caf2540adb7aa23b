"""Run black in a process of its own, except for short texts.

black is compiled and holds the GIL while it works, about a second for 40,000 characters, so it
would block the server. A process can also be killed when a crafted text takes too long. It is kept
for the next text, because starting it and importing black takes longer than most texts.
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
    """See ``black_format.format_edit``; returns ``after`` when black takes more than 10 s."""
    if len(after) > black_format.LONGEST or not after.strip():
        return after
    if max(len(before), len(after)) <= _SHORT:
        return await asyncio.to_thread(
            black_format.format_edit, path, root, before, after, cell=cell
        )
    result = await _run_in_process("format_edit", path, root, before, after, cell=cell)
    return after if result is None else result


async def break_long_line(path: str, root: str, text: str, line: int, limit: int | None) -> str:
    """See ``black_format.break_long_line``; returns "" when black takes more than 10 s."""
    if len(text) > black_format.LONGEST:
        return ""
    if len(text) <= _SHORT:
        return await asyncio.to_thread(black_format.break_long_line, path, root, text, line, limit)
    return await _run_in_process("break_long_line", path, root, text, line, limit) or ""


async def _run_in_process(name: str, *arguments: object, **named: object) -> str | None:
    """Call a function of ``black_format`` in the other process; None when it fails."""
    request = json.dumps({"function": name, "arguments": arguments, "named": named})
    return await asyncio.get_running_loop().run_in_executor(_thread, _process.call, request)


class _BlackProcess:
    """The process, started when it is first needed; used by one thread only."""

    def __init__(self) -> None:
        self._child: processes.Child[bytes] | None = None

    def call(self, request: str) -> str | None:
        """Send a line of JSON and return the result; None when the process fails or is too slow."""
        # An idle process may end at this moment; then the call is repeated with a new one.
        is_new = self._child is None
        answered, answer = self._call(request)
        if not answered and not is_new:
            _, answer = self._call(request)
        return answer

    def _call(self, request: str) -> tuple[bool, str | None]:
        """Return whether the process answered or was too slow, and the result."""
        timed_out = threading.Event()
        try:
            process = self._child or self._start()
            assert process.stdin is not None and process.stdout is not None

            def end() -> None:
                timed_out.set()
                process.kill()

            timer = threading.Timer(_TIMEOUT_S, end)
            timer.start()
            try:
                process.stdin.write(request.encode("ascii") + b"\n")
                process.stdin.flush()
                line = process.stdout.readline()
            finally:
                timer.cancel()
            if line.endswith(b"\n") and not timed_out.is_set():
                answer = json.loads(line)
                return True, answer if isinstance(answer, str) else None
            reason = f"over {_TIMEOUT_S:g} s" if timed_out.is_set() else "the process ended"
        except (OSError, ValueError) as error:
            reason = str(error)
        logger.info("not formatted by black: %s", reason)
        self._end()
        return timed_out.is_set(), None

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
                    logger.debug("could not close a pipe to black: %s", error)
        process.wait()
        processes.ended(process)


_process = _BlackProcess()
_thread = ThreadPoolExecutor(1, "tabwright-black")


def main() -> int:
    """Answer each line of JSON on stdin with one on stdout; end after 5 minutes without one."""
    while True:
        idle = threading.Timer(_IDLE_S, os._exit, (0,))
        idle.daemon = True
        idle.start()
        line = sys.stdin.buffer.readline()
        idle.cancel()
        if not line:
            return 0
        request = json.loads(line)
        result = _FUNCTIONS[request["function"]](*request["arguments"], **request["named"])
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
