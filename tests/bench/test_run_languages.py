from __future__ import annotations

import pytest
from bench.lib import language_frames, run_languages
from support import checkout  # noqa: F401

JS = "console.assert(f(1) === 2);"
JAVA = (
    "public class Main { public static void main(String[] args) {"
    " if (new Solution().f(1) != 2) throw new AssertionError(); } }"
)
CPP = "#undef NDEBUG\n#include<assert.h>\nint main(){\n assert (f(1) == 2);\n}\n"


def lacks(language: str) -> pytest.MarkDecorator:
    missing = run_languages.missing(language)
    return pytest.mark.skipif(bool(missing), reason=f"{missing} not installed")


@lacks("javascript")
@pytest.mark.parametrize(
    ("answer", "passed", "detail"),
    [
        ("const f = (a) => a + 1;", True, ""),
        ("export const F = (a) => a + 1;\nexport default F;", True, ""),
        ("function f(a) { return a + 1 }\nmodule.exports = { f };", True, ""),
        ("const f = (a) => a;", False, "assertion failed"),
        ("const f = (a) => { process.exit(0) };", False, "ended early"),
        ("const g = (a) => a + 1;", False, "f is not defined"),
        ("const f = (a) => {", False, "SyntaxError"),
        ("const f = () => { for (const x = [];;) x.push('x'.repeat(1e6) + x.length) };", False, ""),
    ],
)  # fmt: skip
def test_javascript(answer: str, passed: bool, detail: str) -> None:
    program = language_frames.program("javascript", answer, ("f",), JS)
    verdict = run_languages.run("javascript", program)
    assert verdict.passed is passed and detail in verdict.detail


@lacks("java")
@pytest.mark.parametrize(
    ("answer", "passed", "detail"),
    [
        ("class Solution { public int f(int a) { return a + 1; } }", True, ""),
        ("package x;\nimport java.util.Map;\npublic final class Main {\n // class Other\n"
         " static int f(int a) { return a + 1; }\n public static void main(String[] a) {} }",
         True, ""),
        ("static int F(int a) { return a + 1; }", True, ""),
        ("class Pair {} class Calc { int f(int a) { return a + 1; } }", True, ""),
        ("class Solution { int f(int a) { return a; } }", False, "AssertionError"),
        ("class Solution { String f(int a) { return \"2\"; } }", False, "does not compile"),
        ("class Solution { int f(int a) { System.exit(0); return 2; } }", False, "ended early"),
    ],
)  # fmt: skip
def test_java(answer: str, passed: bool, detail: str) -> None:
    verdict = run_languages.run("java", language_frames.program("java", answer, ("f",), JAVA))
    assert verdict.passed is passed and detail in verdict.detail


@lacks("cpp")
@pytest.mark.parametrize(
    ("answer", "passed", "detail"),
    [
        ("int f(int a) { return a + 1; }\nint main() { return 1; }", True, ""),
        ("int f(int a) { return a; }", False, "Assertion"),
        ("int f(int a) { exit(0); }", False, "ended early"),
        ("string f(int a) { return a }", False, "does not compile"),
    ],
)
def test_cpp(answer: str, passed: bool, detail: str) -> None:
    verdict = run_languages.run("cpp", language_frames.program("cpp", answer, ("f",), CPP))
    assert verdict.passed is passed and detail in verdict.detail


@pytest.mark.parametrize(
    ("code", "names", "after"),
    [
        ("int has_it(int a); // has_it", ("hasIt",), "int hasIt(int a); // hasIt"),
        # What is there under its name already is left, and so is what only resembles it.
        ("hasIt = 1; has_it = 2", ("hasIt",), "hasIt = 1; has_it = 2"),
        ("has_its = 2", ("hasIt",), "has_its = 2"),
        ("a_b(); c_d()", ("aB", "cD"), "aB(); cD()"),
    ],
)
def test_spelling_is_put_right(code: str, names: tuple[str, ...], after: str) -> None:
    assert language_frames.renamed(code, names) == after
