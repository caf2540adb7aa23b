"""What is computed while nobody waits, and that it gives way to everything."""

from __future__ import annotations

import asyncio
from functools import partial

import psutil
import pytest
from support.desk import URI, USAGE, Call, Desk, settle, texts

from tabwright.app.completion import prefetch
from tabwright.app.completion.answer_cache import AnswerCache
from tabwright.client.engine import Answer, EngineUnavailable
from tabwright.core.message import Message
from tabwright.core.prompting.context import Document
from tabwright.core.prompting.window_cache import WindowCache

HEAD = "def add(a, b):\n    return "
# Longer than a first window is, so that the whole budget still has something to add.
LONG = "".join(f"value_{number} = {number}\n" for number in range(400))
SIMILAR = Document("/work/b.py", "python", "who = value\n" + LONG[1300:1700])
EMPTY = Answer(("",), ("length",), USAGE)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(prefetch, "_READING_S", 0.0)
    monkeypatch.setattr(prefetch, "_RESTING_S", 0.0)
    made = Desk()
    made.ahead = made.gradual = True
    return made


async def test_the_answer_behind_an_accepted_one_is_there_when_it_is_asked_for(desk: Desk) -> None:
    request = desk.ask(HEAD + "║\n\n\nprint(add(1, 2))\n")
    (await desk.engine.call(1)).end("a + b")
    await request
    following = await desk.engine.call(2)
    sent = following.request
    assert (sent.lane, sent.session) == ("background", URI)
    assert str(sent.prompt.parts[-1]).endswith("return a + b")
    following.end("  # the sum")
    await settle()
    later = desk.ask(HEAD + "a + b║\n\n\nprint(add(1, 2))\n")
    assert await texts(later) == ["  # the sum"]
    assert (await later).source == "cache"


async def test_it_is_given_up_at_the_next_key(desk: Desk) -> None:
    request = desk.ask(HEAD + "║\n\n\nprint(add(1, 2))\n")
    (await desk.engine.call(1)).end("a + b")
    await request
    following = await desk.engine.call(2)
    desk.cursor(HEAD + "a║\n\n\nprint(add(1, 2))\n")
    await settle()
    assert following.closed


async def test_a_new_place_begins_small_and_is_computed_whole_behind(desk: Desk) -> None:
    before, after = LONG[:2000], LONG[2000:]
    request = desk.ask(f"{before}x = ║\n{after}")
    small = await desk.engine.call(1)
    small.end("1")
    await request
    (await desk.engine.call(2)).end("")  # as if it were accepted
    whole = await desk.engine.call(3)
    assert (whole.request.max_tokens, whole.request.lane) == (0, "background")
    shown = [_prompt(call) for call in (small, whole)]
    assert len(shown[0]) < 2000 < len(shown[1])
    # Until it is computed, the small one goes on: it is what the engine has.
    whole.answer.set_result(EMPTY)
    await settle()
    request = desk.ask(f"{before}x = 2 + ║\n{after}")
    next_call = await desk.engine.call(4)
    assert _prompt(next_call).startswith(shown[1][:1500])
    next_call.end("3")
    await request


async def test_a_window_that_was_not_computed_to_its_end_is_not_used(desk: Desk) -> None:
    request = desk.ask(f"{LONG[:2000]}x = ║\n{LONG[2000:]}")
    small = await desk.engine.call(1)
    small.end("1")
    await request
    (await desk.engine.call(2)).end("")
    await desk.engine.call(3)
    desk.ask(f"{LONG[:2000]}x = 2║\n{LONG[2000:]}")
    again = await desk.engine.call(4)
    assert len(_prompt(again)) < 2000


async def test_coming_back_to_a_place_uses_its_window(desk: Desk) -> None:
    desk.ahead = False
    prompts = []
    for number, (at, typed) in enumerate([(2000, ""), (5500, ""), (2000, "y")], start=1):
        request = desk.ask(f"{LONG[:at]}x = {typed}║\n{LONG[at:]}")
        call = await desk.engine.call(number)
        call.end("1")
        await request
        prompts.append(_prompt(call))
    first, other, back = prompts
    assert back == first + "y" and not other.startswith(first[:300])


