"""The true text is never lost, and spoilt text never breaks a file: real files, gaps by chance.

``TABWRIGHT_TRUE_TEXT_ROUNDS=1000`` tries more gaps of each language, ``TABWRIGHT_TRUE_TEXT`` names
further folders with files, in the form of PATH, and ``TABWRIGHT_TRUE_TEXT_SEED`` draws others.
With ``-o log_cli_level=INFO`` pytest shows how each language does.
"""

from __future__ import annotations

import logging
import os
import random

import pytest
from bench.lib.parse_errors import is_judged
from support import true_text
from support.true_text import Gap

logger = logging.getLogger(__name__)

ROUNDS = int(os.environ.get("TABWRIGHT_TRUE_TEXT_ROUNDS", "40"))
SEED = int(os.environ.get("TABWRIGHT_TRUE_TEXT_SEED", "1"))
# Which files are there depends on the packages of the place, so these hold for all of them.
MOST_LOST = 0.25  # share of the true texts that may not come through, or only in part
MOST_WORSE = 0.05  # share of the spoilt texts that may break a file
LANGUAGES = (
    "c",
    "cpp",
    "csharp",
    "css",
    "dart",
    "dockerfile",
    "go",
    "html",
    "java",
    "javascript",
    "javascriptreact",
    "json",
    "kotlin",
    "lua",
    "markdown",
    "php",
    "python",
    "ruby",
    "rust",
    "scala",
    "scss",
    "shellscript",
    "svelte",
    "swift",
    "toml",
    "typescript",
    "typescriptreact",
    "vue",
    "xml",
    "yaml",
)


@pytest.mark.parametrize("language_id", LANGUAGES)
async def test_true_text_comes_through_and_nothing_breaks_a_file(language_id: str) -> None:
    if not is_judged(language_id):
        pytest.skip(f"the grammar of {language_id} is not installed")
    tally = await true_text.survey(language_id, SEED, ROUNDS)
    failures = "\n".join(tally.shown[:10])
    logger.info(true_text.row(language_id, tally))
    assert tally.lost <= MOST_LOST * ROUNDS, failures
    assert tally.worse <= MOST_WORSE * ROUNDS, failures


def test_every_judged_language_is_tried() -> None:
    judged = {language_id for language_id in true_text.corpus() if is_judged(language_id)}
    assert judged <= set(LANGUAGES) and len(judged) >= 12


def test_a_gap_is_what_stood_there() -> None:
    text = "def f(a):\n    b = a + 1\n    return b\n"
    chance = random.Random(3)
    gaps = [true_text.gap_in(text, "f.py", "python", chance) for _ in range(50)]
    found = [gap for gap in gaps if gap is not None]
    assert len({gap.true for gap in found}) > 5
    assert all(gap.head + gap.true + gap.tail == text for gap in found)


@pytest.mark.parametrize(
    ("middle", "invoked", "expected"),
    [
        ("a = 1\nb = 2", False, True),
        ("a = 1", False, True),
        ("a = 1", True, False),
        ("a =", False, False),
        ("a = 1\nb = 3", False, False),
        ("a = 1\nb = 2  ", True, True),
    ],
)
def test_the_start_of_the_true_text_ends_with_a_line(
    middle: str, invoked: bool, expected: bool
) -> None:
    gap = Gap("python", "f.py", "", "a = 1\nb = 2", "\n", invoked)
    assert true_text.is_true(gap, middle) is expected
