from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from tabwright.cli.lsp_client import CANCELLED, LspClient, ResponseError, ServerGone
from tabwright.cli.lsp_positions import offset_at, position_at

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
async def test_a_suggestion_is_applied_where_it_was_asked_for(
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


async def test_a_dead_server_fails_its_requests_with_what_it_said() -> None:
    client = await LspClient.start(command=(sys.executable, str(FAKE)))
    with pytest.raises(ServerGone, match=r"status 3\n(.*\n)*dying as asked"):
        await client.execute("test.die")
    with pytest.raises(ServerGone):
        await client.execute("tabwright.why")
    await client.stop()


@given(st.text(alphabet="a\té😀\n\r\f\u2028", max_size=40), st.data())
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_positions_go_there_and_back(encoding: str, text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    if text[offset - 1 : offset + 1] == "\r\n":
        offset += 1
    assert offset_at(text, position_at(text, offset, encoding), encoding) == offset


def test_positions_count_units() -> None:
    text = "x\r\né😀║"
    offset = text.index("║")
    found = {e: position_at(text, offset, e)["character"] for e in ("utf-8", "utf-16", "utf-32")}
    assert found == {"utf-8": 6, "utf-16": 3, "utf-32": 2}
