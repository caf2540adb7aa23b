"""Actions that rewrite code: their prompts, and how answers become edits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.cursor import QWEN

from tabwright.assists import (
    document,
    edit,
    explain,
    fix,
    generate,
    simplify,
    translate,
    write_tests,
)
from tabwright.assists.fix_advice import fix_advice
from tabwright.assists.request import ActionRequest
from tabwright.core.action import Action, Diagnostic, Proposal
from tabwright.core.message import Message
from tabwright.core.prompting.context import Document
from tabwright.core.task import Nothing
from tabwright.core.text import Edit, Snapshot, Span, apply

TWO = "import os\n\n\ndef f(a):\n    return a + 1\n\n\ndef g(b):\n    return f(b)\n"
CLASS = "class A:\n    def f(self, a):\n        return a\n\n    def g(self):\n        return 2\n"


def at(text: str, what: str, language: str = "python", **more: object) -> ActionRequest:
    """The selection of ``what`` in a document."""
    start = text.index(what)
    snapshot = Snapshot("file:///work/code.py", language, 1, text)
    return ActionRequest(snapshot, Span(start, start + len(what)), QWEN, **more)  # type: ignore[arg-type]


def as_action(found: Action | Nothing) -> Action:
    assert isinstance(found, Action), found
    return found


def result(action: Action, proposal: Proposal | Nothing) -> str:
    if isinstance(proposal, Nothing):
        return proposal.reason
    return apply(action.snapshot.text, [Edit(action.span, proposal.text)])


def prompt_text(action: Action) -> str:
    return "".join(part for part in action.prompt.parts if isinstance(part, str))


def test_edit_keeps_the_indentation_of_the_lines() -> None:
    action = as_action(edit.prepare(at(CLASS, "return a\n", instruction="Return the double")))
    assert action.span == Span(CLASS.index("        return a"), CLASS.index("\n    def g"))
    assert "Return the double" in prompt_text(action)
    assert action.draft == "return a\n"
    got = result(action, edit.finish(action, "return a * 2\n```\nDone!"))
    assert got == CLASS.replace("return a\n", "return a * 2\n")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("", "the model answered without code"),
        ("```", "the model answered without code"),
        ("def f(a):\n    return a + 1\n```", "the model changed nothing"),
        ("\n\ndef f(a):\n    return a + 2\n\n\n```", TWO.replace("a + 1", "a + 2")),
        ("def f(a):\n    return a + 2\n\nprint(f(1))\n", TWO.replace("a + 1", "a + 2")),
    ],
)
def test_code_is_extracted_from_the_answer(answer: str, expected: str) -> None:
    inputs = at(TWO, "def f(a):\n    return a + 1\n", instruction="Add two")
    action = as_action(edit.prepare(inputs))
    assert result(action, edit.finish(action, answer)) == expected


def test_leading_imports_are_split_off() -> None:
    inputs = at(TWO, "def f(a):\n    return a + 1\n", instruction="Use math")
    action = as_action(edit.prepare(inputs))
    answer = "import math\nimport os\n\ndef f(a):\n    return math.floor(a)\n```"
    proposal = edit.finish(action, answer)
    assert isinstance(proposal, Proposal)
    assert proposal.text == "def f(a):\n    return math.floor(a)\n"
    assert "import math" in proposal.imports


def test_edit_without_instruction_or_code_gives_the_reason() -> None:
    assert isinstance(edit.prepare(at(TWO, "return f(b)")), Nothing)
    blank = ActionRequest(Snapshot("", "python", 1, "\n\n"), Span(0, 0), QWEN, instruction="x")
    assert isinstance(edit.prepare(blank), Nothing)


def test_second_attempt_at_a_repair_uses_only_the_docstring() -> None:
    text = 'def f(a):\n    """Add one."""\n    return a - 1\n'
    inputs = at(text, text, instruction="Fix the bug")
    first = as_action(edit.prepare(inputs))
    assert "return a - 1" in prompt_text(first) and first.opening == ""
    later = as_action(edit.prepare(replace(inputs, attempt=1)))
    assert "return a - 1" not in prompt_text(later)
    assert later.opening == 'def f(a):\n    """Add one."""\n'
    got = result(later, edit.finish(later, "    return a + 1\n```"))
    assert got == text.replace("a - 1", "a + 1")


def test_windows_line_ends_are_kept() -> None:
    text = TWO.replace("\n", "\r\n")
    action = as_action(edit.prepare(at(text, "return a + 1", instruction="Add two")))
    got = result(action, edit.finish(action, "return a + 2\n```"))
    assert got == text.replace("a + 1", "a + 2")


def test_fix_prompt_has_the_tool_the_line_and_the_advice() -> None:
    text = "def f(x):\n    return x.upper()\n\n\nf(None)\n"
    start = text.index("upper")
    diagnostic = Diagnostic(
        Span(start, start + 5), '"upper" is not a known attribute of "None"', "Pyright",
        "reportOptionalMemberAccess", ("x is declared here",),
    )  # fmt: skip
    action = as_action(fix.prepare(at(text, "upper", diagnostics=(diagnostic,))))
    words = prompt_text(action)
    for part in ("Pyright", "x is declared here", "return x.upper()", "Check for None"):
        assert part in words
    assert isinstance(fix.prepare(at(text, "upper")), Nothing)


def test_every_second_attempt_at_a_fix_replaces_only_the_faulty_lines() -> None:
    text = "import a\n\n\ndef f(x):\n    y = a.b(\n        x,\n    )\n    return y\n"
    start = text.index("b(")
    diagnostic = Diagnostic(Span(start, start + 1), "no member `b`", "Pylint")
    inputs = at(text, "b(", diagnostics=(diagnostic,))
    whole, lines = (as_action(fix.prepare(replace(inputs, attempt=n))) for n in (0, 1))
    assert whole.span == Span(0, len(text))
    assert text[lines.span.start : lines.span.end] == "    y = a.b(\n        x,\n    )\n"
    assert "def f(x):" in prompt_text(lines) and lines.draft == "y = a.b(\n    x,\n)\n"
    got = result(lines, fix.finish(lines, "y = a.c(x)\n```"))
    assert got == text.replace("a.b(\n        x,\n    )", "a.c(x)")
    got = result(lines, fix.finish(lines, "import a\n\n\ndef f(x):\n    return 1\n```"))
    assert got == "the model repeated the code around the error"
    long = "y = 1\n" * 40 + "```"
    assert result(lines, fix.finish(lines, long)) == "the model's code is much longer than a fix"


def test_fix_prompt_has_definitions_from_other_files() -> None:
    text = "import { open } from './db';\nopen(1, 2);\n"
    diagnostic = Diagnostic(Span(text.index("2"), text.index("2") + 1), "Expected 1 argument", "ts")
    header = "export function open(options: { id: number }): void"
    other = Document("/w/db.ts", "typescript", f"{header} {{\n}}\nfunction close() {{\n}}\n")
    inputs = at(text, "2", "typescript", diagnostics=(diagnostic,), others=(other,))
    for attempt in (0, 1):
        words = prompt_text(as_action(fix.prepare(replace(inputs, attempt=attempt))))
        assert header in words and "close" not in words


def test_second_attempt_at_a_one_line_file_is_like_the_first() -> None:
    inputs = at("x = y\n", "y", diagnostics=(Diagnostic(Span(4, 5), "undefined"),))
    again = as_action(fix.prepare(replace(inputs, attempt=1)))
    assert prompt_text(again) == prompt_text(as_action(fix.prepare(inputs)))


@pytest.mark.parametrize(
    ("code", "message", "part"),
    [
        ("E501", "Line too long", "Break the line"),
        ("ts2554", "Expected 1 arguments", "arguments"),
        ("", '"await" allowed only within async function', "async def"),
        ("made-up", "nothing known", ""),
    ],
)
def test_fix_advice(code: str, message: str, part: str) -> None:
    found = fix_advice(Diagnostic(Span(0, 0), message, "", code))
    assert part in found and bool(found) is bool(part)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("def f():\n    return 1\n", 'def f():\n    """One."""\n    # so\n    return 1\n', True),
        ("def f():\n    return 1\n", 'def f():\n    """One."""\n    return 2\n', False),
        ("    x = 1\n", "    # one\n    x = 1\n", True),
        ("x = '#a'\n", "x = '#b'\n", False),
    ],
)
def test_same_code_ignores_docstrings_and_comments(old: str, new: str, same: bool) -> None:
    assert document.same_code(old, new, "python") is same


def test_same_code_in_other_languages_ignores_comments() -> None:
    old = "function f(a) {\n  return '// a';\n}\n"
    new = "/** Says. */\nfunction f(a) {\n  // so\n  return '// a';\n}\n"
    assert document.same_code(old, new, "javascript")
    assert not document.same_code(old, new.replace("'// a'", "'// b'"), "javascript")


def test_document_refuses_changed_code() -> None:
    action = as_action(document.prepare(at(TWO, "def f(a):\n    return a + 1\n")))
    assert document.finish(action, "def f(a):\n    return a + 2\n```") == Nothing(document.CHANGED)
    good = document.finish(action, 'def f(a):\n    """Add one."""\n    return a + 1\n```')
    assert isinstance(good, Proposal)


def test_simplify_refuses_longer_code() -> None:
    action = as_action(simplify.prepare(at(TWO, "def f(a):\n    return a + 1\n")))
    long = "def f(a):\n    b = a\n    c = b + 1\n    d = c\n    return d\n```"
    assert simplify.finish(action, long) == Nothing(
        Message("the model's code is longer than yours")
    )


def test_translation_is_a_new_document() -> None:
    inputs = at(TWO, "def f(a):\n    return a + 1\n", target="java")
    wanted = "class Solution {\n    public int f(int a) {\n"
    action = as_action(translate.prepare(replace(inputs, declaration=wanted)))
    assert (action.new_document, action.language_id) == ("code.java", "java")
    assert action.opening == wanted
    proposal = translate.finish(action, "        return a + 1;\n    }\n}\n```")
    assert isinstance(proposal, Proposal)
    assert proposal.text == f"{wanted}        return a + 1;\n    }}\n}}\n"
    assert translate.with_file_name(action, "public class Adder {\n}").new_document == "Adder.java"
    for target in ("python", "cobol", ""):
        assert isinstance(translate.prepare(replace(inputs, target=target)), Nothing)


def test_written_tests_import_the_tested_names() -> None:
    action = as_action(write_tests.prepare(at(TWO, "def f(a):\n    return a + 1\n")))
    assert action.new_document == "test_code.py"
    assert action.opening == "from code import f\n"
    proposal = write_tests.finish(action, "\n\ndef test_f():\n    assert f(1) == 2\n```")
    assert isinstance(proposal, Proposal)
    assert proposal.text.startswith("from code import f\n\n\ndef test_f():")
    assert isinstance(write_tests.finish(action, "```"), Nothing)


def test_explanation_is_prose() -> None:
    action = as_action(explain.prepare(at(TWO, "return a + 1")))
    assert action.language_id == "markdown" and "return a + 1" in prompt_text(action)
    assert explain.finish(action, "\nIt adds one.\n") == Proposal("It adds one.\n")
    assert isinstance(explain.finish(action, " \n"), Nothing)


def test_stub_is_completed_and_keeps_its_signature() -> None:
    text = 'import re\n\n\ndef add(a: int, b: int) -> int:\n    """The sum."""\n    pass\n'
    action = as_action(generate.prepare(at(text, "pass")))
    assert action.opening == 'def add(a: int, b: int) -> int:\n    """The sum."""\n'
    got = result(action, generate.finish(action, "    return a + b\n```"))
    assert got == text.replace("pass", "return a + b")


def test_missing_body_is_generated() -> None:
    text = 'def add(a, b):\n    """The sum."""\n'
    action = as_action(generate.prepare(at(text, '"""\n')))
    got = result(action, generate.finish(action, "    return a + b\n"))
    assert got == text + "    return a + b\n"


