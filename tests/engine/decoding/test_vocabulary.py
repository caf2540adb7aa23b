from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.engine.decoding.healing import remove_last_word
from tabwright.engine.decoding.vocabulary import Part, Vocabulary


def test_special_tokens_count_only_where_named(vocabulary: Vocabulary) -> None:
    middle = vocabulary.special["<|fim_middle|>"]
    named = vocabulary.encode([Part("a"), Part("<|fim_middle|>", special=True)])
    spelled = vocabulary.encode([Part("a<|fim_middle|>")])
    assert named[-1] == middle
    assert middle not in spelled
    assert b"".join(map(vocabulary.bytes_of, spelled)) == b"a<|fim_middle|>"


def test_a_flat_prompt_is_split_at_its_special_tokens(vocabulary: Vocabulary) -> None:
    assert vocabulary.split_special("a<|fim_suffix|>b") == [
        Part("a"),
        Part("<|fim_suffix|>", special=True),
        Part("b"),
    ]


def test_an_unknown_special_token_is_refused(vocabulary: Vocabulary) -> None:
    with pytest.raises(KeyError, match="nonsense"):
        vocabulary.encode([Part("<|nonsense|>", special=True)])


TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)


@given(text=TEXTS)
def test_text_survives_the_round_trip(vocabulary: Vocabulary, text: str) -> None:
    ids = vocabulary.encode_text(text)
    assert b"".join(map(vocabulary.bytes_of, ids)) == text.encode()


def test_lone_surrogates_do_not_raise(vocabulary: Vocabulary) -> None:
    ids = vocabulary.encode_text("a\ud800b")
    assert b"".join(map(vocabulary.bytes_of, ids)) == b"a?b"


@given(pending=st.binary(min_size=1, max_size=6))
def test_tokens_that_fit_are_those_a_plain_search_finds(
    vocabulary: Vocabulary, pending: bytes
) -> None:
    expected = {
        number
        for number, data in enumerate(vocabulary.token_bytes)
        if data and (data.startswith(pending) or pending.startswith(data))
    }
    assert set(vocabulary.tokens_that_fit(pending)) == expected


@pytest.mark.parametrize("text", ["x = ret", "return ", "    ", "naïve é", "f("])
def test_removing_the_last_word_loses_nothing(vocabulary: Vocabulary, text: str) -> None:
    ids = vocabulary.encode_text(text)
    kept, healing = remove_last_word(vocabulary, ids)
    assert kept == ids[: len(kept)] and len(kept) < len(ids)
    assert b"".join(map(vocabulary.bytes_of, kept)) + healing.pending == text.encode()


@pytest.mark.parametrize("text", ["x = 1\n", "", "if a:\r\n"])
def test_nothing_is_removed_after_a_line_end(vocabulary: Vocabulary, text: str) -> None:
    ids = vocabulary.encode_text(text)
    kept, healing = remove_last_word(vocabulary, ids)
    assert kept == ids
    assert healing.pending == b""


def test_a_missing_or_broken_tokenizer_is_reported(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"tokenizer\.json"):
        Vocabulary.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match="not a readable tokenizer"):
        Vocabulary.load(tmp_path)
