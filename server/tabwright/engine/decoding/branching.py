"""Find the start of an answer that differs from answers that were already rejected.

The new answer leaves a rejected one at the token where the model was least certain: a wrong answer
usually goes wrong at one token whose second-best alternative was close. All positions of a rejected
answer are computed in one pass, so finding a new start costs about as much as two tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tabwright.engine.backends import Backend, Logits
from tabwright.engine.decoding.healing import Healing
from tabwright.engine.decoding.vocabulary import Vocabulary

_MAX_TOKENS = 48  # tokens of a rejected answer that are examined
_MAX_ALTERNATIVES = 16  # tokens tried at one position


def branch(
    backend: Backend,
    vocabulary: Vocabulary,
    state: Any,
    first: Logits,
    rejected: Sequence[str],
    pending: bytes,
    most: int,
) -> list[int]:
    """Return the first tokens of an answer that differs from each of ``rejected``.

    ``state`` must hold exactly the prompt, and ``first`` the logits [vocabulary] after it. On
    return the state also holds the returned tokens except the last. ``pending`` is the text that
    token healing removed from the prompt. At most ``most`` tokens are returned; none when the model
    has no other way to begin.
    """
    length = len(state.ids)
    spelled = [pending + text.encode("utf-8", "replace") for text in rejected]
    best: tuple[float, list[int]] | None = None
    for text in dict.fromkeys(rejected):
        path = vocabulary.encode_text(pending.decode("utf-8", "ignore") + text)[
            : min(most, _MAX_TOKENS)
        ]
        backend.truncate(state, length)
        rows = [first]
        if len(path) > 1:
            rows += list(backend.forward(state, path[:-1], last=len(path) - 1, exact=True))
        healing, done = Healing(vocabulary, pending), b""
        for at, token in enumerate(path):
            logits = healing.restrict(rows[at])
            alternative = _alternative(vocabulary, logits, done, spelled)
            gap = float(logits[token] - logits[alternative]) if alternative is not None else np.inf
            if alternative is not None and (best is None or gap < best[0]):
                best = gap, [*path[:at], alternative]
            done += vocabulary.bytes_of(token)
            healing.consume(vocabulary.bytes_of(token))
    backend.truncate(state, length)
    if best is None:
        return []
    if len(best[1]) > 1:
        backend.forward(state, best[1][:-1])
    return best[1]


def _alternative(
    vocabulary: Vocabulary, logits: Logits, done: bytes, rejected: Sequence[bytes]
) -> int | None:
    """Return the most likely token after ``done`` that makes the text differ from all rejected."""
    remaining = logits.copy()
    for _ in range(_MAX_ALTERNATIVES):
        token = int(remaining.argmax())
        if remaining[token] == -np.inf:
            break
        # A special token has no bytes: an answer that only ends earlier is no new answer.
        data = vocabulary.bytes_of(token)
        if data and not any(text.startswith(done + data) for text in rejected):
            return token
        remaining[token] = -np.inf
    return None