def test_function_is_inserted_below_its_comment() -> None:
    text = "# a function add(a, b) that returns the sum\n"
    action = as_action(generate.prepare(at(text, "sum")))
    got = result(action, generate.finish(action, "def add(a, b):\n    return a + b\n```"))
    assert got == text + "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize(
    ("text", "language", "cursor", "answer"),
    [
        ('def add(a, b):\n    """The sum."""\n', "python", "sum", "    # Your code here\n"),
        ('def add(a, b):\n    """The sum."""\n', "python", "sum", "    pass\n"),
        ('def add(a, b):\n    """The sum."""\n    pass\n', "python", "pass", "    ...\n"),
        ("function add(a, b) {\n}\n", "javascript", "add", "  // TODO\n}\n"),
        ("# a function add(a, b), the sum\n", "python", "sum", "def add(a, b):\n    pass\n"),
    ],
)
def test_empty_function_is_refused(text: str, language: str, cursor: str, answer: str) -> None:
    action = as_action(generate.prepare(at(text, cursor, language)))
    assert generate.finish(action, f"{answer}```") == Nothing(
        Message("the model left the function empty")
    )


def test_nothing_is_generated_without_a_request() -> None:
    assert generate.prepare(at(TWO, "return a + 1")) == Nothing(generate.NO_INTENT)


def test_prompt_fits_the_model_context() -> None:
    small = replace(QWEN, context_length=300)
    inputs = replace(at(TWO * 20, "def f(a)", instruction="Add two"), model=small)
    assert isinstance(edit.prepare(inputs), Nothing)
