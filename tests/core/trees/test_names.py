"""Names that nothing binds, in the languages that have a table."""

from __future__ import annotations

import pytest

from tabwright.core.trees.names import unbound
from tabwright.core.trees.tree import parse

CASES: tuple[tuple[str, str, list[str]], ...] = (
    ("javascript", "const a = 1;\nfunction f({ b }) { return a + b + bad(); }", ["bad"]),
    ("typescript", "import { a as b } from 'c';\nexport const d = (e: F) => b(e, bad);", ["bad"]),
    ("typescriptreact", "const A = ({ b }) => <div on={() => b(bad)}>{b}</div>;", ["bad"]),
    ("javascriptreact", "const A = () => <Missing />;", ["Missing"]),
    ("java", "class A { int f; void m(int a) { for (B b : c) { b.d(f, a); } } }", ["c"]),
    ("java", "class A extends B { void m() { use(inherited); } }", []),
    ("go",
     'package p\nimport "net/http"\nfunc f(a int) { b, err := http.Get(a); c(b, bad) }',
     ["bad"]),
    ("rust", "fn f(a: i32) -> i32 { if let Some(b) = c { b + a } else { d } }", ["c", "d"]),
    ("c", "int f(int a, char **b) { for (int i = 0; i < n; i++) a += b[i]; return a; }", ["n"]),
    ("cpp", "int f(const V &a) { auto [p, q] = g(); return p + q + a.b + bad; }", ["bad"]),
    ("csharp",
     "class A { void M(int a) { foreach (var b in items) { C(b, a, d => d.E); } } }",
     ["items"]),
    ("php",
     "<?php function f($a) { foreach ($a as $k => $v) { $c = $v; } return $c . $k . $bad; }",
     ["$bad"]),
    ("ruby",
     "class A\n  attr_reader :a\n  def f(b)\n    c = a + b\n    c + bad\n  end\nend\n",
     ["bad"]),
    ("kotlin", "fun f(a: Int) {\n  val (b, c) = g(a)\n  h(b, c, bad)\n}\n", ["bad"]),
    ("shellscript",
     'f() {\n  local a=1\n  read -r b\n  echo "$a ${b} $HOME $1 $bad"\n}\n',
     ["bad"]),
)  # fmt: skip


@pytest.mark.parametrize(("language", "text", "names"), CASES)
def test_unbound(language: str, text: str, names: list[str]) -> None:
    tree = parse(text, language)
    assert tree is not None and not tree.root.has_error
    assert [one.name for one in unbound(tree, 0, len(text))] == names


def test_a_name_of_another_function_is_not_bound() -> None:
    text = "function a() { const x = 1; }\nfunction b() { return x; }"
    tree = parse(text, "javascript")
    assert tree is not None
    (one,) = unbound(tree, 0, len(text))
    assert (one.name, one.offset, one.called) == ("x", text.rindex("x"), False)


def test_only_the_range_is_judged() -> None:
    text = "a(missing);\nb(lost);"
    tree = parse(text, "javascript")
    assert tree is not None
    assert [one.name for one in unbound(tree, 12, len(text))] == ["b", "lost"]
