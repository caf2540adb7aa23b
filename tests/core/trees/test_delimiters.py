"""What an answer leaves open, and the closers that make the file parse again, in every language."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from support.cursor import at_cursor

from tabwright.core.trees.delimiters import (
    closing_text,
    extra_closers,
    missing_closers,
    open_at,
)
from tabwright.core.trees.errors import fits
from tabwright.core.trees.tree import SyntaxTree, parse


@dataclass(frozen=True)
class Case:
    """A file with a cursor, what is inserted there, and the closers that it needs after that."""

    language: str
    file: str
    answer: str
    closers: str
    ending: str = ""


def case(language: str, file: str, answer: str, closers: str, ending: str = "") -> Case:
    return Case(language, file, answer, closers, ending)


CASES = (
    case("go", "func f() {\n\ta()\n\t║\n}\n", "if b {\n\t\treturn", "\n\t}"),
    case("typescript", "class A {\n  ║\n\n}\n", "b(): void {\n    c();", "\n  }"),
    case("java", "class A {\n    ║\n}\n", "int b() {\n        return 1;", "\n    }"),
    case("csharp", "class A {\n    ║\n}\n", "int B() {\n        return 1;", "\n    }"),
    case("javascript", "d('a', () => {\n  ║\n});\n", "it('b', () => {\n    c();", "\n  })"),
    case("rust", "impl A {\n    ║\n}\n", "fn a() {\n        match b {", "\n        }\n    }"),
    case("c", "int a(void) {\n  ║\n}\n", "if (b) {\n    c();", "\n  }"),
    case("cpp", "namespace n {\n║\n}\n", "class A {\n public:\n  int b;", "\n}"),
    case("kotlin", "class A {\n    ║\n}\n", "fun b() {\n        c()", "\n    }"),
    case("swift", "struct A {\n    ║\n}\n", "func b() {\n        c()", "\n    }"),
    case("scala", "class A {\n  ║\n}\n", "def b(): Int = {\n    1", "\n  }"),
    case("dart", "class A {\n  ║\n}\n", "int b() {\n    return 1;", "\n  }"),
    case("php", "<?php\nclass A {\n  ║\n}\n", "function b() {\n    c();", "\n  }"),
    case(
        "php",
        "<?php\nfunction a() {\n  ║\n}\n",
        "b(function () {\n    return 1;",
        "\n  });",
        ";",
    ),
    case("ruby", "class A\n  def a\n    ║\n  end\nend\n", "if b\n      c", "\n    end"),
    case("lua", "function a()\n  ║\nend\n", "if b then\n    c()", "\n  end"),
    case("shellscript", "f() {\n  ║\n}\n", "if a; then\n    b", "\n  fi"),
    case("shellscript", "f() {\n  ║\n}\n", "for a in b; do\n    c", "\n  done"),
    case("css", "a {\n  b: c;\n}\n║\n", "d {\n  e: f;", "\n}"),
    case("scss", "a {\n  ║\n}\n", "b {\n    c: d;", "\n  }"),
    case("json", '{\n  "a": 1,\n  ║\n}\n', '"b": {\n    "c": [1', "]\n  }"),
    case("python", "def a():\n    ║\n\nb()\n", "c = d(\n        1,", "\n    )"),
    case("xml", "<a>\n  ║\n</a>\n", "<b>\n    <c>d</c>", "\n  </b>"),
    case("html", "<main>\n  ║\n</main>\n", "<ul>\n    <li>a", "</li>\n  </ul>"),
    case("vue", "<template>\n  ║\n</template>\n", "<div>\n    <br>", "\n  </div>"),
    case("svelte", "<ul>\n  ║\n</ul>\n", "{#each a as b}\n    <li>{b}</li>", "\n  {/each}"),
    case("javascriptreact", "a = (\n  <p>\n    ║\n  </p>\n);\n", "<b>\n      {c}", "\n    </b>"),
    case("typescriptreact", "a = (\n  <p>\n    ║\n  </p>\n);\n", "<b>\n      c", "\n    </b>"),
)


def insert(tree: SyntaxTree, at: int, text: str) -> SyntaxTree:
    found = tree.with_edit(at, at, text)
    assert found is not None
    return found


@pytest.mark.parametrize("one", CASES, ids=lambda one: f"{one.language}: {one.answer[:20]}")
def test_what_an_answer_opens_gets_its_closers(one: Case) -> None:
    text, at = at_cursor(one.file)
    before = parse(text, one.language)
    assert before is not None
    after = insert(before, at, one.answer)
    end = at + len(one.answer)
    assert not fits(before, after, at, end)
    openers = missing_closers(before, after, at, end)
    endings = ("", one.ending) if one.ending else ("",)
    assert one.closers in [closing_text(openers, ending) for ending in endings]
    closers = one.closers + (";" if one.language == "cpp" else "")
    closed = insert(after, end, closers)
    assert fits(before, closed, at, end + len(closers))
    assert missing_closers(before, closed, at, end + len(closers)) == ()


REPEATS: tuple[tuple[str, str, str, list[str]], ...] = (
    ("c", "int a(void) {\n  ║\n}\n", "b();\n}", ["}"]),
    ("java", "class A {\n  void a() {\n    ║\n  }\n}\n", "b();\n  }\n}", ["}", "}"]),
    ("html", "<main>\n  ║\n</main>\n", "<p>a</p>\n</main>", ["</main>"]),
    ("ruby", "def a\n  ║\nend\n", "b\nend", ["end"]),
    ("javascript", "a(║);\n", "b)", [")"]),
    ("go", "func f() {\n\t║\n}\n", "a()", []),
)


@pytest.mark.parametrize(("language", "file", "answer", "extra"), REPEATS)
def test_closers_that_stand_below_already_are_extra(
    language: str, file: str, answer: str, extra: list[str]
) -> None:
    text, at = at_cursor(file)
    before = parse(text, language)
    assert before is not None
    after = insert(before, at, answer)
    end = at + len(answer)
    assert [one.text for one in extra_closers(before, after, at, end)] == extra
    assert fits(before, after, at, end) is not bool(extra)


OPEN: tuple[tuple[str, str, list[tuple[str, int]]], ...] = (
    ("javascript", "a(() => {\n  b[║]\n});", [("(", 17), ("{", 16), ("[", 14)]),
    ("javascript", "a('(', /[(]/, `${b║}`)", [("(", 20), ("${", 18)]),
    ("html", "<p>a<br>║</p>", [("<p>", 8)]),
    ("java", "class A { // {\n  ║\n}", [("{", 18)]),
    ("ruby", "x = 1 if y\n║", []),
)


@pytest.mark.parametrize(("language", "file", "found"), OPEN)
def test_open_at_tells_where_each_is_closed(
    language: str, file: str, found: list[tuple[str, int]]
) -> None:
    text, at = at_cursor(file)
    tree = parse(text, language)
    assert tree is not None
    assert [(one.opener.text, one.closed_at) for one in open_at(tree, at)] == found


def test_closers_that_an_answer_replaced_are_missing() -> None:
    text, at = at_cursor("function T() {\n  effect(║)\n}\n")
    before = parse(text, "javascript")
    assert before is not None
    answer = "() => {\n    a();"
    after = before.with_edit(at, at + 1, answer)
    assert after is not None
    end = at + len(answer)
    closers = closing_text(missing_closers(before, after, at, end))
    assert closers == "\n  })"
    assert fits(before, insert(after, end, closers), at, end + len(closers))
