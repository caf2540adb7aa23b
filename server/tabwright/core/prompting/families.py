"""The model families: their special tokens for infilling, and the order of the prompt."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum


class Slot(Enum):
    """A place in a layout for the user's text."""

    PREFIX = "prefix"
    SUFFIX = "suffix"


@dataclass(frozen=True)
class Family:
    """The infill prompt format of one family of models.

    ``layout`` is the prompt's order: special tokens as text and the two slots. ``marks`` are
    special tokens that distinguish this family from others with the same infill tokens.
    ``file_separator`` begins each file of a prompt with several; None if the family has none.
    ``names`` are parts of remote model names.
    """

    name: str
    layout: tuple[str | Slot, ...]
    stop_tokens: tuple[str, ...] = ()
    file_separator: str | None = None
    marker_tokens: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """The layout's special tokens, in order."""
        return tuple(item for item in self.layout if isinstance(item, str))

    @property
    def infills(self) -> bool:
        """Whether the prompt contains the text after the cursor."""
        return Slot.SUFFIX in self.layout

    @property
    def specials(self) -> tuple[str, ...]:
        """All special tokens of the family; the user's text must not produce one."""
        return tuple(dict.fromkeys((*self.tokens, *self.stop_tokens, *self.marker_tokens)))


PLAIN = Family("plain", (Slot.PREFIX,), ("<|endoftext|>", "</s>"))


def _spm(prefix: str, suffix: str, middle: str) -> tuple[str | Slot, ...]:
    # The suffix-prefix-middle order of arXiv 2207.14255, with the prefix token in front; the models
    # below were trained on it together with prefix-suffix-middle. The suffix comes first so that
    # typing keeps the computed part of the prompt.
    return (prefix, suffix, Slot.SUFFIX, middle, Slot.PREFIX)


_PIPED = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
_CHAT = ("<|im_start|>", "<|im_end|>")
_STAR = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
_SANTA = ("<fim-prefix>", "<fim-suffix>", "<fim-middle>")
_DEEPSEEK = ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>")

# The most specific first: a model belongs to the first family all of whose tokens it has.
FAMILIES: tuple[Family, ...] = (
    Family(
        "qwen2.5-coder",
        _spm(*_PIPED),
        ("<|endoftext|>", *_PIPED, "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", *_CHAT),
        "<|file_sep|>",
        ("<|file_sep|>",),
        ("qwen", "codeqwen"),
    ),
    Family(
        "codegemma",
        _spm(*_PIPED),
        (*_PIPED, "<|file_separator|>", "<eos>"),
        "<|file_separator|>",
        ("<|file_separator|>",),
        ("codegemma",),
    ),
    Family(
        "granite-4",
        _spm(*_PIPED),
        ("<|end_of_text|>", *_PIPED, "<|fim_pad|>", "<|filename|>", "<|reponame|>"),
        None,
        ("<|filename|>",),
        ("granite-3.", "granite3.", "granite-4", "granite4"),
    ),
    Family(
        "starcoder2",
        _spm(*_STAR),
        ("<|endoftext|>", *_STAR, "<fim_pad>", "<file_sep>", "<repo_name>"),
        "<file_sep>",
        ("<file_sep>",),
        ("starcoder2",),
    ),
    Family(
        "granite",
        _spm(*_STAR),
        ("<|endoftext|>", *_STAR, "<fim_pad>", "<filename>", "<reponame>"),
        None,
        ("<filename>",),
        ("granite", "starcoder", "starcoderbase", "tiny_starcoder", "stable-code"),
    ),
    Family("star", _spm(*_STAR), ("<|endoftext|>", *_STAR, "<fim_pad>")),
    Family("piped", _spm(*_PIPED), ("<|endoftext|>", *_PIPED, "<|fim_pad|>")),
    Family("santacoder", _spm(*_SANTA), ("<|endoftext|>", *_SANTA), names=("santacoder",)),
    Family(
        "codellama",
        _spm("▁<PRE>", "▁<SUF>", "▁<MID>"),
        ("</s>", "▁<EOT>", "▁<PRE>", "▁<SUF>", "▁<MID>"),
        names=("codellama", "code-llama"),
    ),
    Family(
        "deepseek-coder",
        (_DEEPSEEK[0], Slot.PREFIX, _DEEPSEEK[1], Slot.SUFFIX, _DEEPSEEK[2]),
        ("<｜end▁of▁sentence｜>", *_DEEPSEEK),
        names=("deepseek-coder", "deepseek"),
    ),
    Family(
        "codestral",
        ("[SUFFIX]", Slot.SUFFIX, "[PREFIX]", Slot.PREFIX),
        ("</s>", "[SUFFIX]", "[PREFIX]", "[MIDDLE]"),
        names=("codestral",),
    ),
)


def family_of(special_tokens: Collection[str]) -> Family:
    """Return the family whose infill tokens a tokenizer has; PLAIN (prefix only) if none fits."""
    known = set(special_tokens)
    # SentencePiece writes a leading blank as ▁, which some tokenizers omit in the token's name.
    known |= {"▁" + token for token in special_tokens if token in ("<PRE>", "<SUF>", "<MID>")}
    for family in FAMILIES:
        if known.issuperset((*family.tokens, *family.marker_tokens)):
            return family
    return PLAIN


def family_by_name(model_name: str) -> Family:
    """Return the family by a remote model's name, by the longest match; PLAIN if unknown."""
    name = model_name.lower().rsplit("/", 1)[-1]
    found = [(len(key), family) for family in FAMILIES for key in family.names if key in name]
    return max(found, key=lambda pair: pair[0])[1] if found else PLAIN
