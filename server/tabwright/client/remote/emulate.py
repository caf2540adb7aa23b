"""Emulate features of our engine for remote ones: token healing, and stopping at the suffix."""

from __future__ import annotations

import re
from dataclasses import replace

from tabwright.client.engine import Answer, OnText, Request
from tabwright.core.prompting.prompt import Prompt

MAX_CUT = 48
MIN_PROBE = 6
MAX_PROBE = 80
_OPEN_WORD = re.compile(r"[ \t]?[^\W\d]\w*\Z|[ \t]\Z")


def cut_open_word(prompt: Prompt) -> tuple[Prompt, str]:
    """Cut an unfinished word, with one blank before it, off the prompt's end; return both parts.

    Most tokens begin with a blank, so a prompt that ends in a blank or inside a word ends in tokens
    that the model has not seen there in training. The answer must then start with the cut text.
    Only for prompts that end in text: when a special token is last (prefix first), models are
    trained to continue from any character.
    """
    if not prompt.parts or not isinstance(prompt.parts[-1], str):
        return prompt, ""
    text = prompt.parts[-1]
    found = _OPEN_WORD.search(text[-MAX_CUT:])
    if found is None or len(found[0]) >= MAX_CUT or len(found[0]) == len(text):
        return prompt, ""
    cut = found[0]
    return replace(prompt, parts=(*prompt.parts[:-1], text[: len(text) - len(cut)])), cut


def suffix_probe(suffix: str) -> str:
    """Return the start of the suffix by which a repetition is recognized.

    Whole lines with 6 visible characters or more; "" when the suffix is too short.
    """
    end = 0
    for line in suffix.splitlines(keepends=True):
        end += len(line)
        probe = suffix[:end].rstrip()[:MAX_PROBE]
        if len("".join(probe.split())) >= MIN_PROBE:
            return probe
    return ""


class TrimmedText:
    """One streamed candidate without the cut text, ended at the first stop.

    ``reason`` is "" while it continues, then "text" (a stop text), "suffix" or "unhealed" (it did
    not start with the cut text, so it does not fit the prompt).
    """

    def __init__(self, cut: str, stops: tuple[str, ...], probe: str) -> None:
        """Take the text with which the answer must start, and what ends it."""
        self._cut = cut
        self._ends = [(stop, "text") for stop in stops if stop] + [(probe, "suffix")] * bool(probe)
        self._raw = ""
        self._given = 0
        self.reason = ""
        self.text = ""

    def add(self, piece: str) -> str:
        """Add a piece; return the text that now certainly belongs to the answer."""
        if self.reason:
            return ""
        self._raw += piece
        if not self._raw.startswith(self._cut):
            if not self._cut.startswith(self._raw):
                self.reason = "unhealed"
            return ""
        body = self._raw[len(self._cut) :]
        sure = len(body) - self._held(body)
        at, reason = self._first_stop(body)
        if reason and at <= sure:
            self.reason = reason
            return self._give(body[:at])
        return self._give(body[:sure])  # a stop that begins earlier may still be completed

    def end(self) -> str:
        """End the candidate; return the text that was held back."""
        if self.reason:
            return ""
        if not self._raw.startswith(self._cut):
            self.reason = "unhealed"
            return ""
        body = self._raw[len(self._cut) :]
        at, self.reason = self._first_stop(body)
        return self._give(body[:at])

    def _first_stop(self, body: str) -> tuple[int, str]:
        """Where the first whole stop begins and its reason; the end and "" without one."""
        found = [(body.find(end), why) for end, why in self._ends if end in body]
        return min(found, default=(len(body), ""))

    def _give(self, body: str) -> str:
        new = body[self._given :]
        self._given = len(body)
        self.text = body
        return new

    def _held(self, body: str) -> int:
        """Return how many characters at the end may be the start of a stop."""
        longest = max((len(end) for end, _ in self._ends), default=0)
        for size in range(min(longest - 1, len(body)), 0, -1):
            if any(end.startswith(body[-size:]) for end, _ in self._ends):
                return size
        return 0


def with_open_word_cut(request: Request) -> tuple[Request, str]:
    """Return the request without its prompt's open word and with more tokens, and the word."""
    if not request.heal or request.max_tokens == 0:
        return request, ""
    prompt, cut = cut_open_word(request.prompt)
    room = request.max_tokens + len(cut) // 2 + bool(cut)
    return replace(request, prompt=prompt, max_tokens=room), cut


class AllEnded(Exception):
    """All candidates have ended, so the rest of the stream is not needed."""


class TrimmedAnswer:
    """The candidates of one answer, trimmed while they are streamed."""

    def __init__(self, request: Request, cut: str, on_text: OnText | None) -> None:
        self._request = request
        self._cut = cut
        self._on_text = on_text
        self._probe = suffix_probe(request.suffix_stop)
        self._candidates: dict[int, TrimmedText] = {}

    @property
    def started(self) -> bool:
        """Whether any text was received."""
        return bool(self._candidates)

    def add(self, index: int, piece: str) -> None:
        """Add a piece of candidate ``index``; raises AllEnded once all have ended."""
        candidate = self._candidate(index)
        self._tell(index, candidate.add(piece))
        ended = [one for one in self._candidates.values() if one.reason]
        if len(ended) >= self._request.n:
            raise AllEnded

    def answer(self, whole: Answer) -> Answer:
        """Return the trimmed answer; ``whole`` is what the engine sent, empty if ended early."""
        for index in range(len(whole.texts)):
            self._candidate(index)
        for index, candidate in self._candidates.items():
            self._tell(index, candidate.end())
        if self._request.max_tokens == 0:
            return Answer(("",), ("length",), whole.usage)
        order = sorted(self._candidates)
        finish = dict(enumerate(whole.finish))
        return Answer(
            tuple(self._candidates[index].text for index in order),
            tuple(
                "stop" if self._candidates[index].reason else finish.get(index, "stop")
                for index in order
            ),
            whole.usage,
        )

    def _candidate(self, index: int) -> TrimmedText:
        if index not in self._candidates:
            self._candidates[index] = TrimmedText(self._cut, self._request.stop, self._probe)
        return self._candidates[index]

    def _tell(self, index: int, new: str) -> None:
        if new and self._on_text is not None and self._request.max_tokens:
            self._on_text(index, new)
