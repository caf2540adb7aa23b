"""Python's own syntax errors as diagnostics, for editors in which no other server reports them."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable
from urllib.parse import unquote

from tabwright.app.runtime.host import Host
from tabwright.core.action import Diagnostic
from tabwright.core.text import Snapshot, Span, line_span, line_starts

logger = logging.getLogger(__name__)

SOURCE = "tabwright"
_WAIT_S = 0.3
_LONGEST = 100_000

Publish = Callable[[Snapshot, tuple[Diagnostic, ...]], None]


class SyntaxReports:
    """Compiles documents a moment after they change, and reports what that finds.

    Cells of notebooks are left out, since they hold more than Python.
    """

    def __init__(self, host: Host, publish: Publish) -> None:
        """Follow the documents of ``host`` and ask its settings."""
        self._host = host
        self._publish = publish
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._reported: dict[str, Snapshot] = {}

    def changed(self, uri: str) -> None:
        """Look at a document once it has rested for 0.3 s."""
        self._give_up(uri)
        snapshot = self._host.workspace.buffers.get(uri)
        if snapshot is not None and self._is_wanted(snapshot):
            self._waiting[unquote(uri)] = asyncio.create_task(self._report(snapshot))

    def _is_wanted(self, snapshot: Snapshot) -> bool:
        is_cell = self._host.workspace.buffers.path_of(snapshot.uri).endswith(".ipynb")
        is_on = self._host.configuration.settings.diagnostics.syntax
        return is_on and snapshot.language_id == "python" and not is_cell

    def closed(self, uri: str) -> None:
        """Take back what was reported about a document."""
        self._give_up(uri)
        reported = self._reported.pop(unquote(uri), None)
        if reported is not None:
            self._publish(reported, ())

    def configured(self) -> None:
        """Begin or end to report on the open documents, as the settings now say."""
        for snapshot in list(self._host.workspace.buffers):
            if self._host.configuration.settings.diagnostics.syntax:
                self.changed(snapshot.uri)
            else:
                self.closed(snapshot.uri)

    def close(self) -> None:
        """Give up what is under way."""
        for uri in list(self._waiting):
            self._give_up(uri)

    def _give_up(self, uri: str) -> None:
        task = self._waiting.pop(unquote(uri), None)
        if task is not None:
            task.cancel()

    async def _report(self, snapshot: Snapshot) -> None:
        await asyncio.sleep(_WAIT_S)
        found = await self._host.workspace.files(syntax_error, snapshot.text)
        key = unquote(snapshot.uri)
        if found is not None:
            self._reported[key] = snapshot
            self._publish(snapshot, (found,))
        elif self._reported.pop(key, None) is not None:
            self._publish(snapshot, ())


def syntax_error(text: str) -> Diagnostic | None:
    """What keeps Python text from being compiled; None for text over 100,000 characters too."""
    if len(text) > _LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<document>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return Diagnostic(_place(text, error), error.msg, SOURCE, "syntax")
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        logger.info("a document could not be compiled: %s", type(error).__name__)
    return None


def _place(text: str, error: SyntaxError) -> Span:
    """Where an error is: from its first to its last character, at least one where there is one."""
    starts = line_starts(text)

    def offset(line: int | None, column: int | None) -> int:
        row = min(max(line or 1, 1), len(starts)) - 1
        end = line_span(text, starts[row]).end
        return min(starts[row] + max((column or 1) - 1, 0), end)

    start = offset(error.lineno, error.offset)
    end = start
    if error.end_lineno and error.end_offset:
        end = offset(error.end_lineno, error.end_offset)
    if end <= start:
        end = min(start + 1, line_span(text, start).end)
    return Span(start, max(start, end))
