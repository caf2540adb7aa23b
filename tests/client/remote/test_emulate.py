from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tabwright.client.remote.emulate import TrimmedText, cut_open_word, suffix_probe
from tabwright.core.prompting.prompt import Prompt, Token

FIRST = Token("<|fim_suffix|>")
MIDDLE = Token("<|fim_middle|>")


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("    return valu", " valu"),
        ("    return ", " "),
        ("    return", " return"),
        ("self.na", "na"),
        ("self.", ""),
        ("print(x", "x"),
        ("x = (", ""),
        ("x\n", ""),
        ("x\n    ", " "),
        ("x\n\t", "\t"),
        ("x = 12", ""),  # digits are tokens of their own
        ("größ", ""),  # all there is: nothing would be left to go by
        ("a größ", " größ"),
        ("x " + "a" * 60, ""),  # hardly a word
    ],
)
def test_take_back(text: str, cut: str) -> None:
    prompt, found = cut_open_word(Prompt((FIRST, "s", MIDDLE, text)))
    assert found == cut
    assert prompt.parts == (FIRST, "s", MIDDLE, text[: len(text) - len(cut)])


def test_prefix_first_prompts_stay_whole() -> None:
    prompt = Prompt((FIRST, "retu", MIDDLE))
    assert cut_open_word(prompt) == (prompt, "")
    assert cut_open_word(Prompt(())) == (Prompt(()), "")


@pytest.mark.parametrize(
    ("suffix", "probe"),
    [
        ("", ""),
        (")\n", ""),
        ("\n\n", ""),
        ("):\n    return x\n", "):\n    return x"),
        ("\n    return total\nrest", "\n    return total"),
        ("x" * 200, "x" * 80),
    ],
)
def test_suffix_probe(suffix: str, probe: str) -> None:
    assert suffix_probe(suffix) == probe


@pytest.mark.parametrize(
    ("cut", "stops", "probe", "pieces", "text", "reason"),
    [
        ("", (), "", ("a", " + b"), "a + b", ""),
        (" va", (), "", (" v", "alue", " + 1"), "lue + 1", ""),
        (" va", (), "", (" other",), "", "unhealed"),
        (" va", (), "", (" v",), "", "unhealed"),
        ("", ("\n",), "", ("a\nb",), "a", "text"),
        ("", ("END",), "", ("a E", "N", "D b"), "a ", "text"),
        ("", ("END",), "", ("a E", "N", "X"), "a ENX", ""),
        ("", (), "return x", ("y\n", "ret", "urn x\n"), "y\n", "suffix"),
        ("", ("\n",), "return x", ("return x\n",), "", "suffix"),
        ("ab", ("b",), "", ("ab", "ab"), "a", "text"),
        ("", ("",), "", ("a",), "a", ""),
    ],
)
def test_trimmed(
    cut: str, stops: tuple[str, ...], probe: str, pieces: tuple[str, ...], text: str, reason: str
) -> None:
    trimmed = TrimmedText(cut, stops, probe)
    given = "".join([trimmed.add(piece) for piece in pieces] + [trimmed.end()])
    assert (given, trimmed.text, trimmed.reason) == (text, text, reason)


@given(
    cut=st.text("ab", max_size=2),
    stops=st.lists(st.text("abc", min_size=1, max_size=3), max_size=2).map(tuple),
    pieces=st.lists(st.text("abc", max_size=4), max_size=8),
)
@example(cut="b", stops=("b", "abb"), pieces=["bab", "b"])
def test_pieces_make_no_difference(cut: str, stops: tuple[str, ...], pieces: list[str]) -> None:
    """However the text is cut into pieces, the answer is what comes before the first stop."""
    whole = "".join(pieces)
    expected = ""
    if whole.startswith(cut):
        body = whole[len(cut) :]
        expected = min((body.split(stop)[0] for stop in stops), key=len, default=body)
    trimmed = TrimmedText(cut, stops, "")
    given = "".join([trimmed.add(piece) for piece in pieces] + [trimmed.end()])
    assert given == trimmed.text == expected
