"""Prompts that request code: the answer begins inside a fenced block and ends with it."""

from __future__ import annotations

from collections.abc import Sequence

from tabwright.assists.request import ActionRequest, fence
from tabwright.core.prompting.chat import SYSTEM, ChatMessage, chat, stop_texts
from tabwright.core.prompting.prompt import Prompt


def code_prompt(
    request: ActionRequest,
    question: str,
    language_id: str,
    opening: str = "",
    turns: Sequence[ChatMessage] = (),
) -> tuple[Prompt, tuple[str, ...]]:
    """Return the prompt that requests code in a language, and the stop texts.

    ``opening`` is code that the answer begins with; ``turns`` are the earlier messages.
    """
    family = request.model.family
    messages = [ChatMessage("system", SYSTEM), *turns, ChatMessage("user", question)]
    prompt = chat(family, messages, f"```{fence(language_id)}\n{opening}")
    return prompt, ("\n```", *stop_texts(family))
