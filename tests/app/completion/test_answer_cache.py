from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabwright.app.completion.answer_cache import (
    MAX_ENTRY_CHARS,
    MAX_TOTAL_CHARS,
    AnswerCache,
    TextPosition,
)
from tabwright.core.text import Edit, Span, apply

URI = "file:///a.py"


def at(marked: str) -> tuple[str, int]:
    """The text without its cursor mark, and where that stood."""
    before, _, after = marked.partition("║")
    return before + after, len(before)


def insert(marked: str, *texts: str, replace: int = 0) -> AnswerCache:
    """A cache with one answer at the mark."""
    text, offset = at(marked)
    answers = AnswerCache()
    edits = [Edit(Span(offset, offset + replace), new) for new in texts]
    answers.put(URI, text, offset, edits)
    return answers


def shown(answers: AnswerCache, marked: str) -> tuple[str, ...] | None:
    """The texts that would be shown at the mark."""
    found = answers.get(URI, *at(marked))
    return None if found is None else tuple(edit.new_text for edit in found)


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("x = ║\ny", ("foo(bar)",)),  # the same again
        ("x = fo║\ny", ("o(bar)",)),  # typed through
        ("x = foo(bar║\ny", (")",)),  # accepted word by word
        ("x = foo(bar)║\ny", None),  # accepted whole: there is more to ask
        ("x = g║\ny", None),  # something else
        ("x = fO║\ny", None),
        ("x =║\ny", None),  # back beyond the place
        ("x = fo║o\ny", None),  # the text behind differs
        ("z = fo║\ny", None),  # the text before differs
        ("x = fo║\nz", None),
        ("x = foo(║)\ny", ("bar)",)),  # the editor closed the bracket: its closer is replaced
        ("x = foo(║]\ny", None),  # not one that the answer brings
        ("x = ║)\ny", ("foo(bar)",)),
        ("x = foo(bar║))\ny", None),
    ],
)
def test_typing_through(marked: str, expected: tuple[str, ...] | None) -> None:
    assert shown(insert("x = ║\ny", "foo(bar)"), marked) == expected


def test_closers_are_replaced_so_that_the_text_comes_out_the_same() -> None:
    answers = insert("x = ║\ny", "foo(bar)")
    text, offset = at("x = foo(║)\ny")
    found = answers.get(URI, text, offset)
    assert found and apply(text, found) == "x = foo(bar)\ny"


def test_replacing_answers() -> None:
    answers = insert("foo(║)\n", "a, b):", replace=1)
    text, offset = at("foo(a║)\n")
    found = answers.get(URI, text, offset)
    assert found and apply(text, found) == "foo(a, b):\n"
    # What is left would change nothing any more.
    answers = insert("foo(║)\n", "a)", replace=1)
    assert shown(answers, "foo(a║)\n") is None


def test_an_edit_that_starts_before_the_cursor() -> None:
    text, offset = at("  ret║\n")
    answers = AnswerCache()
    answers.put(URI, text, offset, [Edit(Span(2, 5), "return x")])
    assert shown(answers, "  retu║\n") == ("rn x",)
    answers = AnswerCache()
    answers.put(URI, text, offset, [Edit(Span(2, 5), "yield")])
    assert shown(answers, "  ret║\n") is None


def test_an_edit_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="does not hold the cursor"):
        AnswerCache().put(URI, "abc", 1, [Edit(Span(2, 3), "x")])


def test_candidates_fall_away_as_they_cease_to_fit() -> None:
    answers = insert("║", "abc", "abd", "b")
    assert shown(answers, "║") == ("abc", "abd", "b")
    assert shown(answers, "ab║") == ("c", "d")
    assert shown(answers, "b║") is None


def test_backspace_finds_every_earlier_answer() -> None:
    answers = insert("x║", "1")
    answers.put(URI, *at("xy║"), [Edit(Span(2, 2), "2")])
    answers.put(URI, *at("xyz║"), [Edit(Span(3, 3), "3")])
    assert [shown(answers, f"{text}║") for text in ("xyz", "xy", "x")] == [("3",), ("2",), ("1",)]


def test_what_was_shown_stays_when_several_would_do() -> None:
    answers = insert("x║", "yz1")
    answers.put(URI, *at("xy║"), [Edit(Span(2, 2), "z2")])
    assert shown(answers, "x║") == ("yz1",)
    assert shown(answers, "xy║") == ("z1",), "the one used last goes on"


def test_a_new_answer_for_the_same_place_replaces_the_old_one() -> None:
    answers = insert("x║", "1")
    answers.put(URI, *at("x║"), [Edit(Span(1, 1), "2")])
    assert shown(answers, "x║") == ("2",) and len(answers) == 1


def test_empty_answers_hold_for_their_place_alone() -> None:
    answers = insert("x║")
    assert shown(answers, "x║") == ()
    assert shown(answers, "xy║") is None
    answers.put(URI, *at("║"), [Edit(Span(0, 0), "xyz")])
    assert shown(answers, "x║") == ("yz",), "a real answer goes before an empty one"


def test_asked_by_hand_wants_an_answer_asked_by_hand() -> None:
    answers = insert("x║", "1")
    assert answers.get(URI, "x", 1, invoked=True) is None
    edits = [Edit(Span(1, 1), new) for new in ("1", "2")]
    answers.put(URI, "x", 1, edits, invoked=True)
    assert len(answers.get(URI, "x", 1, invoked=True) or ()) == 2


