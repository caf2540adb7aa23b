from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.core.prompting.context import Document, Window
from tabwright.core.prompting.prompt import (
    FAMILIES,
    PLAIN,
    Prompt,
    Slot,
    Token,
    family_by_name,
    family_of,
    infill,
)

BY_NAME = {family.name: family for family in FAMILIES}
ORDERS = [
    ("qwen2.5-coder", "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P"),
    ("codegemma", "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P"),
    ("granite-4", "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P"),
    ("starcoder2", "<fim_prefix><fim_suffix>S<fim_middle>P"),
    ("granite", "<fim_prefix><fim_suffix>S<fim_middle>P"),
    ("santacoder", "<fim-prefix><fim-suffix>S<fim-middle>P"),
    ("codellama", "<PRE> <SUF>S <MID> P"),
    ("deepseek-coder", "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>"),
    ("codestral", "[SUFFIX]S[PREFIX]P"),
]


@pytest.mark.parametrize(("name", "flat"), ORDERS)
def test_layout_of_each_family(name: str, flat: str) -> None:
    prompt = infill(BY_NAME[name], Window("P", "S"), path="a.py", language_id="python")
    assert prompt.flat() == flat


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_is_found_by_its_special_tokens(family: object) -> None:
    assert family in FAMILIES
    index = [each is family for each in FAMILIES].index(True)
    assert family_of(FAMILIES[index].specials) is family


def test_family_by_tokenizer_tokens() -> None:
    assert family_of([]) is PLAIN
    assert family_of(["<|endoftext|>"]) is PLAIN  # CodeGen and other GPT-like models
    assert family_of(["<PRE>", "<SUF>", "<MID>"]).name == "codellama"
    assert family_of(["<fim_prefix>", "<fim_suffix>", "<fim_middle>"]).name == "star"


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("Qwen/Qwen2.5-Coder-1.5B", "qwen2.5-coder"),
        ("qwen3-coder:30b", "qwen2.5-coder"),
        ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", "qwen2.5-coder"),
        ("bigcode/starcoder2-3b", "starcoder2"),
        ("bigcode/starcoderbase-1b", "granite"),
        ("ibm-granite/granite-3b-code-base", "granite"),
        ("ibm-granite/granite-4.0-h-tiny", "granite-4"),
        ("ibm-granite/granite-3.3-8b-base", "granite-4"),
        ("codellama:7b-code", "codellama"),
        ("deepseek-ai/deepseek-coder-1.3b-base", "deepseek-coder"),
        ("codestral-latest", "codestral"),
        ("google/codegemma-2b", "codegemma"),
        ("Salesforce/codegen-350M-mono", "plain"),
        ("gpt2", "plain"),
        ("", "plain"),
    ],
)
def test_family_by_model_name(name: str, family: str) -> None:
    assert family_by_name(name).name == family


def test_plain_family_gets_only_the_prefix() -> None:
    prompt = infill(PLAIN, Window("before", "after"), path="a.py", language_id="python")
    assert prompt.parts == ("before",)
    assert not PLAIN.infills


def test_snippets_come_first_after_file_separators() -> None:
    window = Window("P", "S", (Document("lib/b.py", "python", "def b():\n    pass\n"),))
    prompt = infill(BY_NAME["qwen2.5-coder"], window, path="a.py", language_id="python")
    assert prompt.parts[:4] == (
        Token("<|file_sep|>"),
        "lib/b.py\ndef b():\n    pass\n",
        Token("<|file_sep|>"),
        "a.py\n",
    )


def test_snippets_are_comments_where_a_family_has_no_separator() -> None:
    window = Window("P", "S", (Document("b.c", "c", "int b;\n\nint c;"),))
    in_c = infill(BY_NAME["codestral"], window, path="a.c", language_id="c")
    assert in_c.parts[-1] == "// b.c:\n// int b;\n// int c;\n\nP"
    in_css = infill(PLAIN, window, path="a.css", language_id="css")
    assert in_css.parts[-1] == "/* b.c: */\n/* int b; */\n/* int c; */\n\nP"
    in_text = infill(PLAIN, window, path="a.txt", language_id="plaintext")
    assert in_text.parts == ("P",)


def test_surrogates_and_line_ends_are_replaced() -> None:
    window = Window("a\r\nb\ud800", "c\rd")
    prompt = infill(BY_NAME["qwen2.5-coder"], window, path="a.py", language_id="python")
    assert prompt.parts[-1] == "a\nb\ufffd"
    assert "c\nd" in prompt.parts


@pytest.mark.parametrize("family", [*FAMILIES, PLAIN], ids=lambda family: family.name)
def test_control_tokens_in_user_text_are_broken_in_flat(family: object) -> None:
    known = next(each for each in (*FAMILIES, PLAIN) if each is family)
    text = " ".join(known.specials)
    prompt = infill(known, Window(text, text), path="a.py", language_id="python")
    assert prompt.parts.count(text) == (2 if known.infills else 1)
    flat = prompt.flat()
    for special in known.specials:
        plain = special.removeprefix("▁")
        wanted = sum(item == special for item in known.layout if not isinstance(item, Slot))
        assert flat.count(plain) == wanted, special


@given(st.lists(st.sampled_from(["<|", "|>", "fim_prefix", "<", ">", "x", "<s>", "</s>"])))
def test_flat_has_no_special_token_from_user_text(pieces: list[str]) -> None:
    flat = Prompt(("".join(pieces),), BY_NAME["qwen2.5-coder"].specials).flat()
    assert "<|fim_prefix|>" not in flat and "</s>" not in flat


def test_flat_does_not_change_code() -> None:
    code = "if a <|b and c|> d or x[prefix] < s > t:\n    print('<fim>')\n"
    assert Prompt((code,), BY_NAME["qwen2.5-coder"].specials).flat() == code
