"""``tabwright complete FILE:LINE:COL``: one completion as the server gives it, for scripts."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from tabwright.app.runtime.host import Host


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand's arguments."""
    parser = subparsers.add_parser(
        "complete",
        help="complete the code at one position of a file",
        description="Complete the code at one position of a file, as the server does it: for "
        "scripts and bug reports. The completion is printed to stdout, all else to stderr. The "
        "exit status is 1 when there is none.",
    )
    parser.add_argument(
        "position",
        metavar="FILE:LINE:COL",
        help="the position; line and column count from 1, in characters",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.add_argument(
        "--invoked",
        action="store_true",
        help="as an explicit request: several candidates, several lines, anywhere in a line",
    )
    parser.add_argument("--model", metavar="NAME", help="complete with this model")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the completion; 1 when there is none, 2 for a position that cannot be read."""
    try:
        path, line, column = _parse_position(arguments.position)
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            text = file.read()
        offset = _offset(text, line, column)
    except (OSError, ValueError) as error:
        print(f"tabwright complete: {error}", file=sys.stderr)
        return 2
    result = asyncio.run(_complete(path, text, offset, arguments.invoked, arguments.model))
    if arguments.json:
        print(json.dumps(result))
    else:
        _print(result)
    return 0 if result["completions"] else 1


async def _complete(
    path: Path, text: str, offset: int, invoked: bool, model: str | None
) -> dict[str, object]:
    from tabwright.app.documents.buffers import Cursor
    from tabwright.app.runtime.host import Host
    from tabwright.core.languages import by_path

    host = Host(Console())
    try:
        settings: dict[str, object] = {
            "completion": {"debounceMs": 0},
            "statistics": {"enabled": False},
        }
        if model:
            settings["model"] = model
        host.start_settings(settings)
        host.configure(roots=[str(Path.cwd())])
        uri = path.resolve().as_uri()
        host.workspace.buffers.open(uri, by_path(str(path)).id, 1, text)
        snapshot = host.workspace.buffers.get(uri)
        if snapshot is None:
            raise RuntimeError("the document that was just opened is missing")
        await host.engines.start().warm()
        cursor = Cursor(snapshot, offset, "", "", str(path.resolve()))
        result = await host.completions.complete(cursor, invoked=invoked)
        completions = [
            {"start": edit.span.start, "end": edit.span.end, "text": edit.new_text}
            for edit in result.edits
        ]
        return {"completions": completions, **_report(host)}
    finally:
        await host.aclose()


def _report(host: Host) -> dict[str, object]:
    why = host.why()
    return {key: value for key, value in why.items() if key not in ("uri", "position")}


def _print(result: Mapping[str, object]) -> None:
    from tabwright.core.safety.inert_text import inert_line

    completions = result["completions"]
    if not isinstance(completions, list) or not completions:
        detail = f" ({result['detail']})" if result["detail"] else ""
        print(inert_line(f"no completion: {result['reason']}{detail}"), file=sys.stderr)
        return
    for number, each in enumerate(completions):
        if number:
            print(f"-- candidate {number + 1}", file=sys.stderr)
            sys.stderr.flush()
        print(each["text"], flush=True)
    reused, computed = result["reused_tokens"], result["computed_tokens"]
    tokens = "" if reused is None else f", {reused} tokens reused, {computed} computed"
    print(f"{result['ms']} ms{tokens}", file=sys.stderr)


def _parse_position(text: str) -> tuple[Path, int, int]:
    name, _, numbers = text.rpartition(":")
    name, _, line = name.rpartition(":")
    if not name or not line.isdigit() or not numbers.isdigit():
        raise ValueError(f"expected FILE:LINE:COL, not {text!r}")
    return Path(name), int(line), int(numbers)


def _offset(text: str, line: int, column: int) -> int:
    from tabwright.core.text import line_span, line_starts

    starts = line_starts(text)
    if not 1 <= line <= len(starts):
        raise ValueError(f"there is no line {line}: the file has {len(starts)}")
    span = line_span(text, starts[line - 1])
    if not 1 <= column <= len(span) + 1:
        raise ValueError(
            f"line {line} has no column {column}: its columns are 1 to {len(span) + 1}"
        )
    return span.start + column - 1


class Console:
    """A Client that prints messages to stderr and answers no questions."""

    def show(self, level: str, message: str) -> None:
        """Print a message."""
        print(message, file=sys.stderr)

    async def ask(self, level: str, message: str, actions: Sequence[str]) -> str | None:
        """Return no answer: nobody may be there to give one."""
        return None

    async def bar(self, title: str, *, cancellable: bool) -> ConsoleBar:
        """Print the title."""
        print(f"{title} …", file=sys.stderr)
        return ConsoleBar()


class ConsoleBar:
    """A Bar that prints nothing more."""

    async def cancelled(self) -> None:
        """Wait without an end."""
        await asyncio.get_running_loop().create_future()

    def report(self, message: str, percent: float | None = None) -> None:
        """Print nothing."""

    def end(self, message: str) -> None:
        """Print nothing."""
