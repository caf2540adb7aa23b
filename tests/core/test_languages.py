from __future__ import annotations

import pytest

from tabwright.core.languages import LANGUAGES, PLAIN, by_id, by_path, canonical_id


@pytest.mark.parametrize(
    ("path", "language_id"),
    [
        ("a.py", "python"),
        ("src/deep/App.TSX", "typescriptreact"),
        ("C:\\code\\Main.java", "java"),
        ("Dockerfile", "dockerfile"),
        ("Makefile", "makefile"),
        ("analysis.R", "r"),
        (".env", "plaintext"),
        ("README", "plaintext"),
        ("", "plaintext"),
    ],
)
def test_by_path(path: str, language_id: str) -> None:
    assert by_path(path).id == language_id


def test_unknown_ids_are_plain_text() -> None:
    assert by_id("klingon") is PLAIN
    assert by_id("python").line_comment == "#"


def test_the_table_is_consistent() -> None:
    for language_id, language in LANGUAGES.items():
        assert language.id == language_id
        assert all(end.startswith(".") for end in language.extensions)
        assert len(set(language.quotes)) == len(language.quotes)


@pytest.mark.parametrize(
    ("language_id", "path", "found"),
    [
        ("sh", "", "shellscript"),
        ("bash", "", "shellscript"),
        ("cs", "", "csharp"),
        ("c-sharp", "", "csharp"),
        ("c++", "", "cpp"),
        ("tsx", "", "typescriptreact"),
        ("javascript.jsx", "", "javascriptreact"),
        ("Python", "", "python"),
        ("javascript", "/a/b.jsx", "javascript"),
        ("", "/a/b.dart", "dart"),
        ("plaintext", "/a/b.go", "go"),
        ("nobody-knows", "/a/Dockerfile", "dockerfile"),
        ("nobody-knows", "/a/b.nothing", "nobody-knows"),
        ("plaintext", "/a/b.txt", "plaintext"),
    ],
)
def test_aliases_and_endings_name_the_language(language_id: str, path: str, found: str) -> None:
    assert canonical_id(language_id, path) == found
    assert by_id(found).id == (found if found in LANGUAGES else PLAIN.id)
