"""Record which of our functions and files a piece of work goes through."""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import tabwright

_ROOT = Path(tabwright.__file__).parent
# They run inside a function that is counted.
_INNER = ("<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>", "<lambda>", "<module>")


class CallTrace:
    """Distinct functions (``file:name``) of some packages, and the dataclasses they were given.

    Nested functions, lambdas and comprehensions count as part of the function that they stand in,
    and so does all that one of the ``leaves`` calls.
    """

    def __init__(self, packages: Sequence[str], leaves: Sequence[str] = ()) -> None:
        self.functions: set[str] = set()
        self.dataclasses: set[str] = set()
        self._folders = tuple(f"{_ROOT / package}{os.sep}" for package in packages)
        self._leaves = leaves
        self._within = threading.local()  # the frame of a leaf, while it runs
        self._recording = True

    @property
    def files(self) -> set[str]:
        return {name.partition(":")[0] for name in self.functions}

    def clear(self) -> None:
        """Forget what was recorded."""
        self.functions.clear()
        self.dataclasses.clear()

    def stop(self) -> None:
        """Record nothing more."""
        self._recording = False

    def __str__(self) -> str:
        counts = f"{len(self.functions)} functions, {len(self.files)} files"
        return "\n".join([*sorted(self.functions), f"{counts}, {sorted(self.dataclasses)}"])

    def note(self, frame: FrameType, event: str, _: object) -> None:
        """For `sys.setprofile`."""
        code = frame.f_code
        leaf = getattr(self._within, "leaf", None)
        if leaf is not None:
            if event == "return" and frame is leaf:
                self._within.leaf = None
            return
        if event != "call" or not self._recording or code.co_name in _INNER:
            return
        if not code.co_filename.startswith(self._folders):
            return
        file = Path(code.co_filename).relative_to(_ROOT).as_posix()
        function = f"{file}:{code.co_qualname.partition('.<locals>')[0]}"
        self.functions.add(function)
        if function in self._leaves:
            self._within.leaf = frame
        for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
            given = type(frame.f_locals.get(name))
            if dataclasses.is_dataclass(given) and given.__module__.startswith("tabwright."):
                self.dataclasses.add(given.__name__)


@contextmanager
def tracing(trace: CallTrace) -> Iterator[None]:
    """Record the calls of this thread, and of those that are started within."""
    before = sys.getprofile()
    threading.setprofile(trace.note)
    sys.setprofile(trace.note)
    try:
        yield
    finally:
        sys.setprofile(before)
        threading.setprofile(None)
