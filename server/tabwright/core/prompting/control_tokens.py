"""Control tokens of all known model families, and how to keep them from acting in user text.

A remote engine takes the prompt as one string and parses control tokens in it. So a token in the
user's text is broken by a blank, which is removed again from the answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache, lru_cache

from tabwright.core.prompting.families import FAMILIES, PLAIN

_CHAT = (
    # Llama 2, Mistral, Codestral
    "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]",
    "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
    "[TOOL_CONTENT]", "[ARGS]", "[CALL_ID]", "[IMG]", "[IMG_BREAK]", "[IMG_END]", "[THINK]",
    "[/THINK]", "[MIDDLE]", "[PREFIX]", "[SUFFIX]",
    # Gemma
    "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<pad>", "<unk>", "<mask>",
    "<start_of_image>", "<end_of_image>", "<start_function_call>", "<end_function_call>",
    # Code Llama, StarCoder, SantaCoder and similar models
    "<PRE>", "<SUF>", "<MID>", "<EOT>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>",
    "<fim-prefix>", "<fim-middle>", "<fim-suffix>", "<fim-pad>", "<file_sep>", "<repo_name>",
    "<gh_stars>", "<issue_start>", "<issue_comment>", "<issue_closed>", "<jupyter_start>",
    "<jupyter_text>", "<jupyter_code>", "<jupyter_output>", "<empty_output>", "<commit_before>",
    "<commit_msg>", "<commit_after>", "<filename>", "<reponame>", "<pr>", "<pr_base>",
    # GLM, InternLM, Baichuan, Yi and others
    "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<eoh>", "<eoa>", "<eosys>", "<TOKENS_UNUSED_0>",
    "<reserved_106>", "<reserved_107>",
    # calls of tools, thoughts
    "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<tools>", "</tools>",
    "<function_call>", "</function_call>", "<think>", "</think>",
    # SentencePiece
    "<s>", "</s>",
)  # fmt: skip
# Tokens that are also ordinary text: a placeholder in a usage line, an HTML tag. They are broken in
# a prompt, but an answer is not cut there.
_ALSO_ORDINARY_TEXT = frozenset({
    "<s>", "</s>", "<filename>", "<reponame>", "<pr>", "<PRE>", "<mask>", "<pad>", "<tools>",
    "</tools>", "[PREFIX]", "[SUFFIX]", "[MIDDLE]", "[ARGS]", "[IMG]", "<unk>", "<repo_name>",
})  # fmt: skip
_SHAPE = r"<[|｜][^\s<>|｜]{1,60}[|｜]>"
CONTROL_TOKENS: frozenset[str] = frozenset(
    token.removeprefix("▁")
    for token in (*_CHAT, *(token for each in (*FAMILIES, PLAIN) for token in each.specials))
)
"""The control tokens known by their text; any text of the form ``<|name|>`` counts too."""


def _pattern(tokens: Collection[str]) -> re.Pattern[str]:
    """Return a pattern of the tokens grouped by their first two characters, for a quick search."""
    starts: dict[str, list[str]] = {}
    for token in sorted(tokens, key=lambda token: (-len(token), token)):
        starts.setdefault(token[:2], []).append(re.escape(token[2:]))
    by_first: dict[str, list[str]] = {}
    for start, rests in sorted(starts.items()):
        by_first.setdefault(start[0], []).append(f"{re.escape(start[1])}(?:{'|'.join(rests)})")
    return re.compile(
        "|".join((_SHAPE, *(f"{re.escape(a)}(?:{'|'.join(b)})" for a, b in by_first.items())))
    )


@cache
def _unambiguous() -> re.Pattern[str]:
    return _pattern(CONTROL_TOKENS - _ALSO_ORDINARY_TEXT)


_MAX_TOKEN_CHARS = 64


@lru_cache(maxsize=64)
def _any_of(specials: tuple[str, ...]) -> re.Pattern[str]:
    extra_tokens = frozenset(token.removeprefix("▁") for token in specials) - CONTROL_TOKENS
    return _pattern(CONTROL_TOKENS | extra_tokens) if extra_tokens or not specials else _any_of(())


def find_control_tokens(text: str, specials: tuple[str, ...] = ()) -> Iterator[re.Match[str]]:
    """Find the control tokens in a text, including a model's ``specials``."""
    return _any_of(specials).finditer(text)


def break_token(token: str) -> str:
    """Insert a blank after a token's first character, so that no tokenizer finds the token."""
    return f"{token[0]} {token[1:]}"


def break_control_tokens(text: str, specials: tuple[str, ...] = ()) -> str:
    """Return the text with all its control tokens broken (see ``break_token``)."""
    if "<" not in text and "[" not in text:
        return text
    return _any_of(specials).sub(lambda found: break_token(found[0]), text)


def control_start(text: str, known: str = "") -> int | None:
    """Return the offset of the first control token in a model's answer, None if there is none.

    ``known`` is the user's own text; tokens that occur in it do not count.
    """
    if "<" not in text and "[" not in text:
        return None
    found = (match for match in _unambiguous().finditer(text) if match[0] not in known)
    first = next(found, None)
    return first.start() if first is not None else None


def cut_at_control(text: str, known: str = "") -> str:
    """Return the answer before the first control token (see ``control_start``)."""
    return text[: control_start(text, known)]


def partial_token_start(text: str) -> int:
    """Return the offset of a control token that the text's end cuts off; the length if none."""
    for at in range(max(0, len(text) - _MAX_TOKEN_CHARS), len(text)):
        rest = text[at:]
        if rest[0] in "<[" and (_PARTIAL_TOKEN.fullmatch(rest) or rest in _TOKEN_STARTS):
            return at
    return len(text)


_PARTIAL_TOKEN = re.compile(r"<[|｜][^\s<>|｜]{0,60}[|｜]?")
_TOKEN_STARTS = frozenset(token[:size] for token in CONTROL_TOKENS for size in range(1, len(token)))
