from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from tabwright.lsp import language_client
from tabwright.lsp.convert import span_of
from tabwright.lsp.language_client import (
    CANCELLED,
    Json,
    LspClient,
    ResponseError,
    ServerFailed,
    change_between,
)

FAKE = Path(__file__).parents[1] / "support" / "fake_lsp.py"
URI = "file:///work/a.py"


@pytest_asyncio.fixture(params=["utf-8", "utf-16", "utf-32"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[LspClient]:
    started = await LspClient.start(command=(sys.executable, str(FAKE)), encoding=request.param)
    yield started
    await started.stop()


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('# answer: "return 1"\n║\n', '# answer: "return 1"\nreturn 1\n'),
        ('# answer: "x)"\nf(║)\n', '# answer: "x)"\nf(x)\n'),
        ('# answer: "😀 é"\né = "😀║"\n', '# answer: "😀 é"\né = "😀😀 é"\n'),
        ("no answer here║\n", None),
    ],
)
async def test_a_suggestion_is_applied_at_the_requested_position(
    client: LspClient, text: str, after: str | None
) -> None:
    offset, text = text.index("║"), text.replace("║", "")
    client.open(URI, "python", text)
    items = await client.complete(URI, text, offset)
    assert [item.apply(text) for item in items] == ([after] if after else [])
    assert (await client.execute("tabwright.why"))["trigger"] == 2


async def test_documents_are_opened_changed_and_closed(client: LspClient) -> None:
    client.open(URI, "python", "a")
    client.change(URI, '# answer: "b"\n')
    assert (await client.complete(URI, '# answer: "b"\n', 14))[0].new_text == "b"
    assert (await client.execute("test.open"))["open"] == [URI]
    client.close(URI)
    assert (await client.execute("test.open"))["open"] == []


async def test_errors_and_cancelling_reach_the_caller(client: LspClient) -> None:
    with pytest.raises(ResponseError, match="no such"):
        await client.request("test/unknown", None)
    request, answer = client.begin("test/slow", None)
    client.cancel(request)
    with pytest.raises(ResponseError) as refused:
        await answer
    assert refused.value.code == CANCELLED


async def test_requests_to_a_dead_server_fail_with_its_stderr() -> None:
    client = await LspClient.start(command=(sys.executable, str(FAKE)))
    with pytest.raises(ServerFailed, match=r"status 3\n(.*\n)*dying as asked"):
        await client.execute("test.die")
    with pytest.raises(ServerFailed):
        await client.execute("tabwright.why")
    await client.stop()


LINES = st.lists(st.sampled_from(["a", "é", "😀", "\n", "\r\n", "\r", "\ud800"]), max_size=12).map(
    "".join
)


async def test_a_server_that_does_not_answer_fails_the_request() -> None:
    client = await LspClient.start(command=(sys.executable, str(FAKE)), answer_s=5)
    with pytest.raises(ServerFailed, match=r"did not answer test/slow within 0\.1 s"):
        await client.request("test/slow", None, 0.1)
    # Its late answer, an error, is nobody's any more.
    client.notify("test/answer", None)
    assert (await client.execute("test.open"))["open"] == []
    await client.stop()


async def test_a_server_that_does_not_initialize_is_killed() -> None:
    silent = (sys.executable, "-c", "import time; time.sleep(60)")
    with pytest.raises(ServerFailed, match=r"did not answer initialize within 0\.5 s"):
        await LspClient.start(command=silent, answer_s=0.5)


async def test_a_server_that_closes_its_output_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    client = await LspClient.start(command=(sys.executable, str(FAKE)))
    monkeypatch.setattr(language_client, "_END_S", 0.2)
    with pytest.raises(ServerFailed, match="the server ended with status"):
        await client.execute("test.close")
    await client.stop()


async def test_cancelling_the_waiting_task_cancels_the_request(client: LspClient) -> None:
    waiting = asyncio.create_task(client.request("test/slow", None))
    await client.execute("test.open")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await client.execute("test.cancelled"))["cancelled"] == 1


async def test_the_server_gets_its_settings_and_its_notifications_are_passed_on() -> None:
    seen: list[tuple[str, Json]] = []
    client = await LspClient.start(
        command=(sys.executable, str(FAKE)),
        settings={"model": "m"},
        on_notification=lambda method, params: seen.append((method, params)),
    )
    answers = (await client.execute("test.configuration"))["answers"]
    assert answers == [{"statistics": {"enabled": False}, "model": "m"}]
    value = {"kind": "begin", "title": "Loading"}
    assert seen == [("$/progress", {"token": "t", "value": value})]
    await client.stop()


@given(
    before=LINES, old=LINES, new=LINES, after=LINES, encoding=st.sampled_from(["utf-8", "utf-16"])
)
def test_a_change_makes_one_text_of_another(
    before: str, old: str, new: str, after: str, encoding: str
) -> None:
    text, wanted = before + old + after, before + new + after
    change = change_between(text, wanted, encoding)
    span = span_of(text, change.range, encoding)
    assert text[: span.start] + change.text + text[span.end :] == wanted


@pytest.mark.parametrize("middle", [0, 1, 4095, 4096, 5000, 9999])
def test_of_a_long_text_little_is_sent(middle: int) -> None:
    lines = [f"value_{number} = {number}\n" for number in range(10_000)]
    other = [*lines[:middle], "changed\n", *lines[middle + 1 :]]
    change = change_between("".join(lines), "".join(other), "utf-16")
    assert (change.text, change.range.start.line) == ("changed\n", middle)
