from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cursor import CURSOR, Case, cases, place
from support.pieces import TEXTS, whole_lines

from tabwright.core.intent.intent import Intent, intent_at
from tabwright.core.languages import LANGUAGES
from tabwright.core.syntax.parameters import Parameter
from tabwright.core.text import Snapshot, Span


def intent_at_cursor(marked: str, language_id: str) -> Intent | None:
    snapshot, offset = place(marked, language_id)
    return intent_at(snapshot, Span(offset, offset))


def format_parameters(parameters: tuple[Parameter, ...]) -> str:
    return ", ".join(f"{one.name}: {one.type}" if one.type else one.name for one in parameters)


def in_case_notation(text: str, found: Intent) -> dict[str, str]:
    """Return a request in the notation of the case files."""
    return {
        "kind": found.kind,
        "text": json.dumps(found.text, ensure_ascii=False),
        "name": found.name,
        "parameters": format_parameters(found.parameters),
        "result": found.result,
        "examples": " | ".join(f"{call} -> {result}" for call, result in found.examples),
        "constraints": " | ".join(found.constraints),
        "at": str(len(text[: found.span.start].split("\n"))),
        "span": json.dumps(text[found.span.start : found.span.end]),
        "indent": json.dumps(found.indent),
        "container": found.container,
        "signature": found.signature.name if found.signature else "",
    }


@pytest.mark.parametrize("case", cases("intent"), ids=lambda case: case.name)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_case(case: Case, line_end: str) -> None:
    marked = (case.parts["buffer"] + "\n").replace("\n", line_end)
    found = intent_at_cursor(marked, case.settings["language"])
    if "nothing" in case.parts:
        assert found is None
        return
    assert found is not None
    actual = in_case_notation(marked.replace(CURSOR, ""), found)
    for line in case.parts["intent"].splitlines():
        key, _, value = line.partition(":")
        assert actual[key].replace("\\r", "") == value.strip(), key


@pytest.mark.parametrize(
    ("selected", "is_request"),
    [
        ("# Write add(a, b).\n", True),
        ("# Write add(a, b).\n\n", True),
        ("\n# Write add(a, b).\n\nx = 1\n", False),
        ("x = 1\n", False),
    ],
)
def test_selection(selected: str, is_request: bool) -> None:
    text = "y = 1\n\n# Write add(a, b).\n\nx = 1\n"
    start = text.index(selected)
    found = intent_at(Snapshot("", "python", 1, text), Span(start, start + len(selected)))
    assert (found is not None) == is_request


def test_selection_of_a_stub_with_its_comment() -> None:
    text = "# Adds them.\ndef add(a, b):\n    pass\n\n\nx = 1\n"
    end = text.index("\n\nx")
    found = intent_at(Snapshot("", "python", 1, text), Span(0, end))
    assert found is not None and found.name == "add"
    assert intent_at(Snapshot("", "python", 1, text), Span(0, len(text))) is None


def test_stubs_in_pyi_files_are_not_requests() -> None:
    text = "def add(a: int) -> int: ...\n"
    assert intent_at(Snapshot("file:///a.pyi", "python", 1, text), Span(0, 0)) is None


def test_comment_on_the_last_line_without_line_end() -> None:
    text = "# write a function add(a, b)"
    found = intent_at(Snapshot("", "python", 1, text), Span(len(text), len(text)))
    assert found is not None and found.span == Span(len(text), len(text))


@pytest.mark.parametrize("language", ["python", "javascript", "java", "lua"])
def test_large_documents_take_under_15_ms(language: str) -> None:
    sign = {"python": "#", "lua": "--"}.get(language, "//")
    body = "".join(f"foo({n}, [{n}], 'a b c', \"d\") {sign} it's words\n" for n in range(5000))
    text = f"{body}\n{sign} write a function add(a, b)\n\n{body}"
    offset = text.index("write")
    snapshot = Snapshot("", language, 1, text)
    times = []
    for _ in range(5):
        start = time.thread_time()
        assert intent_at(snapshot, Span(offset, offset)) is not None
        times.append(time.thread_time() - start)
    assert min(times) < 0.015, times


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10_000_000,
        "# write " * 1_000_000,
        "(" * 200_000,
        '"""' + "\\" * 100_000,
        "/*" * 100_000,
        "\r" * 100_000,
        "def f(" * 50_000,
        "a b " * 100_000 + "(",
        "\n".join(["pass "] * 20_000),
        "# " + "写" * 100_000,
    ],
    ids=lambda text: text[:8],
)
def test_bounded_work(text: str) -> None:
    start = time.thread_time()
    for language in ("python", "javascript", "cpp"):
        for offset in (0, len(text) // 2, len(text)):
            intent_at(Snapshot("", language, 1, text), Span(offset, offset))
    assert time.thread_time() - start < 3


@given(text=TEXTS, language=st.sampled_from(sorted(LANGUAGES)), data=st.data())
def test_never_fails_and_spans_are_whole_lines(
    text: str, language: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    found = intent_at(Snapshot("", language, 1, text), Span(start, end))
    if found:
        spans = [found.span]
        if found.signature:
            one = found.signature
            spans += [one.header, one.body, one.rest, one.span]
            assert one.span.start <= one.header.start <= one.header.end <= one.span.end
        assert all(whole_lines(text, span) for span in spans)
