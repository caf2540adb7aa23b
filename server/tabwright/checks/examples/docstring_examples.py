"""Read the examples in docstrings of changed Python functions, as calls and expected results."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabwright.checks.lines import line_of
from tabwright.core.syntax.python_parse import tree_of
from tabwright.core.text import Span

if TYPE_CHECKING:
    import doctest

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_MAX_EXAMPLES = 50
_LONGEST_LINE = 500
_LONGEST_DOCSTRING = 8_000
_ARROW = re.compile(
    r"\s*+[`\"']?\s*+(?:=+>|-+>|➞|→|⇒|==|=(?!=)"
    r"|(?:should|must|will)\s++(?:return|give|be|equal)|returns?|gives?|yields|evaluates\s++to)\s*+`?"
)
# Text before a call that makes it part of something larger: an operator, a bracket, a "not".
_PART_OF_MORE = re.compile(
    r"(?:[+\-*/%=<>|&^~(\[{@]|\)\s*+,|\b(?:not|of|than|unlike|to|never))\s*+$", re.IGNORECASE
)
_BULLET = re.compile(r"\s*+[*+\-•]\s++$")
# After a value: the end, punctuation, or a word that begins an explanation.
_AFTER_VALUE = re.compile(
    r"\s*+(?:$|[.,;:`#)]|//|--|—|\((?!\))|(?:because|since|as|for|and|but|if|while|where|not)\b)"
)
# "For n = 3 the result should be 6" is matched in three parts, to keep the time linear.
_FOR = re.compile(r"\bfor\s++(?P<given>\w++\s*+=)", re.IGNORECASE)
_THE = re.compile(r"(?<!\s)\s++the\b", re.IGNORECASE)
_SHOULD_BE = re.compile(r"\bshould\s++be:?\s++(?=\S)", re.IGNORECASE)
_INPUT = re.compile(r"\s*+input\s*+:\s*+(?P<given>\S.*)", re.IGNORECASE)
_OUTPUT = re.compile(r"\s*+output\s*+:\s*+(?P<want>\S.*)", re.IGNORECASE)
_CONSTANTS = {"true": "True", "false": "False", "null": "None", "none": "None"}


@dataclass(frozen=True)
class Example:
    """One example of a function.

    ``call`` is the code to run and ``want`` the expected result: where ``printed``, the text that
    an interactive session shows ("" when the docstring shows none), else an expression of equal
    value. Examples of one function run in order and share variables. ``line`` counts from 1.
    """

    function: str
    call: str
    want: str
    printed: bool
    line: int


def examples_of(source: str, changed: Span) -> list[Example]:
    """Return the examples of every function that ``changed`` touches; none without a parse."""
    tree = tree_of(source)
    if tree is None:
        return []
    first = line_of(source, changed.start)
    last = line_of(source, max(changed.start, changed.end - 1))
    known = {*dir(builtins), *_bound_names(tree)}
    found: list[Example] = []
    for name, function, is_method in _functions(tree, "", False):
        start = min((one.lineno for one in function.decorator_list), default=function.lineno)
        if start <= last and first <= (function.end_lineno or start):
            found += _examples_of_function(name, function, is_method, known)
    return found[:_MAX_EXAMPLES]


def _functions(node: ast.AST, prefix: str, in_class: bool) -> Iterator[tuple[str, _Function, bool]]:
    """Yield functions and methods at module level and in classes, not those in functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function):
            yield prefix + child.name, child, in_class
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.", True)
        elif isinstance(child, ast.If | ast.Try):
            yield from _functions(child, prefix, in_class)


def _bound_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, _Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _examples_of_function(
    name: str, function: _Function, is_method: bool, known: set[str]
) -> list[Example]:
    docstring = ast.get_docstring(function, clean=False)
    if not docstring:
        return []
    line = function.body[0].lineno
    sessions = _doctest_examples(name, docstring, line)
    if sessions or is_method:
        return sessions
    sentence = _ProseExamples(function, known)
    return [
        Example(name, call, want, False, line + number)
        for number, call, want in sentence.examples(docstring)
    ]


def _doctest_examples(name: str, docstring: str, line: int) -> list[Example]:
    # It imports a debugger and a test framework, so it is imported only when needed.
    import doctest

    try:
        found = doctest.DocTestParser().get_examples(docstring)
    except ValueError:
        return []
    return [
        _doctest_example(name, one.source.strip(), one.want.removesuffix("\n"), line + one.lineno)
        for one in found
        if not one.options.get(doctest.SKIP) and not _has_result_on_call_line(one)
    ]


def _doctest_example(name: str, call: str, want: str, line: int) -> Example:
    """Return an example of a session; ``>>> f(1) == 2`` without output must be true."""
    node = _parse_expression(call)
    if not want and isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
        return Example(name, call, "True", False, line)
    return Example(name, call, want, True, line)


