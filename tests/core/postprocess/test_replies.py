from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.core.postprocess.replies import (
    common_indent,
    extract_code,
    reindent,
    without_blank_edges,
)

CODE = "x = 1\ny = 2\n"


@pytest.mark.parametrize(
    "reply",
    [
        f"```python\n{CODE}```\n",
        f"```\n{CODE}```",
        f"Sure! Here it is:\n\n```python\n{CODE}```\nIt works because…\n```\nz = 3\n```",
        f"~~~py\n{CODE}~~~",
        f"```python\n{CODE}",
        f"Here is the code:\n{CODE}",
        f"好的，代码如下：\n\n{CODE}",
        CODE,
        f"\n\n{CODE}",
        f"```python\r\n{CODE}```\r\n".replace("\n", "\r\n").replace("\r\r", "\r"),
    ],
)
def test_code_is_extracted_from_a_reply(reply: str) -> None:
    assert extract_code(reply) == CODE


@pytest.mark.parametrize("code", ["ok = 1\n", "to_do = []\nhere = 2\n", "sure(1)\n"])
def test_code_is_not_removed_as_a_preamble(code: str) -> None:
    assert extract_code(code) == code


def test_fence_inside_a_longer_fence_is_code() -> None:
    inner = "text = '''\n```\n'''\n"
    assert extract_code(f"````python\n{inner}````\n") == inner


@pytest.mark.parametrize(
    ("reply", "expected"),
    [(f"{CODE}```\nThis code…", CODE), (CODE, CODE), (f"{CODE}``` \n", CODE)],
)
def test_fence_opened_by_the_prompt(reply: str, expected: str) -> None:
    assert extract_code(reply, opened=True) == expected


def test_common_indent_ignores_blank_lines() -> None:
    assert common_indent(["    a", "", "      b", "  "]) == "    "
    assert common_indent(["\ta", "    b"]) == ""
    assert reindent("  if a:\n\n    b\n", "\t") == "\tif a:\n\n\t  b\n"
    assert reindent("if a:\n    b", "    ") == "    if a:\n        b"


def test_blank_edges() -> None:
    assert without_blank_edges("\n  \n  a  \n\n b\n\n") == "  a\n\n b\n"
    assert without_blank_edges(" \n\n") == ""


@given(st.text(alphabet="`~ab \n\r\t:", max_size=60), st.booleans())
def test_extract_code_never_fails(reply: str, opened: bool) -> None:
    assert "\r" not in without_blank_edges(extract_code(reply, opened=opened))


@given(st.lists(st.text(alphabet=" \tab", max_size=8), max_size=6))
def test_reindent_keeps_the_text_of_the_lines(lines: list[str]) -> None:
    again = reindent("\n".join(lines), "  ").split("\n")
    assert [line.strip() for line in again] == [line.strip() for line in lines or [""]]
    common = common_indent(again)
    assert common.startswith("  ") or not any(line.strip() for line in again)
