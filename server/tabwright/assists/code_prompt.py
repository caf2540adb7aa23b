"""A question for code as a prompt: the answer begins inside a fence, and ends with it."""

from __future__ import annotations

from collections.abc import Sequence

from tabwright.assists.request import ActionRequest, fence
from tabwright.core.prompting.chat import SYSTEM, ChatMessage, chat, stops
from tabwright.core.prompting.prompt import Prompt


def for_code(
    request: ActionRequest,
    question: str,
    language_id: str,
    opening: str = "",
    turns: Sequence[ChatMessage] = (),
) -> tuple[Prompt, tuple[str, ...]]:
    """The prompt that asks for code in a language, and the texts that end the answer.

    ``opening`` is code that the answer begins with; ``turns`` are what was said before.
    """
    family = request.model.family
    messages = [ChatMessage("system", SYSTEM), *turns, ChatMessage("user", question)]
    prompt = chat(family, messages, f"```{fence(language_id)}\n{opening}")
    return prompt, ("\n```", *stops(family))
