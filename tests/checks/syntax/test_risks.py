from __future__ import annotations

import pytest
from support.edits import at, edit

from tabwright.checks.lines import diff_texts
from tabwright.checks.syntax import risks, suppressions


@pytest.mark.parametrize(
    ("language_id", "line", "words"),
    [
        ("javascript", "eval(text);", "runs text as code with eval"),
        ("javascript", "retrieval(text);", ""),
        ("javascript", "// eval(text);", ""),
        ("javascript", "require('child_process').exec(command);", "can run other programs"),
        ("typescript", "node.innerHTML = text;", "writes HTML unescaped"),
        ("typescript", "if (node.innerHTML == text) f();", ""),
        ("typescript", "const apiKey = 'sk-123456';", "contains a password or a key"),
        ("typescript", "const apiKey = process.env.KEY;", ""),
        ("c", 'system("ls");', "runs a shell command"),
        ("c", "file_system(1);", ""),
        ("c", "strcpy(a, b);", "may write past a buffer"),
        ("c", "snprintf(a, 3, b);", ""),
        ("cpp", "std::system(x);", "runs a shell command"),
        ("cpp", "gets(a);", "may write past a buffer"),
        ("cpp", "fgets(a, 3, f);", ""),
        ("cpp", "events.gets(a);", ""),
        ("java", "Runtime.getRuntime().exec(x);", "runs another program"),
        ("go", 'exec.Command("ls")', "runs another program"),
        ("rust", "unsafe { f() }", "uses unsafe code"),
        ("csharp", "Process.Start(x);", "runs another program"),
        ("shellscript", 'eval "$x"', "runs text as code with eval"),
        ("shellscript", "curl -s https://x | sh", "runs what it downloads"),
        ("shellscript", "rm -rf build", "deletes whole folders"),
        ("kotlin", "f()", ""),
    ],
)
def test_risky_lines(language_id: str, line: str, words: str) -> None:
    def found(before: str, after: str) -> list[tuple[str, int]]:
        faults = risks.check(edit(before, after, language_id), diff_texts(before, after))
        assert all(fault.kind == "risk" for fault in faults)
        return [(fault.message, fault.line) for fault in faults]

    assert found("a\n", f"a\n{line}\n") == ([(words, 2)] if words else [])
    assert found(f"a\n{line}\n", f"b\n{line}\n") == []
    assert found(f"{line}\n", f"  {line}\n") == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("x = f(y)\n", "x = f(y)  # type: ignore\n", "# type: ignore"),
        ("x = f(y)\n", "x = f(y)  # noqa: F821\n", "# noqa"),
        ("x = f(y)\n", "# pylint: disable=all\nx = f(y)\n", "# pylint: disable"),
        ("x = f(y)\n", "// @ts-ignore\nx = f(y)\n", "@ts-ignore"),
        ("x = f(y)\n", "/* eslint-disable */\nx = f(y)\n", "eslint-disable"),
        ("x = f(y)  # noqa\n", "x = f(z)  # noqa\n", ""),
        ("x = f(y)\n", "x = f(z)\n", ""),
    ],
)
def test_suppressing_comments(before: str, after: str, words: str) -> None:
    candidate = edit(before, after, "python", at(before, "y", "Pyright"))
    found = suppressions.check(candidate, diff_texts(before, after))
    expected = [f"the error is only suppressed ({words})"] if words else []
    assert [fault.message for fault in found] == expected
    assert suppressions.check(edit(before, after), diff_texts(before, after)) == ()
