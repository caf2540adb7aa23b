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
# Of 40 gaps, how many true texts may be lost, and how many spoilt ones may break the file, for now:
# these numbers may only get smaller. Packages differ a little from place to place, hence the slack.
LIMITS = {
    "c": (0, 0),
    "cpp": (1, 0),
    "csharp": (1, 0),
    "css": (6, 0),
    "dart": (3, 0),
    "dockerfile": (5, 0),
    "go": (3, 0),
    "html": (2, 0),
    "java": (1, 0),
    "javascript": (3, 0),
    "javascriptreact": (6, 0),
    "json": (5, 0),
    "kotlin": (2, 0),
    "lua": (3, 0),
    "markdown": (0, 0),
    "php": (3, 0),
    "python": (3, 0),
    "ruby": (3, 0),
    "rust": (3, 0),
    "scala": (2, 0),
    "scss": (1, 0),
    "shellscript": (4, 0),
    "svelte": (4, 0),
    "swift": (1, 0),
    "toml": (1, 0),
    "typescript": (2, 0),
    "typescriptreact": (0, 0),
    "vue": (1, 0),
    "xml": (1, 0),
    "yaml": (1, 0),
}
_SLACK = 2


@pytest.mark.parametrize("language_id", sorted(LIMITS))
async def test_true_text_comes_through_and_nothing_breaks_a_file(language_id: str) -> None:
    if not is_judged(language_id):
        pytest.skip(f"the grammar of {language_id} is not installed")
    tally = await true_text.survey(language_id, SEED, ROUNDS)
    lost, worse = (limit * ROUNDS / 40 + _SLACK for limit in LIMITS[language_id])
    failures = "\n".join(tally.shown[:10])
    logger.info(true_text.row(language_id, tally))
    assert tally.lost <= lost, failures
    assert tally.worse <= worse, failures


def test_every_judged_language_has_files_and_a_limit() -> None:
    judged = {language_id for language_id in true_text.corpus() if is_judged(language_id)}
    assert judged <= set(LIMITS) and len(judged) >= 12


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
