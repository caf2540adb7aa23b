from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cursor import place
from support.pieces import TEXTS, whole_lines

from tabwright.core.languages import LANGUAGES, by_id
from tabwright.core.syntax.excerpt import excerpt_around
from tabwright.core.syntax.functions import candidate_functions, functions
from tabwright.core.syntax.headers import FUNCTION_SYNTAX
from tabwright.core.syntax.parameters import Parameter, parse
from tabwright.core.syntax.signatures import Signature, signature_at

ROWS = [
    # language, text, name, parameters ("name:type"), result, stub
    ("python", "async def f(a, b: int = 2, *c, d=3, **e) -> list[int]:\n    ║pass\n", "f",
     ["a", "b:int", "*c", "d", "**e"], "list[int]", True),
    ("python", "def f(a: Callable[[int], str] = g(1, 2), /):║", "f",
     ["a:Callable[[int], str]"], "", True),
    ("python", "def f(a: int, b: =\n║", "f", ["a:int", "b:"], "", True),
    ("python", "def f[T](a: T) -> T: ║return a\n", "f", ["a:T"], "T", False),
    ("python", "def f():\n    '''Doc.'''\n    # later\n    raise NotImplementedError()║\n", "f",
     [], "", True),
    ("python", "def f():\n    yield║\n", "f", [], "", False),
    ("python", "def f():\n    def g(): pass\n    ║return g\n", "f", [], "", False),
    ("python", "def f():\n    def g(): pass║\n    return g\n", "g", [], "", True),
    ("javascript", "export default async function f(a, {b, c} = {}, ...d) {║}\n", "f",
     ["a", "{b, c}", "...d"], "", True),
    ("javascript", "const f = function (a) {\n║  return a;\n};\n", "f", ["a"], "", False),
    ("javascript", "const f = async a => a + 1;║\n", "f", ["a"], "", False),
    ("javascript", "class A {\n  static async f(a) {║\n  }\n}\n", "f", ["a"], "", True),
    ("javascript", "const o = {\n  f: (a) => {\n    ║\n  },\n};\n", "f", ["a"], "", True),
    ("javascript", "module.f = function (a) {\n  ║// TODO\n};\n", "module.f", ["a"], "", True),
    ("javascript", "if (f(a)) {\n  ║\n}\n", None, [], "", False),
    ("javascript", "it('works', () => {\n  ║\n});\n", None, [], "", False),
    ("typescript", "f(a: number, b?: Map<string, number>): Promise<void> {║\n}\n", "f",
     ["a:number", "b:Map<string, number>"], "Promise<void>", True),
    ("typescript", "function f(a: {x: number}): {y: number} {║\n  return {y: 1};\n}\n", "f",
     ["a:{x: number}"], "{y: number}", False),
    ("typescript", "const f = (a: number): ((b: number) => void) => {║};\n", "f",
     ["a:number"], "((b: number) => void)", True),
    ("java",
     "  @A\n  public final Map<String, Integer> f(final int a, String... b) throws E{║\n  }\n", "f",
     ["a:int", "b:String..."], "Map<String, Integer>", True),
    ("java", "public Cart(int size) {\n  ║this.size = size;\n}\n", "Cart", ["size:int"], "", False),
    ("java", "return add(a, b);║\n", None, [], "", False),
    ("c", "static int *f(const char *a, int b[3])\n{║\n}\n", "f", ["a:const char *", "b:int[3]"],
     "int *", True),
    ("c", "int f(void);║\n", None, [], "", False),
    ("cpp", "template <typename T>\nT f(const std::vector<T>& a) {║\n}\n", "f",
     ["a:const std::vector<T>&"], "T", True),
    ("cpp", "A::A(int a) : a_(a)\n{║\n}\n", "A::A", ["a:int"], "", True),
    ("cpp", "auto f(int a) -> int {║ return 1; }\n", "f", ["a:int"], "auto", False),
    ("csharp", "public async Task<int> F(int a = 1) => throw new NotImplementedException();║\n",
     "F", ["a:int"], "Task<int>", True),
    ("csharp", "T F<T>(T a) where T : class\n{║\n}\n", "F", ["a:T"], "T", True),
    ("go", "func (s *S) f(a, b int, c func(int) error) (int, error) {║\n}\n", "f",
     ["a:int", "b:int", "c:func(int) error"], "(int, error)", True),
    ("go", "func f() interface{} {║ return 1 }\n", "f", [], "interface{}", False),
    ("go", "func f[T any](a []T) {\n\tpanic(\"not implemented\")║\n}\n", "f", ["a:[]T"], "", True),
    ("rust",
     "pub async fn f<'a, T>(mut a: &'a str, b: Vec<T>) -> Option<T>\nwhere\n    T: C\n{║\n}\n", "f",
     ["a:&'a str", "b:Vec<T>"], "Option<T>", True),
    ("rust", "fn f() -> i32 {\n    unimplemented!()║\n}\n", "f", [], "i32", True),
    ("kotlin", "private suspend fun <T> List<T>.f(a: T, b: Int = 2): T? {║}\n", "f",
     ["a:T", "b:Int"], "T?", True),
    ("kotlin", "fun f(a: Int) = a + 1║\n", "f", ["a:Int"], "", False),
    ("swift", "func f(_ a: Int, to b: [String: Int] = [:]) async throws -> Int {║\n}\n", "f",
     ["a:Int", "b:[String: Int]"], "Int", True),
    ("php", "public static function f(int $a, ?B $b = null): ?int\n{║\n}\n", "f",
     ["$a:int", "$b:?B"], "?int", True),
    ("ruby", "def self.f(a, b = 1)\n  ║raise NotImplementedError\nend\n", "self.f",
     ["a", "b"], "", True),
    ("ruby", "def f a, b\n  ║a + b\nend\n", "f", ["a", "b"], "", False),
    ("lua", "local f = function(a, b)║\nend\n", "f", ["a", "b"], "", True),
    ("lua", "function M.f(a) ║return a end\n", "M.f", ["a"], "", False),
    ("shellscript", "f() {\n  :║\n}\n", "f", [], "", True),
    ("scala", "def f(a: Int): Int = ???║\n", "f", ["a:Int"], "Int", True),
    ("dart", "Future<int> f(int a) async {║\n}\n", "f", ["a:int"], "Future<int>", True),
    ("julia", "function f(a)\n║end\n", "f", ["a"], "", True),
    ("sql", "select f(a) {║}\n", None, [], "", False),
]  # fmt: skip