def _has_result_on_call_line(example: doctest.Example) -> bool:
    """Whether the result is on the same line as the call: ``>>> f(1) [2]``."""
    node = _parse_expression(example.source.strip())
    return not example.want and isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call)


@dataclass(frozen=True)
class _ProseExamples:
    """Reads examples written as prose: ``f(1, 2) ➞ 3``, "for n = 3 the result should be 6"."""

    function: _Function
    known: set[str]

    def examples(self, docstring: str) -> Iterator[tuple[int, str, str]]:
        """Yield the line (from 0), the call and the expected value of each example."""
        given = ""
        for number, full_line in enumerate(docstring[:_LONGEST_DOCSTRING].splitlines()):
            line = full_line[:_LONGEST_LINE]
            for call, rest in self._calls(line):
                want = self._value(rest)
                if want:
                    yield number, call, want
            input_line, output_line, sentence = (
                _INPUT.match(line),
                _OUTPUT.match(line),
                _sentence_example(line),
            )
            if sentence:
                yield from self._pair(number, *sentence)
            elif input_line:
                given = input_line["given"].rstrip()
            elif output_line and given:
                yield from self._pair(number, given, output_line["want"].rstrip())
                given = ""

    def _calls(self, line: str) -> Iterator[tuple[str, str]]:
        """Yield the calls that an arrow follows, with the text after the arrow."""
        for start in _call_of(self.function.name).finditer(line):
            head = line[: start.start()]
            call = self._call(line[start.start() :])
            if call is None or (_PART_OF_MORE.search(head) and not _BULLET.fullmatch(head)):
                continue
            rest = line[start.start() + len(call) :]
            arrow = _ARROW.match(rest)
            if arrow:
                yield call, rest[arrow.end() :]

    def _call(self, text: str) -> str | None:
        """Return the call that the text begins with; None if it uses unknown names."""
        for close in re.finditer(r"\)", text):
            node = _parse_expression(text[: close.end()])
            if isinstance(node, ast.Call):
                return text[: close.end()] if self._is_known(node) else None
        return None

    def _pair(self, number: int, given: str, want: str) -> Iterator[tuple[int, str, str]]:
        """Yield an example from "a = 1, b = 2" or bare arguments, if its names are parameters."""
        call = f"{self.function.name}({given.rstrip('.,;')})"
        node = _parse_expression(call)
        value = self._value(want)
        if not isinstance(node, ast.Call) or not value or not self._is_known(node):
            return
        arguments = self.function.args
        names = {one.arg for one in (*arguments.args, *arguments.kwonlyargs)}
        if all(keyword.arg in names for keyword in node.keywords):
            yield number, call, value

    def _value(self, text: str) -> str:
        """Return the text if it is an expression, else the literal at its start; "" for neither."""
        text = text.strip().rstrip(".,;`").strip()
        text = _CONSTANTS.get(text, text)
        full_line = _parse_expression(text)
        if full_line is not None and self._is_value(full_line):
            return text
        for end in range(len(text) - 1, 0, -1):
            if _AFTER_VALUE.match(text, end) and _is_literal(text[:end]):
                return _CONSTANTS.get(text[:end].strip(), text[:end].strip())
        return ""

    def _is_value(self, node: ast.expr) -> bool:
        """Whether an expression can be a result: no condition, no bare name of a type."""
        called = {id(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}
        bare = {
            one.id for one in ast.walk(node) if isinstance(one, ast.Name) and id(one) not in called
        }
        condition = isinstance(node, ast.BoolOp | ast.Compare | ast.IfExp | ast.Lambda)
        recursive = any(
            isinstance(one, ast.Name) and one.id == self.function.name for one in ast.walk(node)
        )
        return (
            self._is_known(node) and not (condition or recursive) and not bare & set(dir(builtins))
        )

    def _is_known(self, node: ast.expr) -> bool:
        names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        return names <= self.known


def _call_of(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.]){re.escape(name)}\(")


def _sentence_example(line: str) -> tuple[str, str] | None:
    """Split "for a = 1, the sum should be 2" into its arguments and its expected value."""
    start = _FOR.search(line)
    subject = _THE.search(line, start.end() + 1) if start else None
    result = _SHOULD_BE.search(line, subject.end()) if subject else None
    if start is None or subject is None or result is None:
        return None
    given = line[start.start("given") : subject.start()]
    return given.removesuffix(",").rstrip(), line[result.end() :]


def _parse_expression(text: str) -> ast.expr | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_literal(text: str) -> bool:
    text = _CONSTANTS.get(text.strip(), text.strip())
    if text.endswith(","):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return False
    return True
