"""Convert text to token ids and back, exact to the byte; user text never gives a special token."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

# Characters tokenized in one call. A call of this length takes about 50 ms, and the tokenizer holds
# the GIL.
_PIECE = 8_192
_COARSE_PIECE = 65_536  # the same for a tokenizer whose ids change when a text is cut


@dataclass(frozen=True)
class Part:
    """A part of a prompt: plain text, or one special token given by its text."""

    text: str
    special: bool = False


class Vocabulary:
    """The tokenizer of one model, with the bytes of each token."""

    def __init__(self, tokenizer: Tokenizer, bos: str | None = None) -> None:
        self._tokenizer = tokenizer
        self.special = {
            token.content: number for number, token in tokenizer.get_added_tokens_decoder().items()
        }
        self.special_ids = frozenset(self.special.values())
        # Some tokenizers have runs of blanks as added tokens; these are text.
        self._control_ids = frozenset(
            number for name, number in self.special.items() if name.strip(" \t\r\n▁")
        )
        self._bos = [self.special[bos]] if bos in self.special and _adds_bos(tokenizer) else []
        self._special_pattern = _names_pattern(self.special) if self.special else None

    @classmethod
    def load(cls, folder: Path) -> Vocabulary:
        """Read tokenizer.json and tokenizer_config.json; raises OSError or ValueError."""
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise OSError(f"{folder} has no tokenizer.json")
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception
            raise ValueError(f"{path} is not a readable tokenizer: {error}") from error
        settings = folder / "tokenizer_config.json"
        bos = load_json(settings).get("bos_token") if settings.exists() else None
        return cls(tokenizer, bos["content"] if isinstance(bos, dict) else bos)

    def encode(self, parts: Sequence[Part]) -> list[int]:
        """Return the ids of a prompt; raises KeyError for a special token the model lacks."""
        return [token for step in self.encode_steps(parts) for token in step]

    def encode_steps(self, parts: Sequence[Part]) -> Iterator[list[int]]:
        """Yield the ids of a prompt in steps of bounded time.

        Raises KeyError for a special token that the model lacks, before the first step.
        """
        specials = {part.text: self.special[part.text] for part in parts if part.special}
        yield self._bos
        for part in parts:
            if part.special:
                yield [specials[part.text]]
            else:
                for piece in self._pieces(part.text):
                    yield self._encode_piece(piece)

    def encode_text(self, text: str) -> list[int]:
        """Return the ids of plain text; the text of a special token is encoded as characters."""
        return [token for piece in self._pieces(text) for token in self._encode_piece(piece)]

    def _pieces(self, text: str) -> Iterator[str]:
        """Cut a long text where a cut does not change the ids: at a line end between two words."""
        longest = _PIECE if self._cuts_at_lines else _COARSE_PIECE
        start = 0
        while len(text) - start > longest:
            end = _line_end(text, start + longest // 2, start + longest)
            yield text[start:end]
            start = end
        yield text[start:] if start else text

    @cached_property
    def _cuts_at_lines(self) -> bool:
        whole, pieces = self._ids("a b\nc d"), [*self._ids("a b\n"), *self._ids("c d")]
        return whole == pieces

    def _encode_piece(self, text: str) -> list[int]:
        if self._special_pattern is None:
            return self._ids(text)
        ids: list[int] = []
        start = 0
        for match in self._special_pattern.finditer(text):
            ids.extend(self._plain_ids(text[start : match.start() + 1]))
            start = match.start() + 1
        return ids + self._plain_ids(text[start:])

    def _plain_ids(self, text: str) -> list[int]:
        """Return the ids of a text that does not contain the text of a special token.

        A tokenizer that normalizes (case, width) may still find one; the text is cut inside it.
        """
        encoding = self._tokenizer.encode(_encodable(text), add_special_tokens=False)
        ids = list(encoding.ids)
        if self._control_ids.isdisjoint(ids):
            return ids
        spans = (encoding.offsets[at] for at, one in enumerate(ids) if one in self._control_ids)
        cuts = [0, *(start + 1 for start, end in spans if end - start > 1), len(text)]
        if len(cuts) == 2:
            return ids  # a single character cannot be cut
        pieces = (text[start:end] for start, end in pairwise(cuts))
        return [token for piece in pieces for token in self._plain_ids(piece)]

    def split_special(self, text: str) -> list[Part]:
        """Split a flat prompt of another client into parts; here special tokens are recognized."""
        if self._special_pattern is None:
            return [Part(text)] if text else []
        parts: list[Part] = []
        start = 0
        for match in self._special_pattern.finditer(text):
            parts += [Part(text[start : match.start()]), Part(match.group(), special=True)]
            start = match.end()
        return [part for part in [*parts, Part(text[start:])] if part.text]

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(_encodable(text), add_special_tokens=False).ids)

    def last_word(self, ids: Sequence[int]) -> int:
        """Return how many tokens at the end make up the last word, as the tokenizer splits words.

        At least 1. Merges never cross a word boundary, so the tokens before it do not change.
        """
        plain = 0
        while plain < len(ids) and ids[-1 - plain] not in self.special_ids:
            plain += 1
        tail = list(ids[len(ids) - plain :])
        text = b"".join(map(self.bytes_of, tail)).decode("utf-8", "ignore")
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        words = encoding.word_ids
        count = sum(word is not None and word == words[-1] for word in words) if words else 0
        same = 0 < count < plain and encoding.ids[-count:] == tail[-count:]
        return count if same else 1

    def bytes_of(self, token: int) -> bytes:
        """Return the bytes of a token; empty for a special or unknown one."""
        table = self.token_bytes
        return table[token] if token < len(table) else b""

    @cached_property
    def token_bytes(self) -> list[bytes]:
        """Bytes of every token by id; empty for special tokens and for unused ids."""
        vocabulary = self._tokenizer.get_vocab(with_added_tokens=False)
        byte_level = "ByteLevel" in str(json.loads(self._tokenizer.to_str()).get("decoder"))
        table = [b""] * (max(vocabulary.values(), default=-1) + 1)
        for text, number in vocabulary.items():
            if number not in self.special_ids:
                table[number] = _from_byte_level(text) if byte_level else _from_metaspace(text)
        return table

    @cached_property
    def _sorted(self) -> tuple[list[bytes], list[int]]:
        pairs = sorted((data, number) for number, data in enumerate(self.token_bytes) if data)
        return [data for data, _ in pairs], [number for _, number in pairs]

    def tokens_that_fit(self, pending: bytes) -> list[int]:
        """Return the tokens that start with `pending` or are a prefix of it.

        Not empty when the vocabulary has a token for every byte.
        """
        keys, numbers = self._sorted
        start = bisect_left(keys, pending)
        end = bisect_left(keys, pending + b"\xff" * 4, start)
        fits = numbers[start:end]
        for length in range(1, len(pending)):
            at = bisect_left(keys, pending[:length])
            while at < len(keys) and keys[at] == pending[:length]:
                fits.append(numbers[at])
                at += 1
        return fits


def _line_end(text: str, least: int, most: int) -> int:
    """Return the last offset in a range that follows a single line end between two words.

    Without one, the end of the range. A tokenizer joins several line ends or blanks to one token.
    """
    end = most
    while (at := text.rfind("\n", least, end)) > least:
        if not (text[at - 1].isspace() or text[at + 1].isspace()):
            return at + 1
        end = at
    return most


def _names_pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that finds any of the names, longest first."""
    return re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))


