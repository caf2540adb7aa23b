"""Every regular expression of the server takes a time in proportion to its text.

An attacker writes the text: a file that is opened, a model's answer, a tool's output. Nothing ends
a search that has begun, not even SIGTERM, so a pattern is linear or its text is bounded.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Mapping
from functools import cache

import pytest
from support import patterns
from support.patterns import Found, Maker

from tabwright.app.actions import inert_markdown
from tabwright.app.documents import secret_names
from tabwright.checks.syntax import risks
from tabwright.client.remote import emulate
from tabwright.core.intent import description
from tabwright.core.languages import LANGUAGES, Language
from tabwright.core.safety import key_shapes
from tabwright.core.syntax import excerpt, stubs
from tabwright.core.syntax.headers import FUNCTION_SYNTAX

MOST = 100_000  # characters
LIMIT_S = 0.05
# Functions that build a pattern at run time, and what they may build.
MAKERS: Mapping[str, Maker] = {
    "tabwright.core.syntax.brackets:_pattern": lambda module: [
        module._pattern(language) for language in _languages()
    ],
    "tabwright.core.syntax.excerpt:_pattern": lambda module: [
        module._pattern(language) for language in _languages()
    ],
    "tabwright.core.syntax.comments:_line_sign": lambda module: [
        module._line_sign(language.line_comment)
        for language in _languages()
        if language.line_comment
    ],
    "tabwright.core.syntax.functions:_result_sign": lambda module: [
        module._result_sign(sign, swift) for sign in ("", ":", "->") for swift in (False, True)
    ],
    "tabwright.core.syntax.headers:_patterns": lambda module: [],  # for FUNCTION_SYNTAX
    "tabwright.core.prompting.control_tokens:_pattern": lambda module: [
        module._any_of(()),
        module._unambiguous(),
    ],
    "tabwright.app.actions.inert_markdown:_closing": lambda module: [
        module._closing(ticks) for ticks in ("`", "```")
    ],
    "tabwright.app.documents.secret_names:_joined": lambda module: [
        module._any_name(),
        module._any_path(),
    ],
    "tabwright.core.postprocess.replies:_closing_fence": lambda module: [
        module._closing_fence("```")
    ],
    "tabwright.checks.examples.docstring_examples:_call_of": lambda module: [module._call_of("f")],
    "tabwright.checks.syntax.risks:_risks": lambda module: [
        pattern for language in (*module._BY_LANGUAGE, "") for pattern, _ in module._risks(language)
    ],
    "tabwright.engine.decoding.vocabulary:_names_pattern": lambda module: [
        module._names_pattern(["<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<s>", "</s>"])
    ],
}
# Patterns that are only matched at one place of a text, though they are kept in a table.
MATCHED = (
    "tabwright.checks.imports.insertion_by_lines:_IMPORT",
    "tabwright.core.syntax.functions:_result_sign",
    "tabwright.core.syntax.stubs:",
    "tabwright.app.documents.secret_names:_joined",
)
# Patterns that meet no longer text than this: where it is cut stands in the same file, or, for the
# headers of functions, in ``core.syntax.excerpt``.
BOUNDED: Mapping[str, int] = {
    "tabwright.checks.syntax.risks:": risks._LONGEST_LINE,
    "tabwright.client.remote.emulate:": emulate.MAX_CUT,
    "tabwright.core.syntax.functions:FUNCTION_SYNTAX": 2 * excerpt.REACH + excerpt._LONGEST_LINE,
    "tabwright.core.safety.key_shapes:": key_shapes.MAX_PIECE_CHARS,
    "tabwright.app.actions.inert_markdown:": inert_markdown._MOST_CHARACTERS,
    "tabwright.app.documents.secret_names:_joined": 5 * secret_names._MOST_OF_NAME,
    "tabwright.app.documents.secret_names:_BACKUP": secret_names._MOST_OF_NAME,
    "tabwright.app.documents.secret_names:_SECRET_YAML": secret_names._MOST_OF_NAME,
    "tabwright.app.documents.secret_names:_HARMLESS": secret_names._MOST_OF_NAME,
    "tabwright.app.documents.secret_names:": secret_names._MOST_CHARACTERS,
    "tabwright.core.syntax.stubs:": stubs._LONGEST,
    "tabwright.core.syntax.excerpt:": 2 * excerpt.REACH + excerpt._LONGEST_LINE,
    "tabwright.core.intent.description:": description._MAX_CHARS,
    "tabwright.lsp.convert:_WORD": 200,
}
PACKAGES = (
    *(
        "app",
        "assists",
        "checks",
        "client",
        "core",
        "engine",
        "lsp",
        "models",
        "cli",
        "statistics",
        "trust",
    ),
)


def _languages() -> tuple[Language, ...]:
    return tuple(LANGUAGES.values())


@cache
def found() -> tuple[Found, ...]:
    return tuple(patterns.find(MAKERS))


def is_matched(one: Found) -> bool:
    after_a_header = any(one.pattern is form.after for form in FUNCTION_SYNTAX.values())
    return one.place.startswith(MATCHED) or after_a_header


def seconds(one: Found, text: str | bytes) -> float:
    """CPU time of a search through a text, or of a match at its start; the best of some tries."""
    best = 1e9
    for _ in range(3):
        started = time.thread_time()
        if one.searched and not is_matched(one):
            for _found in one.pattern.finditer(text):
                pass
        else:
            one.pattern.match(text)
        best = min(best, time.thread_time() - started)
        if best < LIMIT_S / 10:
            break
    return best


def slow_text(one: Found) -> str:
    """A text that takes the pattern too long, described; "" when there is none."""
    most = next((size for place, size in BOUNDED.items() if one.place.startswith(place)), MOST)
    for pump in patterns.pumps(one.pattern):
        before = 0.0
        # Short ones first: what takes exponential time must not be tried at full length. Where five
        # times the text takes about five times as long, all of it does so too.
        for length in (12, 20, 28, 40, 64, 256, most // 20, most // 4, most):
            took = seconds(one, pump(length))
            if took > LIMIT_S:
                return f"{took:.2f} s for {length} characters: {pump.__name__}"
            if length == most // 20 and took * 400 < LIMIT_S:
                break
            if length == most // 4 and took < 8 * before and took * 6 < LIMIT_S:
                break
            before = took
    return ""


def test_no_pattern_is_hidden() -> None:
    assert len(found()) > 200
    assert {one.place.split(".")[1].split(":")[0] for one in found()} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.timeout(600)
def test_patterns_take_linear_time(package: str) -> None:
    slow = {
        f"{one.place} {one.pattern.pattern!r:.80}": text
        for one in found()
        if one.place.split(".")[1].split(":")[0] == package and (text := slow_text(one))
    }

    assert not slow, "\n".join(f"{place}\n    {text}" for place, text in slow.items())


@pytest.mark.parametrize(
    "pattern", [r"for\s+\w+\s*=.+?\s*,?\s+the\b", r"\s+$", r"(?:a|aa)+$", r"\(.*;"]
)
def test_a_slow_pattern_is_seen(pattern: str) -> None:
    assert slow_text(Found("here", re.compile(pattern), searched=True))


@pytest.mark.parametrize("source", ["from re import compile", "import regex", "import re as other"])
def test_a_hidden_way_to_compile_is_refused(source: str) -> None:
    with pytest.raises(patterns.Unknown):
        patterns.has_patterns("tabwright.new", ast.parse(source))
