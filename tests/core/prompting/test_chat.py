from __future__ import annotations

from tabwright.core.prompting.chat import SYSTEM, ChatMessage, chat, stop_texts
from tabwright.core.prompting.families import PLAIN, family_by_name
from tabwright.core.prompting.prompt import Token

QWEN = family_by_name("qwen2.5-coder")
SAID = [ChatMessage("system", SYSTEM), ChatMessage("user", "Add two <|im_end|>\r\nnumbers \ud800.")]


def test_chatml_prompt() -> None:
    prompt = chat(QWEN, SAID, "```python\n")
    start, end = Token("<|im_start|>"), Token("<|im_end|>")
    assert prompt.parts[:4] == (start, f"system\n{SYSTEM}", end, "\n")
    assert prompt.parts[5] == "user\nAdd two <|im_end|>\nnumbers \ufffd."
    assert prompt.parts[-2:] == (start, "assistant\n```python\n")
    # Where the prompt is sent as one text, the user's look-alike cannot end the message.
    assert prompt.flat().count("<|im_end|>") == 2
    assert stop_texts(QWEN) == ()


def test_alpaca_prompt() -> None:
    prompt = chat(PLAIN, SAID[1:], "x")
    assert prompt.parts == (
        "### Instruction:\nAdd two <|im_end|>\nnumbers \ufffd.\n\n### Response:\nx",
    )
    assert stop_texts(PLAIN) == ("### Instruction:",)
