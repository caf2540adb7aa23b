"""What the server says to a client of another language; its identifiers and its log stay."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from support.editor import URI, Editor, Home, editing, engine_for, with_puller
from support.lost_name import CODE, CURSOR, LOST

from tabwright.core.message import Message, to_json

WRONG = CODE.replace("a + c", "a + d")
WARM = {"text": "", "times": 1}
STILL = "错误仍然存在：Undefined name `d` (F821)（第 2 行）"
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def bars(editor: Editor, kind: str, what: str) -> list[str]:
    return [bar.value.get(what) for bar in editor.bars if bar.value.get("kind") == kind]


async def fix(editor: Editor) -> types.CodeAction:
    (found,) = await editor.actions(LOST.range, LOST, only=["quickfix"])
    assert isinstance(found, types.CodeAction)
    return found


async def test_actions_are_listed_in_chinese(home: Home) -> None:
    async with engine_for(home), editing(home, locale="zh-cn") as editor:
        editor.open(CODE)
        found = await editor.actions(CURSOR, LOST)
        assert [action.title for action in found] == [
            *("修复：undefined name `c`", "简化", "写文档", "写测试", "翻译为 JavaScript"),
        ]
        ours = "refactor.rewrite.tabwright."
        kinds = [f"{ours}{each}" for each in ("simplify", "document", "tests", "translate")]
        assert [action.kind for action in found] == ["quickfix", *kinds]
        identifiers = ["fix", "simplify", "document", "tests", "translate"]
        assert [action.data["id"] for action in found] == identifiers


async def test_an_action_is_done_in_chinese(home: Home) -> None:
    answer = {"text": f"{WRONG}```\n"}
    async with engine_for(home, WARM, answer), editing(home, locale="zh-CN") as editor:
        editor.open(CODE)
        action = await editor.resolve(await fix(editor))
        assert action.title == f"修复：undefined name `c`（可能有误：{STILL}）"
        told = editor.shown[0]
        assert told.startswith(f"Tabwright：修复：undefined name `c`：请仔细查看：{STILL}")
        why = (await editor.command("why"))["action"]
        assert why["title"] == action.title and why["kind"] == "fix"
        assert why["reason"] == "已给出"
        assert why["faults"][0] == STILL
        assert "Tabwright：修复：undefined name `c`" in bars(editor, "begin", "title")
        assert {"正在询问模型", "正在检查"} <= set(bars(editor, "report", "message"))
        await editor.until(lambda: "完成" in bars(editor, "end", "message"))
    assert "qwen2.5-coder-0.5b: ready" in home.log and not CHINESE.search(home.log)


async def test_commands_answer_in_chinese(home: Home) -> None:
    async with engine_for(home, WARM, {"text": ""}), editing(home, locale="zh") as editor:
        editor.open(CODE)
        asked: dict[str, Any] = {"uri": URI, "version": 1}
        assert (await editor.command("edit", asked))["reason"] == "指令是空的：请说明要改什么"
        assert editor.shown == ["Tabwright：编辑：指令是空的：请说明要改什么。"]
        explained = await editor.command("explain", {**asked, "version": 7})
        assert explained == {"markdown": "", "reason": "文档在此期间已改变；请重新提出"}
        translated = await editor.command("translate", {**asked, "target": "cobol"})
        assert translated["reason"].startswith("请从这些语言中选择一种：python, ")
        deleted = await editor.command("deleteStatistics")
        assert deleted == {"ok": True, "message": "统计已删除"}


async def test_why_answers_in_chinese(home: Home) -> None:
    slow = {"text": "a + b " * 40, "delay_ms": 20}
    async with engine_for(home, WARM, slow) as engine, editing(home, locale="zh-cn") as editor:
        assert (await editor.command("why"))["reason"] == "还没有提出过请求"
        await editor.until_ready()
        editor.open(CODE)
        assert await editor.texts(1, 4) == []
        why = await editor.command("why")
        assert why["reason"] == "光标后面还有代码；要在这里补全，请手动触发"
        assert why["source"] == "none"
        asked = editor.send(editor.params(2, 0), "c")
        await engine.wait_for(2)
        editor.cancel("c")
        with pytest.raises(JsonRpcException):
            await asked
        assert (await editor.command("why"))["reason"] == "编辑器取消了请求"


async def test_files_that_are_kept_from_the_model(home: Home) -> None:
    uri = "file:///work/.env"
    async with engine_for(home), editing(home, locale="zh-cn") as editor:
        await editor.until_ready()
        editor.open("A = \n", uri)
        assert await editor.texts(0, 4, uri=uri) == []
        why = await editor.command("why")
        assert why["reason"] == "这个文件不给模型看"
        assert why["detail"] == ".env 可能含有机密（内置列表：.env）"


async def test_settings_are_warned_about_in_chinese(home: Home) -> None:
    settings = {"completion": {"maxToken": 8, "multiline": "often"}, "engine": {"threads": 0}}
    async with engine_for(home), editing(home, settings=settings, locale="zh-cn") as editor:
        await editor.until(lambda: len(editor.shown) == 3)
        name = "Tabwright：tabwright."
        assert editor.shown == [
            f"{name}completion.maxToken 不是设置项；是否指 tabwright.completion.maxTokens？",
            f"{name}completion.multiline：得到 'often'，应为：'auto' 或 'always' 或 'never'；"
            "使用 'auto'",
            f"{name}engine.threads：得到 0，应为：'auto' 或 1 到 1024 的整数；使用 'auto'",
        ]


async def test_a_missing_model_is_offered_with_chinese_buttons(home: Home) -> None:
    report = json.dumps({"stage": "error", **to_json(Message("HF_HUB_OFFLINE is set"))})
    environment = with_puller(home, f"print({report!r}, flush=True)\nraise SystemExit(1)\n")
    async with (
        engine_for(home, models={"another-model": {}}),
        editing(home, chosen="下载", environment=environment, locale="zh-cn") as editor,
    ):
        await editor.until(lambda: editor.shown)
        assert editor.asked == [
            "Tabwright 用模型 qwen2.5-coder-0.5b 补全代码，但它不在本机。现在下载吗？"
            "（下载大小 491 MB，许可证 Apache-2.0）"
        ]
        # The button was understood: the pull began, and said why it failed.
        assert editor.shown == ["Tabwright：没有下载 qwen2.5-coder-0.5b：设置了 HF_HUB_OFFLINE。"]
        assert "Tabwright：正在下载 qwen2.5-coder-0.5b" in bars(editor, "begin", "title")
        status = await editor.command("status")
        assert status["state"] == "no model"
        assert status["problem"].startswith("model qwen2.5-coder-0.5b is not here")


@pytest.mark.parametrize("locale", [None, "en", "de", "zh-tw"])
async def test_everybody_else_is_spoken_to_in_english(home: Home, locale: str | None) -> None:
    async with engine_for(home), editing(home, locale=locale) as editor:
        editor.open(CODE)
        assert (await fix(editor)).title == "Fix: undefined name `c`"
        assert (await editor.command("why"))["reason"] == "nothing was asked yet"


async def test_two_servers_side_by_side_speak_two_languages(home: Home) -> None:
    async with (
        engine_for(home),
        editing(home, locale="zh-cn") as one,
        editing(home, locale="en") as other,
    ):
        reasons = [(await editor.command("why"))["reason"] for editor in (one, other, one)]
        assert reasons == ["还没有提出过请求", "nothing was asked yet", "还没有提出过请求"]


async def test_the_log_is_named(home: Home) -> None:
    async with engine_for(home), editing(home) as editor:
        log = (await editor.command("status"))["log"]
        assert Path(log).name == "server.log" and Path(log).read_text("utf-8") == home.log


async def test_a_cancelled_request_reports_its_waiting_time(home: Home) -> None:
    slow = {"text": "a + b " * 40, "delay_ms": 20}
    async with engine_for(home, WARM, slow) as engine, editing(home) as editor:
        await editor.until_ready()
        editor.open(CODE)
        asked = editor.send(editor.params(2, 0), "c")
        await engine.wait_for(2)
        editor.cancel("c")
        with pytest.raises(JsonRpcException):
            await asked
        why = await editor.command("why")
        assert why["reason"] == "the editor cancelled the request"
        assert 1 < why["ms"] < 5000