def written(parameter: Parameter) -> str:
    return f"{parameter.name}:{parameter.type}" if parameter.type else parameter.name


def at(marked: str, language: str) -> Signature | None:
    snapshot, offset = place(marked, language)
    return signature_at(snapshot.text, offset, language)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("language", "marked", "name", "parameters", "result", "stub"), ROWS)
def test_signature(
    language: str,
    marked: str,
    name: str | None,
    parameters: list[str],
    result: str,
    stub: bool,
    line_end: str,
) -> None:
    found = at(marked.replace("\n", line_end), language)
    if name is None:
        assert found is None
        return
    assert found is not None
    told = [written(one).removesuffix(":") for one in found.parameters]
    assert (found.name, told) == (name, [one.removesuffix(":") for one in parameters])
    assert (found.result, found.is_stub) == (result, stub)
    assert found.language_id == language


def test_every_language_of_the_table_has_a_case() -> None:
    tried = {language.removesuffix("react") for language, *_ in ROWS}
    assert {language.removesuffix("react") for language in FUNCTION_SYNTAX} <= tried


@pytest.mark.parametrize(
    ("marked", "language", "header", "body", "rest", "whole"),
    [
        (
            "@a\nasync def f(\n    b,\n):\n    '''D.'''\n    ║pass\n\nx = 1\n",
            "python",
            "async def f(\n    b,\n):\n",
            "    '''D.'''\n    pass\n",
            "    pass\n",
            "@a\nasync def f(\n    b,\n):\n    '''D.'''\n    pass\n",
        ),
        ("def f(): ║pass\nx = 1\n", "python", "def f(): pass\n", "", "", "def f(): pass\n"),
        (
            "function f()\n{\n  a();║\n  b();\n}\nc();\n",
            "php",
            "function f()\n{\n",
            "  a();\n  b();\n",
            "  a();\n  b();\n",
            "function f()\n{\n  a();\n  b();\n}\n",
        ),
        (
            "function f() {\n  a();║\n\nfunction g() {\n}\n",
            "javascript",
            "function f() {\n",
            "  a();\n",
            "  a();\n",
            "function f() {\n  a();\n",
        ),
    ],
)
def test_spans(marked: str, language: str, header: str, body: str, rest: str, whole: str) -> None:
    found = at(marked, language)
    assert found is not None
    text = marked.replace("║", "")
    spans = (found.header, found.body, found.rest, found.span)
    assert [text[span.start : span.end] for span in spans] == [header, body, rest, whole]