def _encodable(text: str) -> str:
    """Replace lone surrogates by "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _adds_bos(tokenizer: Tokenizer) -> bool:
    """Tell whether the tokenizer's template adds a token before the text."""
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    framed = tokenizer.encode("a", add_special_tokens=True).ids
    return bool(framed[: len(framed) - len(plain)]) and framed[0] not in plain


def _byte_alphabet() -> dict[str, int]:
    """Return GPT-2's table of byte-level BPE: printable character to byte."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(byte): byte for byte in plain}
    others = (byte for byte in range(256) if byte not in set(plain))
    return table | {chr(0x100 + index): byte for index, byte in enumerate(others)}


_ALPHABET = _byte_alphabet()


def _from_byte_level(text: str) -> bytes:
    try:
        return bytes(_ALPHABET[character] for character in text)
    except KeyError:  # an added token with characters outside the byte alphabet
        return text.encode("utf-8")


def _from_metaspace(text: str) -> bytes:
    """Return the bytes of a SentencePiece token: "▁" is a space, "<0x0A>" a single byte."""
    single = re.fullmatch(r"<0x([0-9A-Fa-f]{2})>", text)
    if single:
        return bytes([int(single.group(1), 16)])
    return text.replace("\N{LOWER ONE EIGHTH BLOCK}", " ").encode("utf-8")


def load_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raises OSError or ValueError with the path in it."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except RecursionError as error:
        raise ValueError(f"{path} is nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} does not hold a JSON object")
    return found
