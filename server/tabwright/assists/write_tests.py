"""Write tests in a new file beside the code, for the language's usual test runner."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from tabwright.assists.code_prompt import code_prompt
from tabwright.assists.request import ActionRequest
from tabwright.assists.rewriting import NO_CODE, dedented_code, fenced, selected_lines
from tabwright.core.action import Action, Proposal
from tabwright.core.languages import by_id
from tabwright.core.message import Message
from tabwright.core.postprocess.replies import extract_code, without_blank_edges
from tabwright.core.task import Nothing

_MAX_TOKENS = 700
_DEFINITION = re.compile(
    r"^(?:export\s++)?(?:async\s++)?(?:def|class|function|func|fn|const)\s++(\w+)", re.MULTILINE
)


@dataclass(frozen=True)
class Runner:
    """A language's test runner: its name, the test file's name, the start of the test file.

    In ``file`` and ``opening``, {0} is the module's name and {1} the names that it defines.
    """

    name: str
    file: str
    opening: str


RUNNERS: Mapping[str, Runner] = {
    "python": Runner("pytest", "test_{0}.py", "from {0} import {1}\n"),
    "javascript": Runner(
        "node:test",
        "{0}.test.js",
        'const test = require("node:test");\nconst assert = require("node:assert");\n'
        'const {{ {1} }} = require("./{0}");\n',
    ),
    "typescript": Runner("Vitest", "{0}.test.ts", 'import {{ {1} }} from "./{0}";\n'),
    "java": Runner("JUnit 5", "{0}Test.java", ""),
    "go": Runner("Go's testing package", "{0}_test.go", ""),
    "rust": Runner("cargo test", "{0}_test.rs", ""),
    "cpp": Runner("plain assert() in main", "{0}_test.cpp", ""),
    "c": Runner("plain assert() in main", "{0}_test.c", ""),
    "csharp": Runner("xUnit", "{0}Tests.cs", ""),
}


def prepare(request: ActionRequest) -> Action | Nothing:
    """Return the action that writes tests for the selected code, or why there is none."""
    language_id = request.snapshot.language_id
    runner = RUNNERS.get(language_id.removesuffix("react"))
    if runner is None:
        return Nothing(Message("no test runner is known for {0}", by_id(language_id).name))
    span = selected_lines(request)
    if isinstance(span, Nothing):
        return span
    code, indent = dedented_code(request, span)
    module = module_name(request.snapshot.uri)
    names = ", ".join(dict.fromkeys(_DEFINITION.findall(code)))
    if not names:
        return Nothing(Message("there is no function or class here to test"))
    opening = runner.opening.format(module, names)
    question = (
        f"Write tests with {runner.name} for this {by_id(language_id).name} code of the module "
        f"{module}: the usual case, the edges and what must fail. Small tests, each with one "
        f"reason to fail; work out each expected value carefully.\n\n{fenced(code, language_id)}"
    )
    prompt, stop = code_prompt(request, question, language_id, opening)
    return Action(
        kind="tests",
        snapshot=request.snapshot,
        span=span,
        language_id=language_id,
        prompt=prompt,
        stop=stop,
        max_tokens=_MAX_TOKENS,
        opening=opening,
        indent=indent,
        new_document=runner.file.format(module),
        instruction=request.instruction,
    )


def finish(action: Action, answer: str) -> Proposal | Nothing:
    """Return the test file's text, or why there is none."""
    written = extract_code(answer, opened=True)
    if not written.strip():
        return Nothing(NO_CODE)
    return Proposal(without_blank_edges(action.opening + written))


def module_name(uri: str) -> str:
    """Return the module name of a file: the file name without its extension."""
    name = unquote(urlsplit(uri).path).rsplit("/", 1)[-1]
    return name.split(".", 1)[0] or "module"