@pytest.mark.parametrize(
    ("marked", "language", "doc"),
    [
        ('def f():\n    """One.\n\n    Two.\n    """║\n', "python", "One.\n\nTwo."),
        ("# above\ndef f():\n    ║x = '''no'''\n", "python", ""),
        ("/** One. */\n@A\nint f() {║}\n", "java", "One."),
        ("// One.\n\nint f() {║}\n", "c", ""),
        ("/* One. */\n#include <a>\nint f() {║}\n", "c", "One."),
        ("/// One.\n#[inline]\nfn f() {║}\n", "rust", "One."),
    ],
)
def test_doc(marked: str, language: str, doc: str) -> None:
    found = at(marked, language)
    assert found is not None and found.doc == doc


@pytest.mark.parametrize(
    ("marked", "name"),
    [
        ("def f():\n    return 1\n║\nx = 1\n", None),
        ("def f():\n    return 1\n    ║\nx = 1\n", "f"),
        ("def f():\n\n║", "f"),
        ("def f():\n    '''D.'''\n║", "f"),
        ("║@a\ndef f():\n    pass\n", "f"),
        ("x = 1║\ndef f():\n    pass\n", None),
        ("class A:\n    x = 1║\n    def f(self): pass\n", None),
        ("def f():\n    x = '''\ndef g():\n'''║\n", "f"),
    ],
)
def test_function_at_the_cursor(marked: str, name: str | None) -> None:
    found = at(marked, "python")
    assert (found.name if found else None) == name


def test_decorators_and_async() -> None:
    found = at("@a.b(1)\n@c\nasync def f():║ ...\n", "python")
    assert found is not None
    assert (found.decorators, found.is_async) == (("@a.b(1)", "@c"), True)


def test_no_signature_on_a_too_long_line() -> None:
    assert signature_at("def f(): " + "x" * 10_000_000, 3, "python") is None


def test_parameters_that_do_not_parse_are_kept_as_text() -> None:
    assert parse("a, b = (1, 2), 'x, y'", "bare") == (
        Parameter("a"),
        Parameter("b"),
        Parameter("'x, y'"),
    )
    assert parse("int, string", "type last") == (Parameter("", "int"), Parameter("", "string"))


@given(text=TEXTS, language=st.sampled_from(sorted(LANGUAGES)), data=st.data())
def test_never_fails_and_spans_nest(text: str, language: str, data: st.DataObject) -> None:
    found = signature_at(text, data.draw(st.integers(0, len(text))), language)
    if found:
        spans = (found.header, found.body, found.rest, found.span)
        assert all(whole_lines(text, span) for span in spans)
        assert found.span.start <= found.header.start <= found.header.end <= found.body.start
        assert found.body.start <= found.rest.start <= found.rest.end == found.body.end
        assert found.body.end <= found.span.end


PYTHON_LINES = st.sampled_from(
    ["def f(a):", "def g(", "a, b):", "async def h():", "def i(): return 1", "x = 1", "", "@d",
     "'''", ")", "# def no():", "return f", "class C:"]
)  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(["", "    ", "\t", "        "]), PYTHON_LINES), max_size=12),
    st.integers(0, 300),
)
def test_candidates_include_every_function_at_the_offset(
    lines: list[tuple[str, str]], number: int
) -> None:
    text = "\n".join(indent + line for indent, line in lines)
    at = number % (len(text) + 1)
    excerpt = excerpt_around(text, at, by_id("python"), 10_000)
    assert excerpt is not None
    holding = [
        one
        for one in functions(excerpt)
        if one.start <= at <= one.end and one.start <= excerpt.line_end(at)
    ]
    found = list(candidate_functions(excerpt, at))
    assert [one for one in holding if at < one.end] == [
        one for one in found if one in holding and at < one.end
    ]
    assert holding[-1:] == [one for one in found if one in holding][-1:]
