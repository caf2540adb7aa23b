"""What users read in their language: every message of the source has its translation."""

from __future__ import annotations

import gettext
import io
import re
import time

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from tabwright.core.message import Message, joined, verbatim, without_full_stop
from tabwright.core.safety.inert_text import inert_message
from tabwright.lsp.localisation import language
from tabwright.lsp.localisation.language import ENGLISH, language_of

FILES = language.FOLDER / "zh_CN" / "LC_MESSAGES"
CHINESE = language_of("zh-cn")
HOLE = re.compile(r"\{\d\}")


def translations() -> dict[str, str]:
    with (FILES / "tabwright.po").open("rb") as file:
        catalogue = read_po(file, abort_invalid=True)
    return {str(one.id): str(one.string) for one in catalogue if one.id}


def extracted() -> set[str]:
    source = language.FOLDER.parents[2]
    found = extract_from_dir(source, [("**.py", "python")], keywords={"Message": None})
    return {str(message) for _, _, message, _, _ in found}


TABLE = translations()


def test_every_message_has_a_translation_and_each_is_used() -> None:
    """Run `make messages` and translate what it adds to the catalogue."""
    assert extracted() == set(TABLE)
    assert not [template for template, translation in TABLE.items() if not translation]
    # Not blind: one each of titles, faults, reasons, messages, buttons, bars and settings.
    for template in (
        "Translate to {0}",
        "`{0}` is not defined",
        "a newer request came",
        "Tabwright: {0} is ready.",
        "Never ask",
        "Tabwright: loading {0}",
        "{0} is not a setting; did you mean {1}?",
        "runs a shell command",
        "the model {0} is not on this machine; run: {1}",
        "{0}: expected {1}, got {2}; using {3}",
    ):
        assert template in TABLE


def test_the_compiled_catalogue_is_that_of_the_source() -> None:
    """Run `make messages`."""
    with (FILES / "tabwright.po").open("rb") as file:
        catalogue = read_po(file)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    assert (FILES / "tabwright.mo").read_bytes() == compiled.getvalue()


@pytest.mark.parametrize("template", TABLE)
def test_a_translation_has_the_same_holes(template: str) -> None:
    translation = TABLE[template]
    holes = sorted(HOLE.findall(template))
    assert holes == sorted(HOLE.findall(translation))
    assert holes == [f"{{{number}}}" for number in range(len(holes))]
    if holes:
        assert template.count("{") == template.count("}") == len(holes)
        assert translation.count("{") == translation.count("}") == len(holes)
    if set(re.findall(r"[A-Za-z]+", HOLE.sub("", template))) - {"Tabwright", "of", "MB", "s"}:
        assert re.search(r"[\u4e00-\u9fff]", translation), "still English"


@pytest.mark.parametrize("template", TABLE)
def test_each_message_is_translated_to_chinese(template: str) -> None:
    values = [f"x{number}y" for number in range(len(HOLE.findall(template)))]
    assert CHINESE.tell(Message(template, *values)) == TABLE[template].format(*values)
    assert ENGLISH.tell(Message(template, *values)) == template.format(*values)


CLOSED = Message("the document is not open")


@pytest.mark.parametrize(
    "locale",
    [
        *("zh-cn", "zh-CN", "zh_CN.UTF-8", "zh", "zh-Hans", "ZH-HANS-CN", "zh_Hans_SG", "zh-SG"),
        *("zh_CN", "zh_CN.GB18030@pinyin", " zh-cn "),
    ],
)
def test_locales_of_simplified_chinese(locale: str) -> None:
    assert language_of(locale).tell(CLOSED) == "文档没有打开"


@pytest.mark.parametrize(
    "locale",
    [
        *(None, "", "en", "en-US", "de_DE.UTF-8", "C", "zh-TW", "zh-Hant", "zh_HK", "zha"),
        *("zh-cnx", "?"),
    ],
)
def test_all_other_locales_are_spoken_to_in_english(locale: str | None) -> None:
    assert language_of(locale).tell(CLOSED) == "the document is not open"


def test_the_catalogue_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> gettext.NullTranslations:
        raise AssertionError("the catalogue was read")

    monkeypatch.setattr(gettext, "translation", refuse)
    assert language_of("en").tell(CLOSED) == "the document is not open"
    chinese = language_of("zh-cn")
    assert chinese.tell("text of another") == "text of another"
    with pytest.raises(AssertionError, match="was read"):
        chinese.tell(CLOSED)


def test_languages_do_not_touch_each_other() -> None:
    first, second = language_of("zh"), language_of("en")
    sentence = Message("{0} (line {1})", Message("it still does not parse"), 3)
    assert first.tell(sentence) == "语法仍然有误（第 3 行）"
    assert second.tell(sentence) == sentence == "it still does not parse (line 3)"
    assert type(second.tell(sentence)) is str


def test_messages_within_messages() -> None:
    why = Message("{0} is not installed here", "ruff")
    gone = Message("the fix was not verified")
    risky = Message("risky calls were not checked")
    found = Message("{0}, so {1}", why, Message("{0}, and {1}", gone, risky))
    assert found == (
        "ruff is not installed here, so the fix was not verified, and risky calls were not checked"
    )
    assert CHINESE.tell(found) == "没有安装 ruff，因此没有验证修复是否有效，也没有检查有风险的调用"


@pytest.mark.parametrize(
    "text",
    [
        *("the document is not open", "Foo is undefined", "E501: line too long (88 > 79)"),
        *("it does not parse: done", "", "{0}", "{0.__class__}", "{"),
    ],
)
def test_text_of_other_programs_is_not_translated(text: str) -> None:
    assert CHINESE.tell(text) == CHINESE.tell(verbatim(text)) == text
    assert CHINESE.tell(Message("Fix: {0}", text)) == f"修复：{text}"


def test_only_the_messages_in_an_answer_are_translated() -> None:
    answer = {
        "reason": Message("shown"),
        "source": "none",
        "state": Message("ready"),
        "text": Message("done"),
        "faults": [Message("it still does not parse")],
        "action": {
            "title": Message("Fix: {0}", "x"),
            "reason": Message("offered"),
            "kind": "fix",
            "ms": 3,
        },
        "engine": {"problem": Message("no engine runs")},
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


def test_several_faults_are_translated_as_one_message() -> None:
    told = joined(
        [
            Message("it still does not parse"),
            Message("`{0}` is not defined", "x"),
            verbatim("from a tool"),
        ]
    )
    assert told == "it still does not parse; `x` is not defined; from a tool"
    assert CHINESE.tell(told) == "语法仍然有误；`x` 没有定义；from a tool"
    assert joined([verbatim("done")]) == "done"


def test_a_full_stop_is_taken_off_without_forgetting_the_template() -> None:
    assert without_full_stop(verbatim("gone.")) == without_full_stop(verbatim("gone")) == "gone"
    found = without_full_stop(Message("Fix: {0}", "x."))
    assert found == "Fix: x" and CHINESE.tell(found) == "修复：x"


@given(st.one_of(st.text(), st.lists(st.sampled_from([*TABLE, ": ", "{", "`"])).map("".join)))
def test_any_text_is_accepted_as_a_message(text: str) -> None:
    assert CHINESE.tell(text) == ENGLISH.tell(text) == inert_message(text)


def test_a_long_text_takes_no_time() -> None:
    CHINESE.tell(CLOSED)
    text = "the engine: " + "a: b, so c (line 3); `d` {0} " * 4000
    started = time.thread_time()
    CHINESE.tell(Message("the engine could not be started: {0}", text))
    assert time.thread_time() - started < 0.3
