"""Build the infill prompt of a model family from a window of text."""

from __future__ import annotations

from dataclasses import dataclass

from tabwright.core.languages import by_id
from tabwright.core.prompting.context import Document, Window
from tabwright.core.prompting.control_tokens import break_control_tokens
from tabwright.core.prompting.families import (
    FAMILIES,
    PLAIN,
    Family,
    Slot,
    family_by_name,
    family_of,
)
from tabwright.core.text import scrub_surrogates, unix_line_ends

__all__ = [
    "FAMILIES",
    "PLAIN",
    "Family",
    "Part",
    "Prompt",
    "Slot",
    "Token",
    "family_by_name",
    "family_of",
    "infill",
]


@dataclass(frozen=True)
class Token:
    """One special token, given by its text, such as ``<|fim_prefix|>``."""

    text: str


Part = str | Token


@dataclass(frozen=True)
class Prompt:
    """Text and special tokens in order; ``specials`` are texts that only a Token may represent."""

    parts: tuple[Part, ...]
    specials: tuple[str, ...] = ()

    def flat(self) -> str:
        """Return the prompt as one string, for engines that parse special tokens in it.

        Control tokens of any family in the user's text are broken, so that they have no effect.
        """
        pieces: list[str] = []
        for part in self.parts:
            if isinstance(part, Token):
                pieces.append(part.text.replace("▁<", " <") if pieces else part.text.lstrip("▁"))
            else:
                # SentencePiece models were trained with a blank before the prefix (Code Llama).
                blank = " " if pieces and pieces[-1] == " <MID>" else ""
                pieces.append(blank + break_control_tokens(part, self.specials))
        return "".join(pieces)


def infill(family: Family, window: Window, *, path: str, language_id: str) -> Prompt:
    """Return the prompt for the text between the window's prefix and suffix.

    Snippets of other files come first, because they stay the same while the user types: after file
    separators if the family has them, else as comments. Surrogates are replaced, line ends become
    ``\\n``.
    """
    texts = {Slot.PREFIX: _clean(window.prefix), Slot.SUFFIX: _clean(window.suffix)}
    head: list[Part] = []
    if window.snippets and family.file_separator and family.infills:
        separator = Token(family.file_separator)
        for snippet in window.snippets:
            head += [separator, f"{_clean(snippet.path)}\n{_clean(snippet.text).rstrip()}\n"]
        head += [separator, f"{_clean(path)}\n"]
    elif window.snippets:
        texts[Slot.PREFIX] = _as_comments(window.snippets, language_id) + texts[Slot.PREFIX]
    body: list[Part] = [
        texts[item] if isinstance(item, Slot) else Token(item) for item in family.layout
    ]
    return Prompt(tuple(part for part in head + body if part != ""), family.specials)


def _clean(text: str) -> str:
    return unix_line_ends(scrub_surrogates(text))


def _as_comments(snippets: tuple[Document, ...], language_id: str) -> str:
    language = by_id(language_id)
    sign, end = language.line_comment, ""
    if not sign:
        sign, end = language.block_comment or ("", "")
    if not sign:
        return ""
    lines: list[str] = []
    for snippet in snippets:
        lines.append(f"{snippet.path}:")
        lines += [line for line in _clean(snippet.text).split("\n") if line.strip()]
    return "".join(f"{sign} {line} {end}".rstrip() + "\n" for line in lines) + "\n"
