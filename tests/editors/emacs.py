"""A batch Emacs that runs one scenario of emacs_driver.el and tells what it saw."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from editors.required import CLIENTS, SERVER, absent, program
from support.editor import Home

INSTALL = "apt-get install --no-install-recommends emacs-nox elpa-eglot elpa-lsp-mode elpa-company"
DRIVER = Path(__file__).with_name("emacs_driver.el")

Facts = list[tuple[str, Any]]


def lisp(value: object) -> str:
    """A Lisp literal of a text, a number or a list of them."""
    if isinstance(value, list):
        return "(list " + " ".join(map(lisp, value)) + ")"
    return json.dumps(value, ensure_ascii=False)


async def run(
    home: Home,
    scenario: str,
    text: str,
    *arguments: object,
    folder: Path | None = None,
    server: list[str] = SERVER,
    environment: Mapping[str, str] | None = None,
) -> Facts:
    """The facts that a scenario reports about a Python file with that text, in order.

    The file lies in ``folder``, where Emacs is started: the home, or another.
    """
    path = (folder or home.path) / "code.py"
    path.write_text(text, "utf-8")
    call = f"({scenario} {lisp(str(path))} {' '.join(map(lisp, arguments))})"
    forms = ["(progn (require 'package) (package-initialize))", "(prefer-coding-system 'utf-8)"]
    process = await asyncio.create_subprocess_exec(
        program("emacs", INSTALL),
        *("--batch", "-q", "--eval", forms[0], "--eval", forms[1]),
        *("-L", str(CLIENTS / "emacs"), "-l", "tabwright", "-l", str(DRIVER)),
        *("--eval", f"(setq tabwright-command '{lisp(server).replace('(list ', '(')})"),
        *("--eval", call),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=home.environment({"LC_ALL": "C.UTF-8", **(environment or {})}),
        cwd=folder or home.path,
    )
    out, err = await asyncio.wait_for(process.communicate(), 90)
    said = err.decode("utf-8", "replace")
    if "Cannot open load file" in said:
        absent(f"a package of Emacs is not here; install it with: {INSTALL}")
    assert process.returncode == 0, said
    facts: Facts = []
    for line in out.decode().splitlines():
        if line.startswith("{"):
            facts.extend(json.loads(line).items())
    return facts


def of(facts: Facts, name: str) -> list[Any]:
    """The facts of one name."""
    return [value for key, value in facts if key == name]
