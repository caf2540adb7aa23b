"""Recognize placeholder bodies: ``pass``, ``raise NotImplementedError``, ``todo!()`` and so on."""

from __future__ import annotations

import re

_NOT_IMPLEMENTED = (
    r"(?i:not[ _-]?(?:yet[ _-]?)?(?:been[ _-])?implement|unimplement|todo|implement|未实现)"
)
_MENTIONS_NOT_IMPLEMENTED = rf"[^\n;]{{0,200}}?{_NOT_IMPLEMENTED}[^\n;]{{0,200}}"
_PLACEHOLDERS = {
    "python": r"pass|\.\.\.|raise NotImplementedError(?:\([^\n]*\))?|(?:return\s++)?NotImplemented",
    "ruby": rf"raise\s++NotImplementedError[^\n]*|raise\s*+\(?{_MENTIONS_NOT_IMPLEMENTED}",
    "lua": rf"error\s*+\(?{_MENTIONS_NOT_IMPLEMENTED}",
    "julia": rf"error\s*+\({_MENTIONS_NOT_IMPLEMENTED}",
    "shellscript": r":|true",
    "rust": r"(?:todo|unimplemented)!\s*+[({\[][^\n]*[)}\]]",
    "go": rf"panic\({_MENTIONS_NOT_IMPLEMENTED}\)",
    "swift": r"fatalError\([^\n]*\)|preconditionFailure\([^\n]*\)",
    "kotlin": rf"TODO\([^\n]*\)|throw\s++(?:NotImplemented|UnsupportedOperation)\w+\([^\n]*\)"
    rf"|error\({_MENTIONS_NOT_IMPLEMENTED}\)",
    "scala": r"\?\?\?|throw new NotImplementedError\([^\n]*\)",
}
_BRACE_LANGUAGE_PLACEHOLDERS = (
    r"throw\s++(?:new\s++)?[\w:.]*(?:NotImplemented|UnsupportedOperation|Unimplemented)\w*[({][^\n]*[)}]"
    rf"|throw\s++(?:new\s++)?[\w:.]+\s*+\({_MENTIONS_NOT_IMPLEMENTED}\)|assert\s*+\(?\s*+(?:false|0)\s*+(?:&&{_MENTIONS_NOT_IMPLEMENTED})?\)?"
)
_PATTERNS = {language: re.compile(alternatives) for language, alternatives in _PLACEHOLDERS.items()}
_DEFAULT_PATTERN = re.compile(_BRACE_LANGUAGE_PLACEHOLDERS)
_LONGEST = 1_000


def is_placeholder(code: str, language_id: str) -> bool:
    """Tell whether a body, without comments and docstring, is empty or only a placeholder."""
    code = code.strip()
    if len(code) > _LONGEST:
        return False
    pattern = _PATTERNS.get(language_id, _DEFAULT_PATTERN)
    lines = [stripped for line in code.split("\n") if (stripped := line.strip().rstrip("; "))]
    return all(map(pattern.fullmatch, lines)) or bool(pattern.fullmatch(" ".join(lines)))
