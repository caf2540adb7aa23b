"""Drafts without a model: decode a known answer and count the passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.engine.speculative.draft import Drafts, DraftStatistics
from tabwright.engine.speculative.draft_sources import MAX_AHEAD

TEXT = [*range(100, 160)]
NEW = [*range(200, 215)]


def passes(answer: list[int], drafts: Drafts) -> list[tuple[int, int]]:
    """Decode ``answer`` like the decode loop; return (drafted, accepted) of each pass."""
    drafts.begin()
    found = []
    drafts.add(answer[0])
    written = 1
    while written < len(answer):
        draft = drafts.propose(len(answer) - written - 1)
        rest = answer[written:]
        accepted = 0
        while accepted < len(draft) and draft[accepted] == rest[accepted]:
            accepted += 1
        for token in rest[: accepted + 1]:
            drafts.add(token)
        written += accepted + 1
        found.append((len(draft), accepted))
    return found


# name, prediction, prompt, answer, most passes that may be needed
CASES: list[tuple[str, list[int], list[int] | None, list[int], int]] = [
    ("nothing to go by", [], None, TEXT, 59),
    ("repeated as it stands", TEXT, None, TEXT, 4),
    ("one token for another", TEXT, None, [*TEXT[:30], 7, *TEXT[31:]], 6),
    ("two tokens for one", TEXT, None, [*TEXT[:30], 7, 8, *TEXT[31:]], 9),
    ("a stretch left out", TEXT, None, [*TEXT[:10], *TEXT[40:]], 6),
    ("a few tokens left out", TEXT, None, [*TEXT[:10], *TEXT[13:]], 6),
    ("a stretch put in", TEXT, None, [*TEXT[:30], *NEW, *TEXT[30:]], 24),
    ("something before it", TEXT, None, [*NEW, *TEXT], 23),
    ("two halves changed about", TEXT, None, [*TEXT[30:], *TEXT[:30]], 7),
    ("the same token everywhere", [5] * 60, None, [5] * 60, 4),
    ("from the prompt", [], [1, *TEXT, 2], TEXT, 7),
    ("a prompt that is never asked", TEXT, [9] * 50, TEXT, 4),
    ("the prompt after the prediction's end", TEXT[:20], TEXT, TEXT, 7),
    ("its own lines again", [], [], TEXT * 2, 67),
]


@pytest.mark.parametrize(
    ("prediction", "prompt", "answer", "most"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_passes(
    prediction: list[int], prompt: list[int] | None, answer: list[int], most: int
) -> None:
    assert len(passes(answer, Drafts(prediction, prompt or (), prompt is not None))) <= most


def test_a_draft_grows_while_it_is_accepted_up_to_its_limit() -> None:
    text = [*range(200)]
    drafted = [count for count, _ in passes(text, Drafts(text))]
    assert drafted[:3] == [10, 16, 16]
    assert max(drafted) == MAX_AHEAD


def test_rejected_drafts_pause_until_the_text_matches_again() -> None:
    other = [*range(1000, 1060)]
    drafted = [count for count, _ in passes([*other, *TEXT], Drafts([*other[:1], *TEXT]))]
    assert drafted[0] > 4
    assert drafted[:59].count(0) > 40
    assert len(drafted) < 59 + 15


def test_a_jacobi_draft_stays_while_it_is_correct() -> None:
    drafts = Drafts()
    drafts.begin()
    drafts.add(1)
    drafts.rejected([7, 8, 9])
    assert drafts.propose(5) == [7]
    drafts.add(7)
    assert drafts.propose(5)[:1] == [8]
    drafts.add(6)
    assert drafts.propose(5) == []
    drafts.rejected([4])
    drafts.begin()
    assert drafts.propose(5) == []


# name, seconds of passes over 1, 2, 3, ... tokens, tokens that are drafted
TIMES: list[tuple[str, list[float], range]] = [
    ("more tokens cost nothing", [1.0] * 17, range(4, MAX_AHEAD + 1)),
    ("up to three cost as much as one", [1, 1, 1, *[5.0] * 14], range(2, 3)),
    (
        "each costs a pass of its own",
        [1.0, *[float(2 * count) for count in range(2, 18)]],
        range(1),
    ),
]


@pytest.mark.parametrize(
    ("seconds", "wanted"), [case[1:] for case in TIMES], ids=[case[0] for case in TIMES]
)
def test_the_draft_length_follows_the_pass_times(seconds: list[float], wanted: range) -> None:
    statistics = DraftStatistics()
    for _ in range(40):
        for count, taken in enumerate(seconds, 1):
            statistics.times.note(count, taken)
    # Half of what follows two tokens that agree is right, by what is taken for granted.
    drafts = Drafts((), [1, 2, *TEXT, 7, 8], lookup=True, statistics=statistics)
    drafts.begin()
    for token in (1, 2):
        drafts.add(token)
    assert len(drafts.propose(99)) in wanted


def test_a_draft_with_prompt_tokens_costs_only_what_it_adds() -> None:
    """Up to three tokens cost as much as one, and then each as much again."""
    statistics = DraftStatistics()
    for _ in range(60):
        for count in range(1, MAX_AHEAD + 2):
            statistics.times.note(count, float(max(1, count - 2)))
    drafts = Drafts((), [1, 2, *TEXT, 7, 8], lookup=True, statistics=statistics)
    drafts.begin()
    for token in (1, 2):
        drafts.add(token)
    found = [len(drafts.propose(99, others=others)) for others in (1, 2, 3, 200)]
    assert found[:3] == [2, 1, 0] and found[3] > 2


def test_one_slow_pass_has_no_lasting_effect() -> None:
    times = DraftStatistics().times
    for count in (1, 2):
        times.note(count, 1.0)
    usual = times.of(2)
    times.note(2, 60.0)
    slow = times.of(2)
    for _ in range(1500):
        times.note(1, 1.0)
    assert slow > usual + 0.1 > times.of(2)


def test_the_ngram_table_gives_drafts() -> None:
    statistics = DraftStatistics()
    alone = len(passes(TEXT, Drafts((), [1, 2], statistics=statistics)))
    statistics.ngrams.learn(TEXT)
    assert alone == len(TEXT) - 1
    assert len(passes(TEXT, Drafts((), [1, 2], statistics=statistics))) < alone / 2


def test_an_answer_uses_earlier_answers_as_drafts() -> None:
    drafts = Drafts((), [1, 2, 3], lookup=True)
    assert sum(accepted for _, accepted in passes(TEXT, drafts)) == 0
    assert len(passes(TEXT, drafts)) <= 9


def test_every_answer_starts_at_the_predictions_beginning() -> None:
    drafts = Drafts(TEXT)
    first, second = (passes(TEXT, drafts)[0] for _ in range(2))
    assert first[0] == first[1] and second == (MAX_AHEAD, MAX_AHEAD)


@given(
    st.lists(st.integers(0, 3), max_size=40),
    st.lists(st.integers(0, 3), max_size=40),
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
)
def test_every_text_is_generated_to_its_end(
    prediction: list[int], prompt: list[int], answer: list[int]
) -> None:
    found = passes(answer, Drafts(prediction, prompt, lookup=True))
    assert sum(accepted + 1 for _, accepted in found) == len(answer) - 1
    assert all(0 <= accepted <= drafted <= MAX_AHEAD for drafted, accepted in found)
