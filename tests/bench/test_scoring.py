from __future__ import annotations

import pytest
from bench.lib import scoring
from support import checkout  # noqa: F401


@pytest.mark.parametrize(
    ("program", "passed", "detail"),
    [
        ("assert 1 + 1 == 2", True, ""),
        ("print('no newline', end='')", True, ""),
        ("assert 1 + 1 == 3, 'wrong'", False, "AssertionError: wrong"),
        ("def f(:", False, "SyntaxError"),
        ("import sys; sys.exit(0)", False, "ended early, status 0"),
        ("import os; os._exit(0)", False, "ended early, status 0"),
        ("hold = bytearray(4 << 30)", False, "MemoryError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", False, "ended early"),
        ("x = '\ud800'", True, ""),
    ],
)
def test_verdicts(program: str, passed: bool, detail: str) -> None:
    verdict = scoring.run(program)
    assert verdict.passed is passed
    assert detail in verdict.detail


def test_a_program_without_end_is_ended_with_its_children() -> None:
    fork = "import os\nos.fork()\nwhile True: pass"
    assert scoring.run(fork, seconds=0.5).detail == "no end within 0.5 s"


def test_a_program_has_a_folder_of_its_own() -> None:
    assert scoring.run("open('a', 'x').close()").passed
    assert scoring.run("open('a', 'x').close()").passed
