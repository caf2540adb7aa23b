"""Hide keys and break control tokens in requests to a remote engine; restore them in answers.

Each key is replaced by a name that is the same in every prompt of this process, so that the
engine's prefix cache stays valid. The name reveals nothing: it is a keyed hash, and the key of the
hash never leaves this process.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tabwright.client.engine import Answer, OnText, Request
from tabwright.core.message import Message
from tabwright.core.prompting.control_tokens import (
    break_control_tokens,
    break_token,
    cut_at_control,
    find_control_tokens,
    partial_token_start,
)
from tabwright.core.prompting.prompt import Part
from tabwright.core.safety.key_shapes import Key, find_keys
from tabwright.core.text import Span

_START = "REDACTED_"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_LENGTH = 10
_RUN = re.compile(_START + "[A-Za-z0-9_]*")  # one name or several, and what follows at once
_ANY_CASE = re.compile(_RUN.pattern, re.IGNORECASE)
_LEAST = 3  # characters of a name that an answer was cut off in
_SECRET = secrets.token_bytes(32)
_ACROSS = 300  # characters on each side of the cursor in which a key may be cut in two
_QUOTES = "'\"`"
_SHORTEST = 6  # characters of a key that is looked for by itself
MANGLED = Message(
    "the answer changed what was hidden from the remote engine, so it cannot be put back"
)


@dataclass
class HiddenText:
    """What was hidden in one request: keys by name, and the kinds of keys.

    ``tokens`` are control tokens of the user's text by their broken form.
    """

    keys: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, None] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    unclear: set[str] = field(default_factory=set)  # broken forms that the user's text has too
    runs: set[str] = field(default_factory=set)  # what looks like names in the texts as sent

    def restored(self, text: str) -> str:
        """Return the text with keys in place of their names, and with unbroken tokens."""
        for form, token in self.tokens.items():
            text = text.replace(form, token)
        return _RUN.sub(lambda found: "".join(self._read(found[0])), text)

    def cut(self, text: str) -> str:
        """Return the text before the first control token that is not in the user's text."""
        return cut_at_control(text, "\n".join(self.tokens.values()))

    def is_mangled(self, text: str) -> bool:
        """Tell whether the text has a hidden name in a changed form that cannot be restored."""
        found = _RUN.findall(text)
        if any(form in text for form in self.unclear):
            return True
        if any(self._read(run)[1] and run not in self.runs for run in found):
            return True
        # In another case, or with something in between; such letters stand nowhere by chance.
        rest = _RUN.sub(" ", text).upper() if self.keys else ""
        return any(name.removeprefix(_START) in rest for name in self.keys)

    def without_begun(self, text: str) -> str:
        """Return the text of an answer that was cut off, without an incomplete name at its end."""
        at = _open_name(text)
        begun = text[at:]
        whole = begun.startswith(_START) and (not self._read(begun)[1] or begun in self.runs)
        return text if not self.keys or whole or len(begun) < _LEAST else text[:at]

    def _read(self, run: str) -> tuple[str, str]:
        """Return the keys whose names a run begins with, and the rest of the run."""
        keys, size = [], len(_START) + _LENGTH
        while (key := self.keys.get(run[:size])) is not None:
            keys.append(key)
            run = run[size:]
        return "".join(keys), run

    def _name(self, key: str, kind: str) -> str:
        digest = hashlib.blake2b(key.encode("utf-8", "replace"), key=_SECRET, digest_size=16)
        number = int.from_bytes(digest.digest(), "big")
        letters = []
        for _ in range(_LENGTH):
            number, rest = divmod(number, len(_LETTERS))
            letters.append(_LETTERS[rest])
        name = _START + "".join(letters)
        self.keys[name] = key
        self.kinds[kind] = None
        return name

    def hide(self, text: str, found: Sequence[Key]) -> str:
        """Return the text with its keys replaced by names."""
        pieces, at = [], 0
        for key in found:
            pieces += [text[at : key.span.start]]
            pieces += [self._name(text[key.span.start : key.span.end], key.kind)]
            at = key.span.end
        return "".join((*pieces, text[at:]))


def hidden(request: Request) -> tuple[Request, HiddenText]:
    """Return the request with keys replaced in all its fields, and what was hidden.

    Control tokens stay, because ``Prompt.flat`` breaks them; their broken forms are recorded.
    """
    made = HiddenText()
    parts = _parts(request.prompt.parts, made)
    texts = [part for part in request.prompt.parts if isinstance(part, str)]
    for text in texts:
        for found in find_control_tokens(text, request.prompt.specials):
            form = break_token(found[0])
            if any(form in other for other in texts):
                made.unclear.add(form)
            else:
                made.tokens[form] = found[0]
    if made.tokens:
        suffix_stop = break_control_tokens(request.suffix_stop, request.prompt.specials)
        request = replace(request, suffix_stop=suffix_stop)
    if not made.keys and not any(_START in text for text in texts):
        return request, made
    made.runs.update(run for part in parts if isinstance(part, str) for run in _RUN.findall(part))

    def bare(text: str) -> str:
        text = made.hide(text, find_keys(text))
        # Without the line around it, a key of the prompt is not known by its shape.
        for name, key in tuple(made.keys.items()):
            if len(key) >= _SHORTEST and key in text:
                text = text.replace(key, name)
        return text

    return (
        replace(
            request,
            prompt=replace(request.prompt, parts=parts),
            stop=tuple(bare(text) for text in request.stop),
            suffix_stop=bare(request.suffix_stop),
            avoid=tuple(bare(text) for text in request.avoid),
            prediction=bare(request.prediction),
        ),
        made,
    )


