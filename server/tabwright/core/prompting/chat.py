"""Build the prompt of an instruction-tuned model from a conversation."""

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
    """One message of a conversation; its text is never parsed for special tokens."""

    role: Literal["system", "user", "assistant"]
    text: str


def chat(family: Family, messages: Sequence[ChatMessage], opening: str = "") -> Prompt:
    """Return the prompt for the assistant's next message, which begins with ``opening``.

    ChatML if the family has its tokens (Qwen); else the instruction format of Alpaca, on which most
    instruction-tuned models without such tokens were trained.
    """
    if _START in family.specials and _END in family.specials:
        return Prompt(tuple(_chatml(messages, opening)), family.specials)
    return Prompt((_alpaca(messages, opening),), family.specials)


def stop_texts(family: Family) -> tuple[str, ...]:
    """Return the stop texts of a family that has no end token for chat."""
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
    """Return the text with headings that would begin another message made harmless."""
    return _HEADING.sub("# ## ", _clean(text))


def _clean(text: str) -> str:
    return unix_line_ends(scrub_surrogates(text))
