"""Random texts and edits of the soak test; positions are counted strictly, by code of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random

Json = dict[str, object]
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_ENDS = "\r\n"

LANGUAGES = ("python", "python", "python", "javascript", "typescript", "rust", "markdown", "json")
_CODE = (
    "import os\nimport sys\n\n\n",
    "def mean(values: list[float]) -> float:\n    return sum(values) / len(values)\n\n\n",
    "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):\n"
    "        self.items.append(item)\n\n",
    "def fib(n):\n    # TODO: return the nth Fibonacci number\n    pass\n\n\n",
    'def area(r):\n    """Return the area of a circle."""\n    ...\n\n',
    "for index in range(10):\n    print(index, os.path.join('a', str(index)))\n",
    "function total(prices) {\n  let sum = 0;\n  for (const p of prices) { sum += p; }\n}\n",
    'fn main() {\n    let x: i32 = 5;\n    println!("{}", x);\n}\n',
    "# A heading\n\nSome *words*, a [link](x) and `code`.\n\n- one\n- two\n",
    '{"name": "x", "list": [1, 2, {"a": null}], "text": "\\u00e9"}\n',
    "    \n\n\t\n",
    "x = 'grüße 🙂 日本語 e\u0301 \U0001f469\u200d\U0001f4bb'\n",
    "a = 1\r\nb = 2\r\n\rc = 3\r",
    "s = 'line\u2028separator\u2029paragraph\x0bvt\x0cff\x85nel'\n",
    "(((((((((([[[[[[{{{{{{'\"`\n",
    "\x00\x01\x1b[31m\ufeff\ufffd\n",
)
_PIECES = (
    *("a", "b", "_", "0", " ", "    ", "\n", "\r\n", "\r", ".", "(", ")", ":", "=", ", ", '"', "'"),
    *("🙂", "é", "e\u0301", "日本", "\u2028", "\U0001f469\u200d\U0001f4bb", "\t", "\x00", "\ud800"),
    *("return ", "def f(x):\n    ", "self.", "import ", "# TODO\n", "for x in ", '"""', "lambda: "),
)


def random_text(random: Random, most: int = 14) -> str:
    """A document of some hundred to some thousand characters."""
    return "".join(random.choice(_CODE) for _ in range(random.randint(0, most)))


def random_piece(random: Random) -> str:
    """What somebody types or pastes at once."""
    if random.random() < 0.05:
        return random_text(random, 3)
    return "".join(random.choice(_PIECES) for _ in range(random.randint(0, 4)))


def units(text: str, encoding: str) -> int:
    """The length of a text in the units of a position encoding."""
    if encoding == "utf-32":
        return len(text)
    width = "utf-8" if encoding == "utf-8" else "utf-16-le"
    raw = text.encode(width, "surrogatepass")
    return len(raw) if encoding == "utf-8" else len(raw) // 2


def snapped(text: str, at: int) -> int:
    """The offset, or the one before it between CR and LF, where no position is."""
    inside = 0 < at < len(text) and text[at - 1] == "\r" and text[at] == "\n"
    return at - 1 if inside else at


def position(text: str, offset: int, encoding: str) -> Json:
    """The position of an offset; one between CR and LF is the end of its line."""
    offset = snapped(text, offset)
    line, start = 0, 0
    for found in _LINE.finditer(text):
        if found.end() > offset or not found[0].endswith(("\n", "\r")):
            break
        line, start = line + 1, found.end()
    return {"line": line, "character": units(text[start:offset], encoding)}


def offset(text: str, where: object, encoding: str) -> int:
    """The offset of a position. Raises ValueError for one that is not in the text."""
    if not isinstance(where, Mapping):
        raise ValueError("no position")
    line, character = where.get("line"), where.get("character")
    if not isinstance(line, int) or not isinstance(character, int) or min(line, character) < 0:
        raise ValueError(f"a position of another shape: {where}")
    lines = [found[0] for found in _LINE.finditer(text)]
    if not lines or lines[-1].endswith(("\n", "\r")):
        lines.append("")
    if line >= len(lines):
        raise ValueError(f"line {line} of {len(lines)}")
    content, counted = lines[line].rstrip(_ENDS), 0
    start = sum(map(len, lines[:line]))
    for index, char in enumerate(content):
        if counted == character:
            return start + index
        counted += units(char, encoding)
        if counted > character:
            raise ValueError(f"character {character} is inside of a character of line {line}")
    if counted == character:
        return start + len(content)
    raise ValueError(f"character {character} of {counted} in line {line}")


def span(text: str, where: object, encoding: str) -> tuple[int, int]:
    """The offsets of a range. Raises ValueError for one that is not in the text."""
    if not isinstance(where, Mapping):
        raise ValueError("no range")
    start, end = (offset(text, where.get(name), encoding) for name in ("start", "end"))
    if end < start:
        raise ValueError("a range that ends before it begins")
    return start, end


def apply(text: str, edits: Sequence[object], encoding: str) -> str:
    """The text with edits. Raises ValueError where one is out of range or two overlap."""
    found = []
    for edit in edits:
        if not isinstance(edit, Mapping) or not isinstance(edit.get("newText"), str):
            raise ValueError("an edit of another shape")
        found.append((*span(text, edit.get("range"), encoding), str(edit["newText"])))
    found.sort(key=lambda each: each[:2])
    for before, after in pairwise(found):
        if after[0] < before[1]:
            raise ValueError("two edits overlap")
    for start, end, new in reversed(found):
        text = text[:start] + new + text[end:]
    return text
