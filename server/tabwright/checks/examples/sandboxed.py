"""The examples' side of the sandbox: loads the source, runs each example and judges its result.

It runs in the process that ``sandbox.launcher`` has shut in, and imports nothing of ours. The code
that it runs shares the interpreter with it, so it can forge results; that makes a candidate of the
model look better than it is, and nothing else.
"""

from __future__ import annotations

import ast
import contextlib
import io
import math
import sys
import traceback
import types
from collections.abc import Callable, Coroutine
from typing import Any

from tabwright.core.message import Message, to_json

_MOST_TEXT = 400
_SKIPPED = ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Expr | ast.Assert
_NO_THREAD = "can't start new thread"


class ExternalWait(BaseException):
    """An example waits for something outside; no example can catch it with ``except Exception``."""


def load(source: str) -> tuple[dict[str, object], bool]:
    """The module's names, from its definitions, imports and assignments alone; did all work?

    Each statement runs by itself, so that one that fails (a package that is not here) costs no
    other; calls, loops and ``if __name__ == "__main__"`` are passed over.
    """
    home = types.ModuleType("__examples__")
    sys.modules[home.__name__] = home
    names = home.__dict__
    tree = ast.parse(source)
    future = [one for one in tree.body if isinstance(one, ast.ImportFrom) and _is_future(one)]
    whole = True
    for statement in tree.body:
        if isinstance(statement, _SKIPPED) or statement in future or _is_main(statement):
            continue
        module = ast.Module([*future, statement], [])
        try:
            exec(compile(module, "<examples>", "exec", dont_inherit=True), names)
        except BaseException:  # noqa: BLE001 - whatever a module does when it is loaded
            whole = False
    return names, whole


def _is_future(statement: ast.ImportFrom) -> bool:
    return statement.module == "__future__"


def _is_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__main__" in ast.dump(statement.test)


def judge(
    names: dict[str, object], whole: bool, call: str, want: str, printed: bool
) -> Message | None:
    """What went wrong with an example; None when it passed, or when that cannot be told."""
    shown = io.StringIO()
    value: object = None
    try:
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(io.StringIO()):
            try:
                code = compile(call, "<example>", "eval", dont_inherit=True)
            except SyntaxError:
                exec(compile(call, "<example>", "exec", dont_inherit=True), names)
            else:
                value = eval(code, names)
                if isinstance(value, Coroutine):
                    value = await_it(value)
    except (SyntaxError, ImportError, ExternalWait):
        return None
    except BaseException as error:  # noqa: BLE001 - whatever an example raises
        if want.startswith("Traceback"):
            return None if type(error).__name__ in want else Message("raised {0}", _said(error))
        if _is_of_here(error) or (isinstance(error, NameError) and not whole):
            return None
        return Message("raised {0}", _said(error))
    if not printed:
        return _judge_value(names, value, want)
    if not want:
        return None
    got = shown.getvalue() + ("" if value is None else repr(value))
    if _same_text(got, want):
        return None
    try:
        if not shown.getvalue() and same(value, ast.literal_eval(want)):
            return None
    except (SyntaxError, ValueError, TypeError):
        pass
    if want.startswith("Traceback"):
        want = want.strip().splitlines()[-1].strip()
    return Message("gave {0}, not {1}", _short(got.strip() or "nothing"), _short(want.strip()))


def _judge_value(names: dict[str, object], value: object, want: str) -> Message | None:
    try:
        wanted = eval(compile(want, "<example>", "eval", dont_inherit=True), names)
    except BaseException:  # noqa: BLE001 - what is wanted cannot be told
        return None
    if same(value, wanted):
        return None
    # ("Venus") is meant as a tuple of one.
    one = isinstance(value, tuple) and len(value) == 1
    if one and want.startswith("(") and same(value, (wanted,)):
        return None
    return Message("gave {0}, not {1}", _short(repr(value)), _short(want))


def _is_of_here(error: BaseException) -> bool:
    """Whether an error comes of there being no files, network, processes or threads here."""
    return isinstance(error, OSError) or str(error) == _NO_THREAD


def await_it(waiting: Coroutine[object, None, object]) -> object:
    """The result of a coroutine that waits for nothing outside; ExternalWait for any other."""
    try:
        while waiting.send(None) is None:
            pass
    except StopIteration as done:
        return done.value
    except RuntimeError as error:
        if "event loop" not in str(error):
            raise
    raise ExternalWait("waits for something outside")


def same(value: object, wanted: object) -> bool:
    """Equal, with lists and tuples alike and numbers within a millionth."""
    numbers = (int, float, complex)
    if isinstance(value, float) and isinstance(wanted, numbers) and not isinstance(wanted, complex):
        return math.isclose(value, wanted, rel_tol=1e-6, abs_tol=1e-6) or value == wanted
    if isinstance(wanted, float) and isinstance(value, int):
        return math.isclose(value, wanted, rel_tol=1e-6, abs_tol=1e-6)
    if isinstance(value, (list, tuple)) and isinstance(wanted, (list, tuple)):
        return len(value) == len(wanted) and all(map(same, value, wanted))
    if isinstance(value, dict) and isinstance(wanted, dict):
        return value.keys() == wanted.keys() and all(same(value[key], wanted[key]) for key in value)
    return bool(value == wanted)


def _same_text(got: str, want: str) -> bool:
    got, want = (" ".join(text.split()) for text in (got, want.replace("<BLANKLINE>", "")))
    if "..." in want:
        return _in_order(got, [part.strip() for part in want.split("...")])
    return got == want


def _in_order(text: str, parts: list[str]) -> bool:
    """Whether a text is these parts in this order with anything between them, in linear time."""
    first, *middle, last = parts
    end = len(text) - len(last)
    at = len(first)
    if not text.startswith(first) or not text.endswith(last) or end < at:
        return False
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def _said(error: BaseException) -> str:
    return _short(traceback.format_exception_only(type(error), error)[-1].strip())


def _short(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"


def answer(work: dict[str, Any], say: Callable[[object], None]) -> None:
    """Say "loaded", then for each example its number and what went wrong, None for nothing.

    ``work`` is {"source": text, "examples": [[function, call, want, printed], …]}.
    """
    names, whole = load(work["source"])
    say("loaded")
    spaces: dict[str, dict[str, object]] = {}
    for number, (function, call, want, printed) in enumerate(work["examples"]):
        space = spaces.setdefault(function, dict(names))
        wrong = judge(space, whole, call, want, printed)
        say([number, None if wrong is None else to_json(wrong)])
