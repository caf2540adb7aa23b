"""``tabwright serve`` that asks the model at every key: the real server without its kept answers.

The comparison of one key with llama.cpp's server needs answers kept from before switched off. The
product has no switch for that and needs none, so this process puts another
``AnswerCache`` into the server before it starts, which finds nothing, so that the model is asked.
All else is the server's own code: window, prompt, healing, what is asked for anew, filters; and the
engine keeps what it has computed, as the peer does with ``cache_prompt``.

What is computed ahead while the user pauses is left on: of that only the engine's states are of
use here, since an answer that was computed ahead is a kept one too.
"""

from __future__ import annotations

import sys
from unittest import mock

from tabwright.__main__ import main
from tabwright.app.completion import completions
from tabwright.app.completion.answer_cache import AnswerCache
from tabwright.core.text import Edit


class AskingCache(AnswerCache):
    """Keeps answers, and serves none."""

    def get(
        self, uri: str, text: str, offset: int, *, invoked: bool = False
    ) -> tuple[Edit, ...] | None:
        """None, so that the model is asked."""
        return None


if __name__ == "__main__":
    with mock.patch.object(completions, "AnswerCache", AskingCache):
        sys.exit(main(["serve", *sys.argv[1:]]))
