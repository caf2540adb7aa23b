"""One document's requests against an engine that writes when it is told to.

``║`` is the cursor.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from support.desk import URI, USAGE, Desk, settle, texts

from tabwright.app.completion.answer_cache import MAX_ENTRY_CHARS
from tabwright.app.completion.query import CompletionResult
from tabwright.assists.complete import Options
from tabwright.client.engine import (
    EngineError,
    EngineUnavailable,
    ModelNotFound,
)
from tabwright.core.message import Message
from tabwright.core.prompting.context import Document
from tabwright.core.text import Snapshot


@pytest.fixture
def desk() -> Desk:
    return Desk()


HEAD = "def add(a, b):\n    return "


async def test_the_model_is_asked_and_what_it_cost_is_told(desk: Desk) -> None:
    request = desk.ask(HEAD + "║\n")
    call = await desk.engine.call(1)
    call.end("a + b")
    outcome = await request
    assert await texts(request) == ["a + b"]
    assert (outcome.source, outcome.reason, outcome.usage) == ("model", "shown", USAGE)
    assert outcome.ms > 0
    sent = call.request
    assert (sent.lane, sent.session, sent.model, sent.n) == ("newest", URI, "m", 1)


async def test_typing_through_an_answer_asks_no_model(desk: Desk) -> None:
    request = desk.ask(HEAD + "║\n")
    (await desk.engine.call(1)).end("a + b")
    await request
    for typed, rest in [("a", " + b"), ("a +", " b"), ("a", " + b"), ("", "a + b"), ("a + ", "b")]:
        later = desk.ask(HEAD + typed + "║\n")
        assert await texts(later) == [rest]
        assert (await later).source == "cache"
    assert len(desk.engine.calls) == 1


async def test_an_answer_too_long_to_keep_is_shown_all_the_same(desk: Desk) -> None:
    desk.options = Options(candidates=3)
    lines = [f"value_{number} = {number}" for number in range(400)]
    request = desk.ask("def f():\n    ║\n", invoked=True)
    texts_sent = [
        "\n".join(f"    {line}{'#' * number}" for line in lines).lstrip() for number in (1, 2, 3)
    ]
    assert sum(map(len, texts_sent)) > MAX_ENTRY_CHARS
    for number, text in enumerate(texts_sent, start=1):
        (await desk.engine.call(number)).end(text)
    outcome = await asyncio.wait_for(request, 2)
    assert (outcome.reason, outcome.source) == ("shown", "model")
    assert [edit.new_text for edit in outcome.edits] == texts_sent


async def test_a_long_answer_under_way_is_shown_as_far_as_it_is_not_typed(desk: Desk) -> None:
    text = "a" * MAX_ENTRY_CHARS + "bc"
    desk.ask("x = ║\n")
    call = await desk.engine.call(1)
    second = desk.ask("x = a║\n")
    await settle()
    call.end(text)
    assert await texts(second) == [text[1:]]
    assert (await second).source == "in flight"


async def test_a_question_under_way_is_joined_while_it_is_right(desk: Desk) -> None:
    first = desk.ask(HEAD + "║\n")
    call = await desk.engine.call(1)
    second = desk.ask(HEAD + "a║\n")
    assert (await first).reason == "a newer request came"
    call.write("a +")
    third = desk.ask(HEAD + "a +║\n")
    await second
    await asyncio.sleep(0.1)  # until it has joined
    call.end(" b")
    assert await texts(third) == [" b"]
    assert (await third).source == "in flight"
    assert len(desk.engine.calls) == 1 and not call.closed


async def test_an_answer_that_nobody_waits_for_is_kept(desk: Desk) -> None:
    desk.ask(HEAD + "║\n")
    call = await desk.engine.call(1)
    second = desk.ask(HEAD + "a║\n")
    call.end("a + b")  # it lands before the second request has come to join it
    assert await texts(second) == [" + b"]
    assert len(desk.engine.calls) == 1


async def test_half_a_statement_is_gone_on_with(desk: Desk) -> None:
    request = desk.ask("def f(a):\n    b = 1\n║\n    return b\n")
    (await desk.engine.call(1)).end("    if not a:")
    rest = await desk.engine.call(2)
    assert str(rest.request.prompt.parts[-1]).endswith("    b = 1\n    if not a:\n")
    rest.end("        return 0\n")
    assert await texts(request) == ["    if not a:\n        return 0"]


async def test_a_rest_that_fails_leaves_the_first_line(desk: Desk) -> None:
    request = desk.ask("def f(a):\n    b = 1\n║\n    return b\n")
    (await desk.engine.call(1)).end("    # why not")
    (await desk.engine.call(2)).answer.set_exception(EngineError(Message("too long")))
    (await desk.engine.call(3)).answer.set_exception(EngineError(Message("too long")))
    assert await texts(request) == ["    # why not"]


async def test_what_does_not_parse_is_asked_anew_and_the_best_is_shown(desk: Desk) -> None:
    request = desk.ask("def f(a):\n    b = 1\n║\n    return b\n")
    (await desk.engine.call(1)).end("    b = = a")
    second = await desk.engine.call(2)
    assert second.request.avoid == ("    b = = a",)
    second.end("    b = a")
    assert await texts(request) == ["    b = a"]
    assert len(desk.engine.calls) == 2


async def test_a_name_that_is_bound_nowhere_begins_the_second_answer(desk: Desk) -> None:
    request = desk.ask("def f(a):\n    b = 1\n║\n    return b + c\n")
    (await desk.engine.call(1)).end("    b = a")
    second = await desk.engine.call(2)
    assert str(second.request.prompt.parts[-1]).endswith("    b = 1\n    c")
    second.end(" = 2")
    assert await texts(request) == ["    c = 2"]


async def test_a_question_that_goes_elsewhere_is_closed_and_asked_anew(desk: Desk) -> None:
    desk.ask(HEAD + "║\n")
    call = await desk.engine.call(1)
    second = desk.ask(HEAD + "s║\n")
    await settle()
    call.write("a")  # the user typed s
    again = await desk.engine.call(2)
    assert call.closed
    again.end("um((a, b))")
    assert await texts(second) == ["um((a, b))"]


async def test_a_diverged_text_closes_at_once(desk: Desk) -> None:
    first = desk.ask(HEAD + "║\n")
    call = await desk.engine.call(1)
    call.write("a")
    desk.session.changed(Snapshot(URI, "python", 9, "something else"))
    await settle()
    assert call.closed
    assert (await first).edits == ()


async def test_a_cancelled_question_is_closed_at_once_when_nobody_types(desk: Desk) -> None:
    request = desk.ask(HEAD + "║\n")
    call = await desk.engine.call(1)
    request.cancel()
    await settle()
    assert request.cancelled() and call.closed


async def test_while_somebody_types_a_cancelled_question_waits_for_the_next_key(
    desk: Desk,
) -> None:
    desk.session.changed(Snapshot(URI, "python", 1, HEAD[:-1] + "\n"))
    first = desk.ask(HEAD + "║\n")
    call = await desk.engine.call(1)
    first.cancel()  # as VS Code does at the next key
    await settle()
    assert first.cancelled() and not call.closed
    second = desk.ask(HEAD + "a║\n")
    await settle()
    call.end("a + b")
    assert await texts(second) == [" + b"]
    third = desk.ask(HEAD + "x║\n")
    other = await desk.engine.call(2)
    third.cancel()
    await asyncio.sleep(0.12)
    assert other.closed


async def test_twenty_quick_requests_ask_once_for_the_last(desk: Desk) -> None:
    desk.debounce_s = 0.05
    word = "abcdefghijklmnopqrst"
    requests = [desk.ask(f"x = {word[: n + 1]}║\n") for n in range(20)]
    call = await desk.engine.call(1)
    call.end("()")
    outcomes = await asyncio.gather(*requests)
    assert [outcome.reason for outcome in outcomes[:-1]] == ["a newer request came"] * 19
    assert [edit.new_text for edit in outcomes[-1].edits] == ["()"]
    assert len(desk.engine.calls) == 1


async def test_asked_by_hand_it_does_not_wait_and_gives_several(desk: Desk) -> None:
    desk.debounce_s = 5
    request = desk.ask(HEAD + "║\n", invoked=True)
    for number, text in enumerate(["a + b", "b + a", "a + b"], start=1):
        (await desk.engine.call(number)).end(text)
    assert await texts(request) == ["a + b", "b + a"]
    avoided = [call.request.avoid for call in desk.engine.calls]
    assert avoided == [(), ("a + b",), ("a + b", "b + a")]
    assert {call.request.n for call in desk.engine.calls} == {1}


async def test_each_candidate_is_cut_off_when_it_has_enough(desk: Desk) -> None:
    desk.options = Options(candidates=2)
    request = desk.ask("def f():\n    ║\n\n\ndef g():\n    return 2\n", invoked=True)
    for number in (1, 2):
        call = await desk.engine.call(number)
        call.write(f"return {number}\n\n\ndef h():\n    pass\n")
        await settle()
    assert await texts(request) == ["return 1", "return 2"]


async def test_asked_by_hand_an_automatic_question_is_not_joined(desk: Desk) -> None:
    desk.ask(HEAD + "║\n")
    call = await desk.engine.call(1)
    desk.ask(HEAD + "║\n", invoked=True)
    await desk.engine.call(2)
    assert call.closed


async def test_the_answer_stops_early_when_it_has_enough(desk: Desk) -> None:
    request = desk.ask(HEAD + "║\n")
    call = await desk.engine.call(1)
    call.write("a + b\n\n\ndef")
    assert await texts(request) == ["a + b"]
    assert (await request).usage is None


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ModelNotFound(Message("run: tabwright models pull m")), "model_missing"),
        (EngineUnavailable(Message("it went away")), "unavailable"),
        (EngineError(Message("it failed")), "engine"),
    ],
)
async def test_failures_are_empty_answers_with_a_reason(
    desk: Desk, error: EngineError, problem: str
) -> None:
    request = desk.ask(HEAD + "║\n")
    (await desk.engine.call(1)).answer.set_exception(error)
    outcome = await request
    assert (outcome.edits, outcome.reason, outcome.problem) == ((), str(error), problem)
    again = desk.ask(HEAD + "║\n")
    (await desk.engine.call(2)).end("a + b")
    assert await texts(again) == ["a + b"]


async def test_an_empty_answer_is_kept_but_not_when_the_engine_gave_up(desk: Desk) -> None:
    first = desk.ask(HEAD + "║\n")
    (await desk.engine.call(1)).end(" ", finish="cancelled")
    assert (await first).reason == "the engine gave the question up"
    second = desk.ask(HEAD + "║\n")
    (await desk.engine.call(2)).end(" ")
    assert await texts(second) == []
    third = desk.ask(HEAD + "║\n")
    assert (await third).source == "cache" and await texts(third) == []
    desk.options = Options(candidates=1)
    by_hand = desk.ask(HEAD + "║\n", invoked=True)
    (await desk.engine.call(3)).end("a + b")
    assert await texts(by_hand) == ["a + b"]


async def test_closers_an_editor_puts_in_do_not_matter(desk: Desk) -> None:
    first = desk.ask("x = sum║\n")
    call = await desk.engine.call(1)
    call.write("([1")
    second = desk.ask("x = sum(║)\n")
    await first
    await settle()
    call.end(", 2])")
    outcome = await second
    assert outcome.source == "in flight"
    (edit,) = outcome.edits
    text = "x = sum()\n"
    assert text[: edit.span.start] + edit.new_text + text[edit.span.end :] == "x = sum([1, 2])\n"


async def test_a_private_file_asks_nobody(desk: Desk) -> None:
    desk.refused = lambda path: Message("{0} is a secret", path)
    outcome = await desk.ask("KEY = ║\n")
    assert (outcome.reason, outcome.detail) == (
        "this file is kept from the model",
        "/work/a.py is a secret",
    )
    assert desk.engine.calls == []


async def test_private_files_are_no_context(desk: Desk) -> None:
    shared = "def compute_total_price(order, discount):\n    return order.total - discount\n" * 3
    desk.others = [
        Document("/work/open.py", "python", shared + "OPEN = 1\n"),
        Document("/work/secret.py", "python", shared + "SECRET = 1\n"),
    ]
    desk.refused = lambda path: Message("secret") if "secret" in path else None
    desk.ask("def compute_final_price(order):\n    return compute_total_price(order, ║)\n")
    prompt = (await desk.engine.call(1)).request.prompt.flat()
    assert "SECRET" not in prompt and "secret.py" not in prompt


async def test_before_code_on_its_line_nothing_is_asked(desk: Desk) -> None:
    outcome = await desk.ask("x = ║foo(1)\n")
    assert outcome.edits == () and "code after the cursor" in outcome.reason
    assert desk.engine.calls == []


async def test_closing_gives_everything_up(desk: Desk) -> None:
    request = desk.ask(HEAD + "║\n")
    call = await desk.engine.call(1)
    desk.session.close()
    outcome = await asyncio.wait_for(request, 2)
    assert outcome.edits == ()
    await settle()
    assert call.closed


async def test_random_typing_never_leaves_a_question_open(desk: Desk) -> None:
    """Types, cancels and answers at random: in the end one question at most is open."""
    import random

    chance = random.Random(7)
    typed = ""
    requests: list[asyncio.Task[CompletionResult]] = []
    for _ in range(120):
        typed = typed[:-1] if chance.random() < 0.2 else typed + chance.choice("ab ")
        requests.append(desk.ask(HEAD + typed + "║\n"))
        if chance.random() < 0.5:
            await asyncio.sleep(0.002)
        for call in desk.engine.calls[-2:]:
            if not call.answer.done() and chance.random() < 0.5:
                call.write(chance.choice("ab "))
        if chance.random() < 0.3:
            requests[-1].cancel()
    await asyncio.sleep(0.15)
    open_calls = [call for call in desk.engine.calls if not call.answer.done()]
    assert len(open_calls) <= 1
    desk.session.close()
    async with asyncio.timeout(2):
        for request in requests:
            with contextlib.suppress(asyncio.CancelledError):
                await request
    assert all(call.closed for call in open_calls)
