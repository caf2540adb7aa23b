"""Follow-ups: what keeps a conversation, moves it, or ends it.

``⟨`` and ``⟩`` are the stretch that is talked about.
"""

from __future__ import annotations

import pytest

from tabwright.app.actions.conversations import Conversation, Conversations, follow
from tabwright.assists.request import Turn
from tabwright.core.text import Span

BASE = "a\n⟨b\nc\n⟩d\n"
EDITED = "a\n⟨B\nc\nC\n⟩d\n"


def read(marked: str) -> tuple[str, Span]:
    start = marked.index("⟨")
    return marked.replace("⟨", "").replace("⟩", ""), Span(start, marked.index("⟩") - 1)


def marks(text: str, span: Span) -> str:
    return f"{text[: span.start]}⟨{text[span.start : span.end]}⟩{text[span.end :]}"


def conversation(base: str = BASE, edited: str = EDITED) -> Conversation:
    return Conversation((Turn("say", "B\nc\nC\n"),), *read(base), *read(edited))


@pytest.mark.parametrize(
    ("text", "base", "edited"),
    [
        ("a\nb\nc\nd\n", BASE, EDITED),
        # The editor applied the edit: whole, from its start, from its end.
        ("a\nB\nc\nC\nd\n", EDITED, EDITED),
        ("a\nB\nc\nd\n", BASE, EDITED),
        ("a\nb\nc\nC\nd\n", BASE, EDITED),
        # Typed elsewhere.
        ("a\nx\nb\nc\nd\n", "a\nx\n⟨b\nc\n⟩d\n", "a\nx\n⟨B\nc\nC\n⟩d\n"),
        ("b\nc\nd\n", "⟨b\nc\n⟩d\n", "⟨B\nc\nC\n⟩d\n"),
        ("a\nb\nc\n", "a\n⟨b\nc\n⟩", "a\n⟨B\nc\nC\n⟩"),
        ("x\nb\nc\ny\nd", "x\n⟨b\nc\n⟩y\nd", "x\n⟨B\nc\nC\n⟩y\nd"),
        # Typed inside.
        ("a\nb\nx\nd\n", "", ""),
        ("a\nb\nd\n", "", ""),
        ("a\nb\nc\nx\nC\nd\n", "a\n⟨b\nc\n⟩x\nC\nd\n", "a\n⟨B\nc\nC\n⟩x\nC\nd\n"),
        ("", "", ""),
    ],
)
def test_a_new_text(text: str, base: str, edited: str) -> None:
    found = follow(conversation(), text)
    if not base:
        assert found is None
        return
    assert found is not None and found.turns == conversation().turns
    assert marks(found.base, found.base_span) == base
    assert marks(found.text, found.span) == edited


def test_an_applied_edit_moves_as_one() -> None:
    found = follow(conversation(EDITED, EDITED), "a\nx\nB\nc\nC\nd\n")
    assert found is not None and found.base == found.text
    assert marks(found.text, found.span) == "a\nx\n⟨B\nc\nC\n⟩d\n"


def test_undoing_an_applied_edit_ends_it() -> None:
    applied = follow(conversation(), read(EDITED)[0])
    assert applied is not None
    assert follow(applied, read(BASE)[0]) is None


@pytest.mark.parametrize(
    ("start", "end", "covered"), [(0, 1, False), (0, 2, True), (3, 3, True), (7, 7, False)]
)
def test_which_places_belong_to_it(start: int, end: int, covered: bool) -> None:
    assert conversation().covers(Span(start, end)) is covered


def test_one_for_each_document_whatever_the_spelling_of_its_uri() -> None:
    every = Conversations()
    every.put("file:///c%3A/a.py", conversation())
    every.changed("file:///b.py", "x")
    assert every.get("file:///c:/a.py") == conversation()
    every.changed("file:///c:/a.py", "x")
    assert every.get("file:///c%3A/a.py") is None
    assert every.end("file:///c:/a.py") is False
