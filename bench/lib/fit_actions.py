"""Actions that were seen to fail: asked of the real server, and judged by what can be seen."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.lib.fit_cases import FitCase
from bench.lib.fit_checks import PARSES, REPEATED
from bench.lib.parse_errors import errors, nodes, tree
from tabwright.lsp.language_client import Json, LspClient, ResponseError, StaleEdit

if TYPE_CHECKING:
    from bench.lib.fits import FitResult

SLOW, ERROR, NO_REASON = "slow", "error", "no-reason"
LEFT, QUOTES, CODE, IGNORED = "left", "quotes", "code-changed", "ignored"
MOST_S = 10.0
_UNNECESSARY = 1
_REWRITE = "refactor.rewrite.tabwright."
_EDIT = re.compile(r'tabwright\.edit range (\d+):(\d+)-(\d+):(\d+) "(.*)"')
_CALL = re.compile(r"[\w.]+\([^)]*\)")
_WRONG_NAME = re.compile(r"\b(?:known attribute|access attribute|undefined|not defined|unknown)\b")
# What a client may send beside a good diagnostic.
_ODD: Json = {"range": None, "message": "odd", "severity": 5, "tags": [99], "codeDescription": {}}


class Refused(Exception):
    """No edit came; the message is the reason, empty where none was given."""


async def ask(client: LspClient, uri: str, case: FitCase) -> FitResult:
    """Ask for the case's action, and judge the document with its edit."""
    from bench.lib.fits import FitResult

    shown: list[str] = []

    def listen(method: str, params: Json) -> None:
        if method == "window/showMessage":
            shown.append(str(params.get("message", "")))

    client.on_notification = listen
    client.open(uri, case.language_id, case.text)
    started = time.perf_counter()
    result, why, found = None, "", list[str]()
    try:
        result = await _document(client, uri, case)
        found += judged(case, result)
    except Refused as error:
        why = "; ".join(filter(None, (str(error), *shown)))
        found += [] if why else [NO_REASON]
    except (ResponseError, StaleEdit) as error:
        why = str(error)
        found.append(ERROR)
    seconds = time.perf_counter() - started
    client.close(uri)
    client.on_notification = None
    found += [SLOW] if seconds > MOST_S else []
    return FitResult(case, result, result or "", seconds, tuple(found), why)


async def _document(client: LspClient, uri: str, case: FitCase) -> str:
    edit = _EDIT.search(case.action)
    if edit:
        line, start, end_line, end, instruction = edit.groups()
        where = {
            "start": {"line": int(line), "character": int(start)},
            "end": {"line": int(end_line), "character": int(end)},
        }
        argument = {"uri": uri, "range": where, "version": client.version(uri)}
        asked = {**argument, "instruction": instruction, "apply": False}
        return _applied(client, uri, case, await client.execute("tabwright.edit", asked))
    listed = await _listed(client, uri, case)
    if not listed:
        raise Refused("no such action is listed")
    resolved = listed[0] if listed[0].get("edit") else await client.resolve(listed[0])
    return _applied(client, uri, case, resolved)


async def _listed(client: LspClient, uri: str, case: FitCase) -> list[Json]:
    is_fix = case.action == "quickfix" or case.action.startswith("codeAction")
    diagnostics: list[Json] = list(case.request.get("diagnostics", []))
    if case.action.startswith("codeAction"):
        at = {"line": case.text.count("\n", 0, case.offset), "character": 11}
        name = {**at, "character": 12}
        good: Json = {"range": {"start": at, "end": name}, "message": "undefined name 'y'"}
        diagnostics = [dict(_ODD), {**good, "source": "Ruff", "code": "F821", "severity": 1}]
    start, end = _span(case)
    only = "quickfix" if is_fix else _REWRITE + case.action
    return await client.code_actions(
        uri, case.text, start, end, only=[only], diagnostics=diagnostics
    )


def _span(case: FitCase) -> tuple[int, int]:
    where = case.request.get("range")
    if not where:
        return case.offset, case.offset
    start, end = (_offset(case.text, where[side]) for side in ("start", "end"))
    return start, end


def _offset(text: str, place: Mapping[str, int]) -> int:
    """The offset of a position whose column is counted in UTF-16 units."""
    lines = text.split("\n")
    line = lines[place["line"]].encode("utf-16-le")[: 2 * place["character"]].decode("utf-16-le")
    return sum(len(one) + 1 for one in lines[: place["line"]]) + len(line)


def _applied(client: LspClient, uri: str, case: FitCase, answer: Json) -> str:
    """The document after an edit, or the new document it creates."""
    edit = answer.get("edit")
    if not isinstance(edit, dict):
        parts = [answer.get(key) for key in ("message", "reason")]
        raise Refused("; ".join(str(part) for part in parts if part))
    made = client.applied(edit, {uri: case.text})
    return made.get(uri) or next(iter(made.values()), case.text)


def judged(case: FitCase, result: str) -> list[str]:
    """What is wrong with a document after an action, as far as its text tells."""
    if case.action in ("tests", "translate"):
        return []
    before, after = (errors(text, case.language_id) or 0 for text in (case.text, result))
    found = {
        PARSES: after > before,
        REPEATED: _repeats(case.text, result),
        LEFT: any(_is_left(case, result, one) for one in case.request.get("diagnostics", [])),
        QUOTES: result.count('"') > case.text.count('"')
        and result.count("'") < case.text.count("'"),
        IGNORED: _ignores(case, result),
        CODE: case.action == "document" and _code(case, case.text) != _code(case, result),
    }
    return [name for name, is_there in found.items() if is_there]


def _repeats(before: str, after: str) -> bool:
    """Whether a line of some words stands more often than it did, and did before."""
    lines = [line.strip() for line in before.split("\n")]
    now = [line.strip() for line in after.split("\n")]
    known = {line for line in lines if len(re.findall(r"\w+", line)) > 2}
    return any(now.count(line) > lines.count(line) for line in known)


def _changes_quotes(before: str, after: str) -> bool:
    """Whether single quotes became double ones, which no action was asked to do."""
    return after.count('"') > before.count('"') and after.count("'") < before.count("'")


def _ignores(case: FitCase, result: str) -> bool:
    """Whether an edit lacks the call that its instruction names."""
    edit = _EDIT.search(case.action)
    return edit is not None and any(call not in result for call in _CALL.findall(edit[5]))


def _is_left(case: FitCase, result: str, diagnostic: Mapping[str, Any]) -> bool:
    """Whether a name that nothing uses is still there, or one that does not exist is still used."""
    start, end = (_offset(case.text, diagnostic["range"][side]) for side in ("start", "end"))
    words = [
        one for one in re.finditer(r"\w+", case.text) if one.end() > start and one.start() < end
    ]
    if not words:
        return False
    name = re.compile(rf"\b{re.escape(words[-1][0])}\b")
    now, before = len(name.findall(result)), len(name.findall(case.text))
    if _UNNECESSARY in diagnostic.get("tags", []):
        return now > 0
    return bool(_WRONG_NAME.search(str(diagnostic.get("message")))) and now >= before


def _code(case: FitCase, text: str) -> Sequence[str]:
    """The words and signs of a text without its comments; Python's docstrings stay."""
    parsed = tree(text, case.language_id)
    if parsed is None or case.language_id == "python":
        return []
    return [
        (node.text or b"").decode(errors="replace")
        for node in nodes(parsed.root_node)
        if not node.children and "comment" not in node.type
    ]
