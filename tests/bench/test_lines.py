from __future__ import annotations

from pathlib import Path

import pytest
from bench.lib import lines
from support import checkout  # noqa: F401


@pytest.mark.parametrize("module", lines.MODULES)
def test_the_lines_of_a_module_are_code_in_its_middle(module: str) -> None:
    text = lines.source(module).read_text("utf-8")
    count = len(lines.file_lines(text))
    chosen = lines.chosen(module, 4)
    assert len(chosen) == 4
    assert chosen == lines.chosen(module, 4)
    for line in chosen:
        assert count / 4 < line.number <= count * 3 / 4
        assert len(line.code) >= lines.LEAST
        assert line.buffer(len(line.code)).rstrip() == text.rstrip()
        assert line.buffer(0)[: line.cursor(0)].endswith("\n" + line.indentation)


def test_comments_texts_and_short_lines_are_no_code(tmp_path: Path) -> None:
    text = (
        '"""A docstring that is long enough."""\n'
        "# a comment that is long enough\n"
        "short = 1\n"
        'text = """begins here, long enough\n'
        'goes on = inside the text"""\n'
        'chosen = "a line that is long enough"\n'
    )
    file = tmp_path / "a.py"
    file.write_text(text)
    assert lines.code_lines(file, text) == [6]
