from __future__ import annotations

import pytest
from bench.lib.parse_errors import errors, is_judged


@pytest.mark.parametrize(
    ("language_id", "right", "wrong"),
    [
        ("python", "def f():\n    return 1\n", "def f():\nreturn 1\n"),
        ("python", "%load_ext x\n!ls\na = 1\n", "%load_ext x\na = (1\n"),
        ("javascript", "if (a) {\n  b();\n}\n", "if (a) {\n  b();\n"),
        ("go", "package a\n\nfunc f() {\n\tg()\n}\n", "package a\n\nfunc f() {\n\tg()\n}}\n"),
        ("html", "<p>a<br></p>\n<ul><li>b</ul>\n", "<main><p>a</main>\n"),
        ("html", "<p>a</p>\n", "<p>a</p>\n</div>\n"),
        ("vue", "<template>\n<p>{{ a }}</p>\n</template>\n", "<template>\n<p>\n</template>\n"),
        ("xml", "<a><b/></a>\n", "<a><b></a>\n"),
        ("yaml", "a:\n  b: 1\n", "a:\n  b: 1\n c: 2\n"),
        ("shellscript", "if a; then\n  b\nfi\n", "if a; then\n  b\n"),
        ("json", '{"a": [1]}\n', '{"a": [1}\n'),
    ],
)
def test_what_does_not_parse_is_counted(language_id: str, right: str, wrong: str) -> None:
    if not is_judged(language_id):
        pytest.skip(f"the grammar of {language_id} is not installed")
    assert errors(right, language_id) == 0
    assert (errors(wrong, language_id) or 0) > 0


def test_what_cannot_be_judged_is_unknown() -> None:
    assert errors("anything (", "no-such-language") is None
