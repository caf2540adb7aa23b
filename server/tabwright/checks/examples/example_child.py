"""Load the source, run each example and compare its result; this runs inside the sandbox.

It runs in the process that ``sandbox.launcher`` has isolated, and imports only ``core.message``.
The examples share its interpreter, so they can forge results: a candidate of the model then looks
better than it is, but nothing else is affected.
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

_MAX_TEXT = 400
_SKIPPED = ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Expr | ast.Assert
_NO_THREAD = "can't start new thread"


class ExternalWait(BaseException):
    """An example waits for something outside; ``except Exception`` does not catch it."""


def load_module(source: str) -> tuple[dict[str, object], bool]:
    """Run a module's definitions, imports and assignments; return its names, and if all worked.

    Each statement runs by itself, so that one that fails (a missing package) does not stop the
    others. Calls, loops and ``if __name__ == "__main__"`` are skipped.
    """
    module = types.ModuleType("__examples__")
    sys.modules[module.__name__] = module
    names = module.__dict__
    tree = ast.parse(source)
    future = [one for one in tree.body if isinstance(one, ast.ImportFrom) and _is_future(one)]
    complete = True
    for statement in tree.body:
        if isinstance(statement, _SKIPPED) or statement in future or _is_main(statement):
            continue
        single = ast.Module([*future, statement], [])
        try:
            exec(compile(single, "<examples>", "exec", dont_inherit=True), names)
        except BaseException:  # noqa: BLE001 - a module may raise anything
            complete = False
    return names, complete


def _is_future(statement: ast.ImportFrom) -> bool:
    return statement.module == "__future__"


def _is_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__main__" in ast.dump(statement.test)


def run_example(
    names: dict[str, object], complete: bool, call: str, want: str, printed: bool
) -> Message | None:
    """Return the error of an example; None when it passed or cannot be compared."""
    printed_text = io.StringIO()
    value: object = None
    try:
        with contextlib.redirect_stdout(printed_text), contextlib.redirect_stderr(io.StringIO()):
            try:
                code = compile(call, "<example>", "eval", dont_inherit=True)
            except SyntaxError:
                exec(compile(call, "<example>", "exec", dont_inherit=True), names)
            else:
                value = eval(code, names)
                if isinstance(value, Coroutine):
                    value = await_result(value)
    except (SyntaxError, ImportError, ExternalWait):
        return None
    except BaseException as error:  # noqa: BLE001 - an example may raise anything
        if want.startswith("Traceback"):
            return None if type(error).__name__ in want else Message("raised {0}", _describe(error))
        if _is_caused_by_sandbox(error) or (isinstance(error, NameError) and not complete):
            return None
        return Message("raised {0}", _describe(error))
    if not printed:
        return _compare_value(names, value, want)
    if not want:
        return None
    got = printed_text.getvalue() + ("" if value is None else repr(value))
    if _equal_output(got, want):
        return None
    try:
        if not printed_text.getvalue() and equal_results(value, ast.literal_eval(want)):
            return None
    except (SyntaxError, ValueError, TypeError):
        pass
    if want.startswith("Traceback"):
        want = want.strip().splitlines()[-1].strip()
    return Message(
        "gave {0}, expected {1}", _shorten(got.strip() or "nothing"), _shorten(want.strip())
    )


def _compare_value(names: dict[str, object], value: object, want: str) -> Message | None:
    try:
        wanted = eval(compile(want, "<example>", "eval", dont_inherit=True), names)
    except BaseException:  # noqa: BLE001 - the expected value is unknown
        return None
    if equal_results(value, wanted):
        return None
    # People write ("Venus") for a tuple of one item.
    one = isinstance(value, tuple) and len(value) == 1
    if one and want.startswith("(") and equal_results(value, (wanted,)):
        return None
    return Message("gave {0}, expected {1}", _shorten(repr(value)), _shorten(want))


def _is_caused_by_sandbox(error: BaseException) -> bool:
    """Whether the sandbox caused the error: it has no files, network, processes or threads."""
    return isinstance(error, OSError) or str(error) == _NO_THREAD


def await_result(waiting: Coroutine[object, None, object]) -> object:
    """Run a coroutine and return its result; raises ExternalWait if it waits for the outside."""
    try:
        while waiting.send(None) is None:
            pass
    except StopIteration as done:
        return done.value
    except RuntimeError as error:
        if "event loop" not in str(error):
            raise
    raise ExternalWait("waits for something outside")


def equal_results(value: object, wanted: object) -> bool:
    """Whether values are equal: lists equal tuples, floats may differ by a millionth."""
    numbers = (int, float, complex)
    if isinstance(value, float) and isinstance(wanted, numbers) and not isinstance(wanted, complex):
        return math.isclose(value, wanted, rel_tol=1e-6, abs_tol=1e-6) or value == wanted
    if isinstance(wanted, float) and isinstance(value, int):
        return math.isclose(value, wanted, rel_tol=1e-6, abs_tol=1e-6)
    if isinstance(value, (list, tuple)) and isinstance(wanted, (list, tuple)):
        return len(value) == len(wanted) and all(map(equal_results, value, wanted))
    if isinstance(value, dict) and isinstance(wanted, dict):
        return value.keys() == wanted.keys() and all(
            equal_results(value[key], wanted[key]) for key in value
        )
    return bool(value == wanted)


def _equal_output(got: str, want: str) -> bool:
    got, want = (" ".join(text.split()) for text in (got, want.replace("<BLANKLINE>", "")))
    if "..." in want:
        return _has_parts_in_order(got, [part.strip() for part in want.split("...")])
    return got == want


def _has_parts_in_order(text: str, parts: list[str]) -> bool:
    """Whether a text has these parts in order, with any text between them; in linear time."""
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


def _describe(error: BaseException) -> str:
    return _shorten(traceback.format_exception_only(type(error), error)[-1].strip())


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def run_examples(work: dict[str, Any], send: Callable[[object], None]) -> None:
    """Send "loaded", then for each example [its number, its error], None for no error.

    ``work`` is {"source": text, "examples": [[function, call, want, printed], …]}.
    """
    names, complete = load_module(work["source"])
    send("loaded")
    namespaces: dict[str, dict[str, object]] = {}
    for number, (function, call, want, printed) in enumerate(work["examples"]):
        namespace = namespaces.setdefault(function, dict(names))
        error = run_example(namespace, complete, call, want, printed)
        send([number, None if error is None else to_json(error)])
