"""Where an answer ends. `║` marks the end; the text after it was generated but not returned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.engine.decoding.stops import StopDetector

CASES = [
    ("a stop text", ["\n"], "", "return x║\nfoo", "text"),
    ("no stop text", ["\n"], "", "return x║", None),
    (
        "a whole suffix line again",
        [],
        "\n    return total\n",
        "x += 1║\n    return total\n",
        "suffix",
    ),
    ("many characters", [], "tance < threshold and more", "dis║tance < threshold a", "suffix"),
    ("too little to be sure", [], ")\n\ndef main():\n", "f(a)(b)║", None),
    ("blank lines differ", [], "\n\n    return total\n", "x\n║    return total\n", "suffix"),
    (
        "a deeper line",
        [],
        "\n\n    return False\n",
        "if x:\n            return False\n║",
        None,
    ),
    ("the end of the file", [], "    return a\n", "x = 1\n║    return a", "suffix"),
    ("the stop text comes first", ["#"], "\nreturn total", "x ║# \nreturn total", "text"),
]


def run(pieces: list[bytes], stops: list[str], suffix: str) -> tuple[str, str | None]:
    text = StopDetector(stops, suffix)
    answer = ""
    for piece in pieces:
        answer += text.feed(piece)
        if text.reason:
            return answer, text.reason
    answer += text.feed(b"", final=True)
    return answer, text.reason


@pytest.mark.parametrize(("name", "stops", "suffix", "marked", "reason"), CASES)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_cases(
    name: str, stops: list[str], suffix: str, marked: str, reason: str | None, size: int
) -> None:
    expected, _, rest = marked.partition("║")
    if reason is None:
        expected += rest
    data = marked.replace("║", "").encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    answer, why = run(pieces, stops, suffix)
    assert (answer.rstrip(), why) == (expected.rstrip(), reason), name


@given(text=st.text(st.characters(codec="utf-8"), max_size=40), size=st.integers(1, 7))
def test_text_without_stops_comes_through_whole(text: str, size: int) -> None:
    data = text.encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert run(pieces, ["\x00STOP"], "") == (text, None)
