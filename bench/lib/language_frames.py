"""Frames an answer in JavaScript, Java or C++ so that a set's tests can call it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_CPP_HEAD = """\
#include <algorithm>
#include <cassert>
#include <cctype>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <numeric>
#include <queue>
#include <set>
#include <sstream>
#include <stack>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>
using namespace std;
"""
_JAVA_HEAD = "import java.util.*;\nimport java.util.stream.*;\nimport java.lang.*;\n"
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")
_IMPORT = re.compile(r"^[ \t]*import\s+(?:static\s+)?[\w.]+(?:\.\*)?;[ \t]*\n?", re.MULTILINE)
_PACKAGE = re.compile(r"^[ \t]*package\s+[\w.]+;", re.MULTILINE)
_EXPORT = re.compile(
    r"^export\s+(?:default\s+)?(?=(?:async\s+)?(?:function|const|let|var|class)\b)"
)
_EXPORT_LIST = re.compile(r"^export\s*(?:default\s+\w+\s*;?|\{[^}]*\}\s*;?)[ \t]*$", re.MULTILINE)


def program(language: str, answer: str, names: tuple[str, ...], test: str) -> str:
    """An answer as a program: its functions under the ``names`` the tests call, and the tests.

    Only spelling is forgiven (``has_close`` for ``hasClose``) and the frame around the functions
    (includes, class); types are not.
    """
    return _FRAMES[language](renamed(answer, names), names, test)


def renamed(code: str, names: tuple[str, ...]) -> str:
    """The code with names that differ from wanted ones in case and underscores only, put right.

    A name that the code has already is left, and so is what resembles it.
    """
    words = dict.fromkeys(_WORD.findall(code))
    for name in names:
        like = [word for word in words if _plain(word) == _plain(name)]
        if name in words or not like:
            continue
        code = re.sub(rf"\b{re.escape(like[0])}\b", name, code)
    return code


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _javascript_frame(answer: str, names: tuple[str, ...], test: str) -> str:
    plain = _EXPORT_LIST.sub("", answer)
    return "\n".join((*(_EXPORT.sub("", line) for line in plain.splitlines()), test))


def _java_frame(answer: str, names: tuple[str, ...], test: str) -> str:
    imports = "".join(found.strip() + "\n" for found in _IMPORT.findall(answer))
    body = _PACKAGE.sub("", _IMPORT.sub("", answer))
    classes = list(re.finditer(r"\bclass\s+(\w+)", _without_comments(body)))
    if not classes:
        body = f"class Solution {{\n{body}\n}}"
    elif not any(found[1] == "Solution" for found in classes):
        # The class whose text holds the function that is wanted; the last name is that one.
        at = re.search(rf"\b{re.escape(names[-1])}\s*\(", _without_comments(body))
        before = [found[1] for found in classes if at and found.start() < at.start()]
        holder = before[-1] if before else classes[0][1]
        body = re.sub(rf"\b{holder}\b", "Solution", body)
    body = re.sub(r"\bpublic\s+((?:(?:final|abstract)\s+)*class\b)", r"\1", body)
    return f"{_JAVA_HEAD}{imports}{body}\n{test}"


def _without_comments(code: str) -> str:
    """The code with comments blanked out, offsets kept."""

    def blank(found: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", found[0])

    return re.sub(r"/\*.*?\*/|//[^\n]*", blank, code, flags=re.DOTALL)


def _cpp_frame(answer: str, names: tuple[str, ...], test: str) -> str:
    # An answer may come with a main of its own, as the tests do.
    own_main = f"#define main answer_main\n{answer}\n#undef main" if "main" in answer else answer
    return f"{_CPP_HEAD}{own_main}\n{test}"


_FRAMES: Mapping[str, Callable[[str, tuple[str, ...], str], str]] = {
    "javascript": _javascript_frame,
    "java": _java_frame,
    "cpp": _cpp_frame,
}
