"""``tabwright serve`` that asks the model at every key: the real server without its kept answers.

The comparison of one key with llama.cpp's server needs answers kept from before switched off. The
product has no switch for that and needs none, so this process puts another ``Answers`` into the
server before it starts: the first look at a place finds nothing, so that the model is asked; the
look that follows the answer finds it, so that it is shown as ever. All else is the server's own
code: window, prompt, healing, what is asked for anew, filters; and the engine keeps what it has
computed, as the peer does with ``cache_prompt``.

What is computed ahead while the user pauses is left on: of that only the engine's states are of
use here, since an answer that was computed ahead is a kept one too.
"""

from __future__ import annotations

import sys
from unittest import mock

from tabwright.__main__ import main
from tabwright.app.completion import sessions
from tabwright.app.completion.answer_cache import Answers, Place
from tabwright.core.text import Edit


class AskingAnswers(Answers):
    """Keeps answers, and shows each only to the request that brought it."""

    _looked: tuple[str, Place, bool] | None = None

    def get(
        self, uri: str, text: str, offset: int, *, invoked: bool = False
    ) -> tuple[Edit, ...] | None:
        """None at the first look at a place; from then on, until another place, what there is."""
        looked = uri, Place.of(text, offset), invoked
        if looked != self._looked:
            self._looked = looked
            return None
        return super().get(uri, text, offset, invoked=invoked)


if __name__ == "__main__":
    with mock.patch.object(sessions, "Answers", AskingAnswers):
        sys.exit(main(["serve", *sys.argv[1:]]))
