"""The tokens by which models tell instructions from text, of every family we know.

In text of the user's, and in what a model writes, they are text: a remote engine takes one string
and finds such tokens in it itself, so there they are broken by a blank, which is taken out again of
what comes back.
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
    # Code Llama, StarCoder, SantaCoder and their kin
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
# What is also ordinary text: a placeholder in a usage line, a tag of HTML. In a prompt they are
# broken all the same; an answer that has one is not cut there.
_ALSO_ORDINARY_TEXT = frozenset({
    "<s>", "</s>", "<filename>", "<reponame>", "<pr>", "<PRE>", "<mask>", "<pad>", "<tools>",
    "</tools>", "[PREFIX]", "[SUFFIX]", "[MIDDLE]", "[ARGS]", "[IMG]", "<unk>", "<repo_name>",
})  # fmt: skip
_SHAPE = r"<[|｜][^\s<>|｜]{1,60}[|｜]>"
CONTROL_TOKENS: frozenset[str] = frozenset(
    token.removeprefix("▁")
    for token in (*_CHAT, *(token for each in (*FAMILIES, PLAIN) for token in each.specials))
)
"""Every control token that we know by its text; those of the shape ``<|name|>`` count besides."""


def _pattern(tokens: Collection[str]) -> re.Pattern[str]:
    """The tokens sorted by their first two characters, so that a search mostly looks at those."""
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
    """The control tokens in a text, ``specials`` of a model among them."""
    return _any_of(specials).finditer(text)


def break_token(token: str) -> str:
    """A token with a blank behind its first character, so that no tokenizer finds it."""
    return f"{token[0]} {token[1:]}"


def break_control_tokens(text: str, specials: tuple[str, ...] = ()) -> str:
    """The text with all its control tokens broken."""
    if "<" not in text and "[" not in text:
        return text
    return _any_of(specials).sub(lambda found: break_token(found[0]), text)


def control_start(text: str, known: str = "") -> int | None:
    """Where the first control token begins that a model wrote, None where there is none.

    ``known`` is the user's own text: a token that stands there is one that he works with.
    """
    if "<" not in text and "[" not in text:
        return None
    found = (match for match in _unambiguous().finditer(text) if match[0] not in known)
    first = next(found, None)
    return first.start() if first is not None else None


def cut_at_control(text: str, known: str = "") -> str:
    """What a model wrote before the first control token (see ``control_start``)."""
    return text[: control_start(text, known)]


def partial_token_start(text: str) -> int:
    """Where a control token begins that the text's end may cut off; its length where none does."""
    for at in range(max(0, len(text) - _MAX_TOKEN_CHARS), len(text)):
        rest = text[at:]
        if rest[0] in "<[" and (_PARTIAL_TOKEN.fullmatch(rest) or rest in _TOKEN_STARTS):
            return at
    return len(text)


_PARTIAL_TOKEN = re.compile(r"<[|｜][^\s<>|｜]{0,60}[|｜]?")
_TOKEN_STARTS = frozenset(token[:size] for token in CONTROL_TOKENS for size in range(1, len(token)))
