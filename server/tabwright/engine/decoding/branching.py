"""Another answer than those before: it leaves them where the model was least sure.

All positions of a refused answer are computed in one pass, so a new start costs about as much as
two tokens. The idea is that of the branching points of diverse decoding: a wrong answer mostly
goes wrong at one token that had a close rival.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tabwright.engine.backends import Backend, Logits
from tabwright.engine.decoding.healing import Healing
from tabwright.engine.decoding.vocabulary import Vocabulary

_MOST_TOKENS = 48  # of a refused answer that are looked at
_MOST_RIVALS = 16


def branch(
    backend: Backend,
    vocabulary: Vocabulary,
    state: Any,
    first: Logits,
    refused: Sequence[str],
    owed: bytes,
    most: int,
) -> list[int]:
    """Return the start of an answer unlike each of ``refused``; all but its last token is computed.

    ``first`` are the logits [vocabulary] after the prompt, which the state holds and nothing more;
    ``owed`` is what healing took back; ``most`` bounds the tokens returned. Empty when the model
    knows no other way to begin.
    """
    length = len(state.ids)
    spelled = [owed + text.encode("utf-8", "replace") for text in refused]
    best: tuple[float, list[int]] | None = None
    for text in dict.fromkeys(refused):
        path = vocabulary.encode_text(owed.decode("utf-8", "ignore") + text)[
            : min(most, _MOST_TOKENS)
        ]
        backend.truncate(state, length)
        rows = [first]
        if len(path) > 1:
            rows += list(backend.forward(state, path[:-1], last=len(path) - 1, exact=True))
        healing, done = Healing(vocabulary, owed), b""
        for at, token in enumerate(path):
            logits = healing.restrict(rows[at])
            rival = _rival(vocabulary, logits, done, spelled)
            gap = float(logits[token] - logits[rival]) if rival is not None else np.inf
            if rival is not None and (best is None or gap < best[0]):
                best = gap, [*path[:at], rival]
            done += vocabulary.bytes_of(token)
            healing.pay(vocabulary.bytes_of(token))
    backend.truncate(state, length)
    if best is None:
        return []
    if len(best[1]) > 1:
        backend.forward(state, best[1][:-1])
    return best[1]


def _rival(
    vocabulary: Vocabulary, logits: Logits, done: bytes, refused: Sequence[bytes]
) -> int | None:
    """The likeliest token after ``done`` with which the text leaves all that was refused."""
    closed = logits.copy()
    for _ in range(_MOST_RIVALS):
        rival = int(closed.argmax())
        if closed[rival] == -np.inf:
            break
        data = vocabulary.bytes_of(rival)  # none for a special one: to end there is no new answer
        if data and not any(text.startswith(done + data) for text in refused):
            return rival
        closed[rival] = -np.inf
    return None
