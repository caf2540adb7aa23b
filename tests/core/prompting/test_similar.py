from __future__ import annotations

from tabwright.core.prompting.similar import best_window, identifier_words, jaccard


def test_identifier_words_are_split_without_common_words() -> None:
    assert identifier_words("def loadHTTPResponse(self, max_size2):") == {
        "load",
        "http",
        "response",
        "max",
        "size",
        "2",
    }


def test_jaccard() -> None:
    assert jaccard(frozenset("ab"), frozenset("bc")) == 1 / 3
    assert jaccard(frozenset(), frozenset()) == 0


def test_best_window_is_the_most_similar_cut_at_a_line_end() -> None:
    lines = ["nothing here\n"] * 100
    lines[60] = "load_response(max_size)\n"
    score, text = best_window(
        "".join(lines), identifier_words("loadResponse(maxSize, timeout, retries, url, key)"), 400
    )
    assert 0.3 < score < 0.5 and "load_response" in text
    assert len(text) <= 400 and text.endswith("\n")


def test_copies_are_skipped() -> None:
    score, text = best_window("load_response(size)\n", identifier_words("load_response(size)"), 400)
    assert (score, text) == (0.0, "")
