"""An action as its executor runs it: how it ends, and what of the workspace it may use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from support.workspace import URI, Client, PromptEngine, host_with

from tabwright.app.actions.executor import CANCELLED, CLOSED, STALE, ActionExecutor
from tabwright.app.runtime.host import Host
from tabwright.assists.registry import ASSISTS
from tabwright.assists.request import ActionRequest
from tabwright.checks.faults import CheckOptions, EditCandidate, Fault
from tabwright.core.message import Message
from tabwright.core.task import Nothing
from tabwright.core.text import Span


class NoCandidateChecker:
    """Leaves every candidate as it is."""

    async def improve(self, candidate: EditCandidate, imports: Sequence[str]) -> str:
        return candidate.after

    async def repair(self, candidate: EditCandidate, options: CheckOptions) -> str:
        return ""

    async def check(self, candidate: EditCandidate, options: CheckOptions) -> tuple[Fault, ...]:
        return ()


def request_of(host: Host) -> ActionRequest:
    snapshot = host.workspace.buffers.get(URI)
    assert snapshot is not None
    return ActionRequest(
        snapshot, Span(0, len(snapshot.text)), kind="edit", instruction="do it", path="/work/a.py"
    )


def _change(host: Host, client: Client) -> None:
    host.workspace.buffers.change(URI, 2, [(None, "other = 1\n")])
    host.changed(URI)


def _close(host: Host, client: Client) -> None:
    host.workspace.buffers.close(URI)
    host.closed(URI)


def _cancel(host: Host, client: Client) -> None:
    client.cancels.set()


@pytest.mark.parametrize(
    ("happens", "reason"), [(_change, STALE), (_close, CLOSED), (_cancel, CANCELLED)]
)
async def test_an_action_ends_on_cancel_change_and_close(
    happens: Callable[[Host, Client], None], reason: Message
) -> None:
    client, engine = Client(), PromptEngine(hangs=True)
    async with host_with(client, engine) as host:
        executor = ActionExecutor(host, ASSISTS, NoCandidateChecker())
        task = asyncio.create_task(executor.execute(request_of(host), "Edit"))
        await engine.asked.wait()
        happens(host, client)
        for _ in range(20):  # turns of the loop, without any time passing
            await asyncio.sleep(0)
        assert task.done(), "it waited for a timer"
        assert task.result() == Nothing(reason)
        assert engine.cancelled
        executor.close()


async def test_a_change_of_another_document_ends_nothing() -> None:
    client, engine = Client(), PromptEngine(hangs=True)
    async with host_with(client, engine) as host:
        executor = ActionExecutor(host, ASSISTS, NoCandidateChecker())
        task = asyncio.create_task(executor.execute(request_of(host), "Edit"))
        await engine.asked.wait()
        host.workspace.buffers.open("file:///work/b.py", "python", 1, "b = 1\n")
        host.changed("file:///work/b.py")
        await asyncio.sleep(0.01)
        assert not task.done()
        task.cancel()
        await asyncio.wait({task})
        executor.close()
