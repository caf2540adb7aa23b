"""From a conversation to the prompt an instructed model understands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tabwright.core.prompting.families import Family
from tabwright.core.prompting.prompt import Part, Prompt, Token
from tabwright.core.text import scrub_surrogates, unix_line_ends

SYSTEM = "You are a careful programmer. You answer with code in one fenced block and nothing else."
_HEADING = re.compile(r"^### (?=(?:Instruction|Response|Input|System):)", re.MULTILINE)
_START, _END = "<|im_start|>", "<|im_end|>"


@dataclass(frozen=True)
class ChatMessage:
    """What one side says; the text holds no special tokens, whatever it looks like."""

    role: Literal["system", "user", "assistant"]
    text: str


def chat(family: Family, messages: Sequence[ChatMessage], opening: str = "") -> Prompt:
    """The prompt whose continuation is the assistant's next message, begun with ``opening``.

    ChatML where the family has its tokens (Qwen); else the instruction format of Alpaca, which
    most instructed models without tokens of their own were shown.
    """
    if _START in family.specials and _END in family.specials:
        return Prompt(tuple(_chatml(messages, opening)), family.specials)
    return Prompt((_alpaca(messages, opening),), family.specials)


def stop_texts(family: Family) -> tuple[str, ...]:
    """The texts that end an answer where its model writes its end as text."""
    return () if _START in family.specials else ("### Instruction:",)


def _chatml(messages: Sequence[ChatMessage], opening: str) -> list[Part]:
    parts: list[Part] = []
    for message in messages:
        parts += [Token(_START), f"{message.role}\n{_clean(message.text)}", Token(_END), "\n"]
    return [*parts, Token(_START), f"assistant\n{_clean(opening)}"]


def _alpaca(messages: Sequence[ChatMessage], opening: str) -> str:
    headings = {"system": "", "user": "### Instruction:\n", "assistant": "### Response:\n"}
    sections = [
        f"{headings[message.role]}{_without_headings(message.text)}\n\n" for message in messages
    ]
    return "".join(sections) + headings["assistant"] + _clean(opening)


def _without_headings(text: str) -> str:
    """The text without what would begin another message."""
    return _HEADING.sub("# ## ", _clean(text))


def _clean(text: str) -> str:
    return unix_line_ends(scrub_surrogates(text))
