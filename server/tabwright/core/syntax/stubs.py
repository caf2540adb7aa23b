"""Recognize placeholder bodies: ``pass``, ``raise NotImplementedError``, ``todo!()`` and so on."""

from __future__ import annotations

import re

_UNWRITTEN = (
    r"(?i:not[ _-]?(?:yet[ _-]?)?(?:been[ _-])?implement|unimplement|todo|implement|未实现)"
)
_SAYS = rf"[^\n;]{{0,200}}?{_UNWRITTEN}[^\n;]{{0,200}}"
_PLACEHOLDERS = {
    "python": r"pass|\.\.\.|raise NotImplementedError(?:\([^\n]*\))?|(?:return\s++)?NotImplemented",
    "ruby": rf"raise\s++NotImplementedError[^\n]*|raise\s*+\(?{_SAYS}",
    "lua": rf"error\s*+\(?{_SAYS}",
    "julia": rf"error\s*+\({_SAYS}",
    "shellscript": r":|true",
    "rust": r"(?:todo|unimplemented)!\s*+[({\[][^\n]*[)}\]]",
    "go": rf"panic\({_SAYS}\)",
    "swift": r"fatalError\([^\n]*\)|preconditionFailure\([^\n]*\)",
    "kotlin": rf"TODO\([^\n]*\)|throw\s++(?:NotImplemented|UnsupportedOperation)\w+\([^\n]*\)"
    rf"|error\({_SAYS}\)",
    "scala": r"\?\?\?|throw new NotImplementedError\([^\n]*\)",
}
_BRACES = (
    r"throw\s++(?:new\s++)?[\w:.]*(?:NotImplemented|UnsupportedOperation|Unimplemented)\w*[({][^\n]*[)}]"
    rf"|throw\s++(?:new\s++)?[\w:.]+\s*+\({_SAYS}\)|assert\s*+\(?\s*+(?:false|0)\s*+(?:&&{_SAYS})?\)?"
)
_SHAPES = {language: re.compile(words) for language, words in _PLACEHOLDERS.items()}
_OTHERS = re.compile(_BRACES)
_LONGEST = 1_000


def is_placeholder(code: str, language_id: str) -> bool:
    """Whether a body without its comments and docstring does nothing yet."""
    code = code.strip()
    if len(code) > _LONGEST:
        return False
    shape = _SHAPES.get(language_id, _OTHERS)
    lines = [bare for line in code.split("\n") if (bare := line.strip().rstrip("; "))]
    return all(map(shape.fullmatch, lines)) or bool(shape.fullmatch(" ".join(lines)))