def test_documents_are_apart_and_can_be_forgotten() -> None:
    answers = insert("x║", "1")
    assert answers.get("file:///b.py", "x", 1) is None
    answers.put("file:///b.py", "x", 1, [Edit(Span(1, 1), "2")])
    answers.forget(URI)
    assert shown(answers, "x║") is None and len(answers) == 1
    answers.forget()
    assert len(answers) == 0


def test_bounds() -> None:
    answers = AnswerCache(max_entries=3)
    for number in range(5):
        text = "x" * number
        answers.put(URI, text, number, [Edit(Span(number, number), "y")])
    assert len(answers) == 3
    assert shown(answers, "x║") is None and shown(answers, "xx║") == ("y",)
    answers.put(URI, "", 0, [Edit(Span(0, 0), "z" * MAX_ENTRY_CHARS)])
    assert shown(answers, "║") is None, "too long to keep"
    big = AnswerCache()
    for number in range(60):
        big.put(URI, "x" * number, number, [Edit(Span(number, number), "y" * 15_000)])
    assert len(big) <= MAX_TOTAL_CHARS // 15_000 < 60


def test_large_texts_cost_no_more_than_small_ones() -> None:
    text = "x = 1\n" * 1_700_000  # 10 MB
    answers = AnswerCache()
    middle = len(text) // 2
    started = time.process_time()
    for offset in range(middle, middle + 100):
        answers.put(URI, text, offset, [Edit(Span(offset, offset), "y")])
        assert answers.get(URI, text, offset)
    # Copying or hashing the whole text would take 10 ms a call.
    assert time.process_time() - started < 0.4


class Naive:
    """The reference: keeps whole texts and compares them."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, int, tuple[str, ...]]] = []

    def put(self, text: str, offset: int, new: tuple[str, ...]) -> None:
        self.kept = [one for one in self.kept if one[:2] != (text, offset)]
        self.kept.append((text, offset, new))

    def get(self, text: str, offset: int) -> set[tuple[str, ...]]:
        """All the answers that would be right here."""
        right = set()
        for old, place, new in self.kept:
            typed = text[place:offset]
            if place <= offset and old[:place] + typed + old[place:] == text:
                rest = tuple(one[len(typed) :] for one in new if one.startswith(typed))
                right |= {tuple(one for one in rest if one)} if any(rest) else set()
                right |= {()} if not new and not typed else set()
        return right


TEXT = st.text("ab\n", max_size=4)  # no closers: those have their own property below


@settings(max_examples=300, deadline=None)
@given(
    puts=st.lists(
        st.tuples(TEXT, TEXT, st.lists(TEXT.filter(bool), max_size=2).map(tuple)), max_size=6
    ),
    gets=st.lists(st.tuples(TEXT, TEXT), max_size=6),
    typed=TEXT,
)
def test_agrees_with_the_naive_reference(
    puts: list[tuple[str, str, tuple[str, ...]]], gets: list[tuple[str, str]], typed: str
) -> None:
    answers, naive = AnswerCache(), Naive()
    for before, after, new in puts:
        place = len(before)
        answers.put(URI, before + after, place, [Edit(Span(place, place), one) for one in new])
        naive.put(before + after, place, new)
    for before, after in [*gets, *((b + typed, a) for b, a, _ in puts)]:
        found = answers.get(URI, before + after, len(before))
        right = naive.get(before + after, len(before))
        if found is None:
            assert not right
        else:
            assert tuple(edit.new_text for edit in found) in right


@settings(max_examples=300, deadline=None)
@given(
    before=st.text("a(", max_size=3),
    after=st.text("a)\n", max_size=3),
    new=st.text("a()", min_size=1, max_size=6),
    replaced=st.integers(0, 1),
    count=st.integers(0, 6),
    closers=st.text(")]", max_size=2),
)
def test_the_text_comes_out_as_it_was_promised(
    before: str, after: str, new: str, replaced: int, count: int, closers: str
) -> None:
    """Whatever was typed and closed since: the rest leads to what the whole answer led to."""
    text, offset = before + after, len(before)
    end = offset + min(replaced, len(after))
    promised = Edit(Span(offset, end), new)
    answers = AnswerCache()
    answers.put(URI, text, offset, [promised])
    now = before + new[:count] + closers + after
    found = answers.get(URI, now, offset + len(new[:count]))
    for edit in found or ():
        assert apply(now, [edit]) == apply(text, [promised])


@pytest.mark.parametrize(
    ("pieces", "marked", "expected"),
    [
        ((), "x = ║\n", True),
        (("foo", "("), "x = fo║\n", True),
        (("f",), "x = fo║\n", True),  # more may come
        (("foo",), "x = foo║\n", True),
        (("foo",), "x = g║\n", False),
        (("foo",), "x =║\n", False),
        (("foo",), "x = ║y\n", False),
        (("foo(",), "x = foo(║)\n", True),
    ],
)
def test_a_partial_answer_agrees_with_what_is_typed(
    pieces: tuple[str, ...], marked: str, expected: bool
) -> None:
    position = TextPosition.of(*at("x = ║\n"))
    assert position.agrees("".join(pieces), *at(marked)) == expected