def _parts(parts: Sequence[Part], made: HiddenText) -> tuple[Part, ...]:
    texts = {number: part for number, part in enumerate(parts) if isinstance(part, str)}
    found = {number: list(find_keys(text)) for number, text in texts.items()}
    for before, left in texts.items():
        for after, right in texts.items():
            if before != after:
                _add_across(left, right, found[before], found[after])
        _add_open(left, found[before])
    return tuple(
        made.hide(part, found[number]) if isinstance(part, str) else part
        for number, part in enumerate(parts)
    )


def _add_across(left: str, right: str, ends: list[Key], begins: list[Key]) -> None:
    """Add keys that are recognized only in the whole line of the cursor."""
    head, tail = _last_line(left), right[:_ACROSS].partition("\n")[0]
    if not (head and tail):
        return
    start = len(left) - len(head)
    for key in find_keys(head + tail):
        if key.span.start < len(head):
            span = Span(start + key.span.start, min(start + key.span.end, len(left)))
            _put(ends, Key(span, key.kind))
        if key.span.end > len(head):
            span = Span(max(key.span.start - len(head), 0), key.span.end - len(head))
            _put(begins, Key(span, key.kind))


def _add_open(text: str, keys: list[Key]) -> None:
    """Add a key at the end of a text whose closing quote is missing or was cut off."""
    head = _last_line(text)
    for quote in _QUOTES:
        if quote in head:
            for key in find_keys(head + quote):
                if key.span.end == len(head):
                    _put(
                        keys, Key(Span(len(text) - len(head) + key.span.start, len(text)), key.kind)
                    )


def _last_line(text: str) -> str:
    return text[-_ACROSS:].rpartition("\n")[2]


def _put(keys: list[Key], new: Key) -> None:
    """Add a key in order; merge it with those that it overlaps."""
    start, end = new.span.start, new.span.end
    apart = [one for one in keys if one.span.end <= start or one.span.start >= end]
    same = [new, *(one for one in keys if one not in apart)]
    span = Span(min(one.span.start for one in same), max(one.span.end for one in same))
    keys[:] = sorted((*apart, Key(span, new.kind)), key=lambda one: one.span.start)


class RestoredAnswer:
    """Restores keys and tokens in streamed candidates; a control token ends a candidate."""

    def __init__(self, made: HiddenText, on_text: OnText | None) -> None:
        """``on_text`` is called with the restored text."""
        self._made = made
        self._on_text = on_text
        self._held: dict[int, str] = {}
        self._ended: set[int] = set()

    def add(self, index: int, piece: str) -> None:
        """Add a piece; hold back what may be the start of a name."""
        text = self._held.pop(index, "") + piece
        at = min(_open_name(text), partial_token_start(text), _open_form(text, self._made.tokens))
        self._held[index] = text[at:]
        self._tell(index, text[:at])

    def answer(self, answer: Answer) -> Answer:
        """Return the restored answer; a candidate with a changed name becomes empty."""
        cut_off = {index for index, ended in enumerate(answer.finish) if ended == "length"}
        for index, text in sorted(self._held.items()):
            self._tell(index, self._made.without_begun(text) if index in cut_off else text)
        self._held.clear()
        texts, finish = [], []
        for index, (text, ended) in enumerate(zip(answer.texts, answer.finish, strict=True)):
            text = self._made.without_begun(text) if index in cut_off else text
            kept = self._made.cut(text)
            mangled = self._made.is_mangled(kept)
            texts.append("" if mangled else self._made.restored(kept))
            finish.append(MANGLED if mangled else ended if kept == text else "stop")
        return replace(answer, texts=tuple(texts), finish=tuple(finish))

    def _tell(self, index: int, text: str) -> None:
        if index in self._ended:
            return
        kept = self._made.cut(text)
        if self._made.is_mangled(kept):
            kept = ""
            self._ended.add(index)
        elif kept != text:
            self._ended.add(index)
        if self._on_text is not None and kept:
            self._on_text(index, self._made.restored(kept))


def _open_name(text: str) -> int:
    """Return the offset of a name that may be incomplete; the text's length if there is none."""
    for found in _ANY_CASE.finditer(text):
        if found.end() == len(text):
            return found.start()
    end = text[-len(_START) :].upper()
    for size in range(min(len(_START), len(text)), 0, -1):
        if end.endswith(_START[:size]):
            return len(text) - size
    return len(text)


def _open_form(text: str, forms: Mapping[str, str]) -> int:
    """Return the offset of an incomplete broken token; the text's length if there is none."""
    longest = 0
    for form in forms:
        sizes = range(min(len(form) - 1, len(text)), longest, -1)
        longest = next((size for size in sizes if text.endswith(form[:size])), longest)
    return len(text) - longest
