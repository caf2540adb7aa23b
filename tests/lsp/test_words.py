"""What users read in their language: every sentence of the source has its translation."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.templates import templates

from tabwright.core.message import Message, joined, without_stop
from tabwright.core.safety.inert_text import inert_message
from tabwright.lsp.localisation import words
from tabwright.lsp.localisation.words import ENGLISH, language_of

TABLE: dict[str, str] = json.loads(
    Path(words.__file__).with_name("words_zh_cn.json").read_text("utf-8")
)
CHINESE = language_of("zh-cn")
FOUND = templates()
HOLE = re.compile(r"\{(\d+)([?!]?)\}")
KEYS = {HOLE.sub(r"{\1}", key): key for key in TABLE}
# Names, sizes and settings that sentences are made of, the same in every language.
NAMES = {"tabwright", "{0} MB", "{0}.{1}"}
# Sentences that the reader of the source does not find: told apart by a test below.
HIDDEN = {"the remote engine", "an object of language ids and true or false"}


def test_every_sentence_of_the_source_has_a_translation() -> None:
    found = {each.template: each.where for each in FOUND}
    missing = {text: where for text, where in found.items() if text not in KEYS}
    assert set(missing) == NAMES, missing
    # Not blind: one each of titles, faults, reasons, messages, buttons, bars and settings.
    for text in (
        "Translate to {0}",
        "`{0}` is bound nowhere",
        "a newer request came",
        "Tabwright: {0} is ready.",
        "Never ask",
        "Tabwright: loading {0}",
        "{0} is not a setting; did you mean {1}?",
        "runs a shell command",
        "the model {0} is not on this machine; run: {1}",
        "{0}: expected {1}, got {2}; using {3}",
    ):
        assert text in found


def test_nothing_is_translated_that_nobody_says() -> None:
    assert set(KEYS) - {each.template for each in FOUND} == HIDDEN
    files = Path(words.__file__).parents[2].rglob("*.py")
    source = "".join(path.read_text("utf-8") for path in files)
    assert all(f'"{text}"' in source for text in HIDDEN)


def test_no_sentence_is_translated_twice() -> None:
    text = Path(words.__file__).with_name("words_zh_cn.json").read_text("utf-8")
    keys = [key for key, _ in json.loads(text, object_pairs_hook=list)]
    assert len(keys) == len(set(keys)) == len(TABLE) == len(KEYS)


@pytest.mark.parametrize("key", TABLE)
def test_a_translation_has_the_same_placeholders(key: str) -> None:
    said = TABLE[key]
    assert sorted(re.findall(r"\{[^}]*\}", HOLE.sub(r"{\1}", key))) == sorted(
        re.findall(r"\{[^}]*\}", said)
    )
    assert said.count("{") == said.count("}") == len(HOLE.findall(said))
    numbers = [int(number) for number, _ in HOLE.findall(key)]
    assert numbers == list(range(len(numbers)))
    if set(re.findall(r"[A-Za-z]+", HOLE.sub("", key))) - {"Tabwright", "ruff", "of", "MB", "s"}:
        assert re.search(r"[\u4e00-\u9fff]", said), "still English"


@pytest.mark.parametrize("key", TABLE)
def test_each_sentence_is_known_again(key: str) -> None:
    """As plain English too, which is all that other processes send; none swallows another."""
    template = HOLE.sub(r"{\1}", key)
    known = "nothing was checked"
    values = [known if mark == "!" else f"x{number}y" for number, mark in HOLE.findall(key)]
    spoken = [CHINESE.tell(value) for value in values]
    assert CHINESE.tell(Message(template, *values)) == TABLE[key].format(*spoken)
    assert CHINESE.say(template, *values) == TABLE[key].format(*spoken)
    if HOLE.sub("", key).strip(" .:;,()`") not in ("Tabwright", "or"):
        assert CHINESE.tell(template.format(*values)) == TABLE[key].format(*spoken)


@pytest.mark.parametrize(
    "locale",
    [
        *("zh-cn", "zh-CN", "zh_CN.UTF-8", "zh", "zh-Hans", "ZH-HANS-CN", "zh_Hans_SG", "zh-SG"),
        *("zh_CN", "zh_CN.GB18030@pinyin", " zh-cn "),
    ],
)
def test_locales_of_simplified_chinese(locale: str) -> None:
    assert language_of(locale).tell("the document is not open") == "文档没有打开"


@pytest.mark.parametrize(
    "locale",
    [
        None,
        "",
        "en",
        "en-US",
        "de_DE.UTF-8",
        "C",
        "zh-TW",
        "zh-Hant",
        "zh_HK",
        "zha",
        "zh-cnx",
        "?",
    ],
)
def test_all_other_locales_are_spoken_to_in_english(locale: str | None) -> None:
    assert language_of(locale).tell("the document is not open") == "the document is not open"


def test_languages_do_not_touch_each_other() -> None:
    first, second = language_of("zh"), language_of("en")
    sentence = Message("{0} (line {1})", "it still does not parse", 3)
    assert first.tell(sentence) == "语法仍然有误（第 3 行）"
    assert second.tell(sentence) == sentence == "it still does not parse (line 3)"
    assert type(second.tell(sentence)) is str


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        (
            "errors from pyright cannot be checked here, so whether the error is gone was not "
            "checked",
            "这里无法检查来自 pyright 的错误，因此没有检查错误是否已消除",
        ),
        (
            "pylint did not answer in 10 s, so whether the error is gone was not checked",
            "pylint 10 秒内没有回答，因此没有检查错误是否已消除",
        ),
        (
            "ruff is not installed here, so whether the error is gone was not checked, and risky "
            "calls were not checked",
            "ruff 没有安装，因此没有检查错误是否已消除，也没有检查有风险的调用",
        ),
        (
            "the module took over 5 s to load, so its examples were not run",
            "模块加载超过 5 秒，因此没有运行其中的示例",
        ),
        ("`f(1)` gave 2, not 3", "`f(1)` 得到 2，而不是 3"),
        ("runs a shell command (S602)", "运行 shell 命令（S602）"),
        (
            "the engine: the engine sent JSON that is not an object",
            "引擎：引擎发送的 JSON 不是对象",
        ),
        (
            "the engine cannot be reached: Connection refused (asked again in 5 s)",
            "引擎：无法连接（Connection refused）（5 秒后再次询问）",
        ),
        (
            "the engine ended as it started (status 1). The end of /l/e.log:\nNameError: x",
            "引擎启动时退出了（状态 1）。/l/e.log 的末尾：\nNameError: x",
        ),
        (
            "the model m is damaged (a.bin has 3 bytes, not 4); run: tabwright models pull m",
            "模型 m 已损坏（a.bin 有 3 字节，而不是 4）；请运行：tabwright models pull m",
        ),
    ],
)
def test_sentences_within_sentences(english: str, chinese: str) -> None:
    assert CHINESE.tell(english) == chinese


@pytest.mark.parametrize(
    ("foreign", "told"),
    [
        ("Foo is undefined, so bar was not checked", None),
        ("expected ';' (line 3)", None),
        ("E501: line too long (88 > 79)", None),
        ("No module named 'x'", None),
        ("Fix: See the docs", "修复：See the docs"),
        ("Fix: the document is not open", "修复：the document is not open"),
        ("it does not parse: done", "语法有误：done"),
    ],
)
def test_the_words_of_others_stay_as_they_are(foreign: str, told: str | None) -> None:
    assert CHINESE.tell(foreign) == (told or foreign)


def test_the_words_of_an_answer_and_nothing_else_of_it() -> None:
    answer = {
        "reason": "shown",
        "source": "none",
        "state": "ready",
        "text": "done",
        "faults": ["it still does not parse"],
        "action": {"title": "Fix: x", "reason": "offered", "kind": "fix", "ms": 3},
        "engine": {"problem": "no engine runs"},
        "problem": None,
    }
    assert CHINESE.answer(answer) == {
        **answer,
        "reason": "已显示建议",
        "faults": ["语法仍然有误"],
        "action": {"title": "修复：x", "reason": "已给出", "kind": "fix", "ms": 3},
        "engine": {"problem": "没有引擎在运行"},
    }
    assert ENGLISH.answer(answer) == answer


def test_several_faults_are_told_as_one() -> None:
    told = joined(["it still does not parse", "`x` is bound nowhere", "from a tool"])
    assert told == "it still does not parse; `x` is bound nowhere; from a tool"
    assert CHINESE.tell(told) == "语法仍然有误；`x` 没有定义；from a tool"
    assert joined(["done"]) == "done"


def test_a_full_stop_is_taken_off_without_forgetting_the_template() -> None:
    assert without_stop("gone.") == "gone" and without_stop("gone") == "gone"
    assert isinstance(without_stop(Message("{0} lines written", 2)), Message)


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from([*KEYS, ": ", ", so ", " ", "{", "`"])).map("".join)
    )
)
def test_any_text_is_told(text: str) -> None:
    assert isinstance(CHINESE.tell(text), str)
    assert ENGLISH.tell(text) == inert_message(text)


def test_a_long_text_takes_no_time() -> None:
    CHINESE.tell("done")
    for rounds in (14, 4000):
        text = "the engine: " + "a: b, so c (line 3); `d` {0} " * rounds
        started = time.thread_time()
        assert CHINESE.tell(text) == inert_message(text)
        assert time.thread_time() - started < 0.3