async def test_a_file_opened_since_waits_until_nobody_waits(desk: Desk) -> None:
    marked = f"{LONG[:2000]}x = {{}}║\n{LONG[2000:]}"
    here = desk.cursor(marked.format(""))
    desk.move(here)
    (await desk.engine.call(1)).answer.set_result(EMPTY)
    await settle()
    await _answered(desk, marked.format("4"), first=2)
    (await desk.engine.call(4)).answer.set_result(EMPTY)  # the whole window
    await settle()
    desk.others = [SIMILAR]
    back = await _answered(desk, marked.format("45"), first=5)
    assert "who = value" not in back, "its prompt goes on from what the engine has read"
    read = await desk.engine.call(7)
    assert "who = value" in _prompt(read)
    read.answer.set_result(EMPTY)
    await settle()
    assert "who = value" in await _answered(desk, marked.format("456"), first=8)
    await settle()
    assert len(desk.engine.calls) == 9, "it is read once"


async def test_with_nothing_ahead_a_file_opened_since_is_taken_at_once(desk: Desk) -> None:
    desk.ahead = desk.gradual = False
    marked = f"{LONG[:2000]}x = {{}}║\n{LONG[2000:]}"
    request = desk.ask(marked.format(""))
    (await desk.engine.call(1)).end("1")
    await request
    desk.others = [SIMILAR]
    request = desk.ask(marked.format("2"))
    asked = await desk.engine.call(2)
    assert "who = value" in _prompt(asked)
    asked.end("3")
    await request


async def _answered(desk: Desk, marked: str, first: int) -> str:
    """The prompt of a question, which is answered, as is the one as if that were accepted."""
    request = desk.ask(marked)
    asked = await desk.engine.call(first)
    asked.end("1")
    await request
    (await desk.engine.call(first + 1)).end("")
    await settle()
    return _prompt(asked)


def _prompt(call: Call) -> str:
    return "".join(map(str, call.request.prompt.parts))


async def test_where_the_cursor_rests_is_read_before_it_is_asked_about(desk: Desk) -> None:
    cursor = desk.cursor(f"{LONG[:2000]}x = ║\n{LONG[2000:]}")
    desk.move(cursor)
    call = await desk.engine.call(1)
    assert (call.request.max_tokens, call.request.lane) == (0, "background")
    call.answer.set_result(EMPTY)
    await settle()
    desk.move(cursor)
    await settle()
    assert len(desk.engine.calls) == 1, "it is read once"
    request = desk.ask(f"{LONG[:2000]}x = 4║\n{LONG[2000:]}")
    asked = await desk.engine.call(2)
    read, now = (str(one.request.prompt.parts[-1]) for one in (call, asked))
    assert now == read + "4"
    asked.end("2")
    await request


async def test_a_file_that_must_stay_out_is_not_read(desk: Desk) -> None:
    desk.refused = lambda path: Message("it is secret")
    desk.move(desk.cursor("KEY = ║\n"))
    await settle()
    assert not desk.engine.calls


async def test_with_nothing_allowed_nothing_is_computed_ahead(desk: Desk) -> None:
    desk.ahead = False
    request = desk.ask(HEAD + "║\n")
    (await desk.engine.call(1)).end("a + b")
    await request
    desk.move(desk.cursor("x = ║\n"))
    await settle()
    assert len(desk.engine.calls) == 1


async def test_an_engine_that_fails_is_no_news(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    request = desk.ask(HEAD + "║\n\n\nprint(add(1, 2))\n")
    (await desk.engine.call(1)).end("a + b")
    await request
    (await desk.engine.call(2)).answer.set_exception(EngineUnavailable(Message("it is gone")))
    await settle()
    again = desk.ask(HEAD + "b║\n\n\nprint(add(1, 2))\n")
    (await desk.engine.call(3)).end(" + a")
    assert await texts(again) == [" + a"]
    assert not caplog.records


def test_the_battery_is_looked_up_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    class Found:
        power_plugged = False

    asked: list[Found] = []

    def look() -> Found:
        asked.append(Found())
        return asked[-1]

    monkeypatch.setattr(psutil, "sensors_battery", look, raising=False)
    battery = prefetch.Battery()
    assert battery.drains() and battery.drains()
    assert len(asked) == 1
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None, raising=False)
    assert not prefetch.Battery().drains()


async def test_what_is_begun_anew_ends_what_was_begun() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        done.append(number)

    both = prefetch.Prefetch(URI, AnswerCache(), WindowCache())
    both._begin(partial(work, 1), 0.01)
    both._begin(partial(work, 2), 0.0)
    await asyncio.sleep(0.03)
    assert done == [2]
