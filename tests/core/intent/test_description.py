from __future__ import annotations

import json

import pytest
from hypothesis import given
from support.pieces import TEXTS

from tabwright.core.intent.comment_requests import (
    is_explicit_request,
    is_todo,
    may_be_request,
    request_text,
)
from tabwright.core.intent.description import constraints, parse_docstring
from tabwright.core.intent.examples import examples


@pytest.mark.parametrize(
    ("text", "name", "parameters", "result"),
    [
        ("Write a function `add(a, b)` that returns the sum. Fast.", "add", "a, b", "the sum"),
        (
            "write a function add that takes two integers a and b and returns their sum",
            "add",
            "a integers, b integers",
            "their sum",
        ),
        ("a function that takes a list of ints", "", " list of ints", ""),
        ("def add(a: int, b: int = 2) -> int:", "add", "a int, b int", "int"),
        ("fn add(a: i32) -> Vec<i32> {", "add", "a i32", "Vec<i32>"),
        ("function add(int a, int b)", "add", "a int, b int", ""),
        ("add(a, b) returns the sum", "add", "a, b", "the sum"),
        ("a helper called parse with parameters line, mode.", "parse", "line, mode", ""),
        ("the function `fib` gives the n-th Fibonacci number", "fib", "", ""),
        ("Implement a class Stack with push and pop", "Stack", "", ""),
        ("a function that sorts", "", "", ""),
        ("sort the list and call done(1)", "", "", ""),
        ("写一个函数 add, 参数 a 和 b, 返回它们的和", "add", "a, b", "它们的和"),
        ("定义一个名为 fib 的函数，接受整数 n", "fib", "n 整数", ""),
        ("实现 qsort 函数，接收一个列表，返回新列表", "qsort", " 列表", "新列表"),
        ("生成一个函数 is_prime(n)，判断 n 是否为素数", "is_prime", "n", ""),
        (":param int a: one\n:param b: two\n:return: the sum", "", "a int, b", "the sum"),
        ("@param {number} a - one\n@returns {string} it", "", "a number", "string: it"),
        ("Args:\n    a (int): one\n        b: no\n    c: two\n", "", "a int, c", ""),
        ("Parameters\n----------\na : int\n    one\n\nReturns\n-------\nstr", "", "a int", "str"),
    ],
)  # fmt: skip
def test_parsed_parts(text: str, name: str, parameters: str, result: str) -> None:
    found = parse_docstring(text)
    shown = [f"{one.name} {one.type}" if one.type else one.name for one in found.parameters]
    assert (found.name, ", ".join(shown), found.result) == (name, parameters, result)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("f(2) -> 4, f(3) -> 9", [("f(2)", "4"), ("f(3)", "9")]),
        ("e.g. f(2) returns 4.", [("f(2)", "4")]),
        ("例如 f(2) 返回 4。", [("f(2)", "4")]),
        ("f([1, 2]) 应返回 [2, 1]，f([]) 返回 []", [("f([1, 2])", "[2, 1]"), ("f([])", "[]")]),
        ("`a.f(1)` should return `'x, y'`", [("a.f(1)", "'x, y'")]),
        ("* f((1,2)) => (3, 4); g", [("f((1,2))", "(3, 4)")]),
        ('f("a)") == "b"', [('f("a)")', '"b"')]),
        ("f(1) ==> Node(1, [2])", [("f(1)", "Node(1, [2])")]),
        ("f(1) = 2", [("f(1)", "2")]),
        ("f(1) = 2 + 3", []),
        ("f(a, b) returns 4", []),
        ("f(n) -> f(n - 1)", []),
        ("f(1) returns the sum", []),
        (">>> f(1)\n2\n>>> f(\n...   3)\n[1,\n 2]\n\n3", [("f(1)", "2"), ("f(\n  3)", "[1,\n 2]")]),
        (">>> x = [1]\n>>> f(x)\n[1]", [("x = [1]\nf(x)", "[1]")]),
        (">>> f(1) == 2\n>>> f(2) == 3  # three", [("f(1)", "2"), ("f(2)", "3")]),
        (">>> f(1)", []),
        ("For a = [1, 2], b = 3 the output should be 10.", [("f([1, 2], 3)", "10")]),
        ("Input: [4, 2]\nOutput: [2, 1]", [("f([4, 2])", "[2, 1]")]),
        ("for all inputs the output should be 10", []),
    ],
)  # fmt: skip
def test_examples(text: str, found: list[tuple[str, str]]) -> None:
    assert examples(text, "f") == tuple(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Sorts. Must be stable, i.e. keep order.", ["Must be stable, i.e. keep order."]),
        ("- in O(n log n)\n- any order\n- without sorted()", ["in O(n log n)", "without sorted()"]),
        ("求和。不要使用循环；必须快。", ["不要使用循环；", "必须快。"]),
        ("Adds two numbers.", []),
    ],
)
def test_constraints(text: str, found: list[str]) -> None:
    assert constraints(text) == tuple(found)


@pytest.mark.parametrize(
    ("text", "todo", "explicit", "may"),
    [
        ("TODO: sort", True, True, True),
        ("FIXME(ann): this", True, True, True),
        ("待办：排序", True, True, True),
        ("please write a parser", False, True, True),
        ("实现一个栈", False, True, True),
        ("a function that sorts", False, True, True),
        ("Adds two numbers together", False, False, True),
        ("Helpers", False, False, False),
        ("total = price * 2", False, False, False),
        ("foo.bar(1)", False, False, False),
        ("----- a long heading -----", False, False, False),
        ("noqa: some rule here", False, False, False),
        ("eslint-disable next line please", False, False, False),
        ("Copyright 2020 by some people", False, False, False),
        ("", False, False, False),
    ],
)
def test_comment_requests(text: str, todo: bool, explicit: bool, may: bool) -> None:
    assert (is_todo(text), is_explicit_request(text), may_be_request(text)) == (todo, explicit, may)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("TODO(ann): sort it\nnow", "sort it\nnow"),
        ("TODO", ""),
        ("---------\nSort it\n---------", "Sort it"),
        ("todos are sorted", "todos are sorted"),
        ("待实现：排序", "排序"),
    ],
)
def test_request_text_without_markers(text: str, clean: str) -> None:
    assert request_text(text) == clean


@given(text=TEXTS)
def test_never_fails(text: str) -> None:
    found = parse_docstring(text, "f")
    assert json.dumps([found.name, found.result, found.examples, found.constraints])
    assert all(call and result for call, result in found.examples)
    assert len(request_text(text)) <= len(text)
