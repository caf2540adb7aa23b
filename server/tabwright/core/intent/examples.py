"""Parse examples from text: calls and their results, as doctests, with arrows, in sentences."""

from __future__ import annotations

import re

Example = tuple[str, str]

_MAX_EXAMPLES = 40
_MAX_LINE_CHARS = 500
_PROMPT = re.compile(r"\s*+>>> ?(?P<code>.*)")
_CONTINUATION = re.compile(r"\s*+\.\.\.(?: (?P<code>.*)|\s*+$)")
_CALL = re.compile(r"(?<![\w.$])[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*){0,4}\(", re.ASCII)
# ``f(a, b)`` only mentions the function; it is not an example.
_NAMES_ONLY = re.compile(r"\s*+[^\W\d]\w*\s*+(?:,\s*+[^\W\d]\w*\s*+)*\)$")
_RESULT_SIGN = re.compile(
    r"`?\s*+(?:={1,2}>|-{1,2}>|===?|➞|→|⇒|⟶|↦|(?:should |must |will |would )?(?:be |is |equals? "
    r"|return[s]? |gives? |yields? |outputs? |evaluates? to |results? in )(?:equal to )?"
    r"|应该?返回|返回|等于|得到|应该?为|结果[是为]?|输出|为)[:：]?\s*+`?",
    re.IGNORECASE,
)
_VALUE_START = re.compile(
    r"[\"'(\[{]|[-+]?\.?\d|(?:True|False|None|true|false|null|nil|undefined|NULL|NaN|Infinity|Ok|Err"
    r"|Some|nullptr)\b|[A-Za-z_][\w.]*[(\[{]"
)
_COMMENT = re.compile(r"(?<!\s)\s++(?:#|//).*")
_AT_START = re.compile(r"\s*+(?:[-*]|\d+[.)])?\s*+")
_EQUALS = re.compile(r"\s*+=\s*+(?=\S)")
_INPUT_START = re.compile(
    r"(?:^|[\s:：])(?:for|input|given|输入|对于)\s*+[:：]?\s*+", re.IGNORECASE
)
_ARGUMENT_NAME = re.compile(r"[A-Za-z_]\w*\s*+=\s*+", re.ASCII)
_ARGUMENT_SEPARATOR = re.compile(r"\s*+[,，;；、]\s*+(?:and\s++)?|\s++and\s++")
_OUTPUT = re.compile(
    r"(?:output|result|answer|输出|结果)\s*+"
    r"(?:(?:should|must|will|would) be|is|应该?[为是]|[为是])?"
    r"\s*+[:：]?\s*+",
    re.IGNORECASE,
)
_CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
_OPERATOR = re.compile(r"\s*+(?:===?)\s*+")


def examples(text: str, name: str = "") -> tuple[Example, ...]:
    """Return every example in the text, in order: the call's text and the result's text.

    The call includes the preceding doctest lines that have no output. When the text has
    no calls and the function's ``name`` is given, inputs and outputs without a call are used.
    """
    lines = text.split("\n")
    found: list[Example] = []
    setup: list[str] = []
    number = 0
    while number < len(lines) and len(found) < _MAX_EXAMPLES:
        prompt = _PROMPT.match(lines[number])
        if prompt is None:
            setup = []
            found += _in_line(lines[number][:_MAX_LINE_CHARS])
            number += 1
            continue
        code, number = _rest_of_prompt(lines, number + 1, prompt["code"])
        result, number = _output(lines, number)
        if not result and (equal := _equality(code)):
            code, result = equal
        setup.append(code)
        if result:
            found.append(("\n".join(setup), result))
            setup = []
    return (
        tuple(found[:_MAX_EXAMPLES])
        if found or not name
        else tuple(_inputs_and_outputs(lines, name)[:_MAX_EXAMPLES])
    )


def _inputs_and_outputs(lines: list[str], name: str) -> list[Example]:
    """Find examples given as inputs and outputs: ``For a = 1, b = 2 the output should be 3``."""
    found: list[Example] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        start = _INPUT_START.search(line[:_MAX_LINE_CHARS])
        if start is None:
            continue
        values, at = [], start.end()
        while named := _ARGUMENT_NAME.match(line, at) or re.compile("").match(line, at):
            value = value_at(line[:_MAX_LINE_CHARS], named.end())
            separator = _ARGUMENT_SEPARATOR.match(line, named.end() + len(value))
            values += [value] if value else []
            at = named.end() + len(value)
            if not value or separator is None:
                break
            at = separator.end()
        rest = line[at:_MAX_LINE_CHARS]
        output_line = rest if _OUTPUT.search(rest) else following[:_MAX_LINE_CHARS]
        output = _OUTPUT.search(output_line)
        result = value_at(output_line, output.end()) if output and values else ""
        if result:
            found.append((f"{name}({', '.join(values)})", result))
    return found


def without_examples(text: str) -> str:
    """Return the text without doctests and without lines that begin with an example."""
    lines = text.split("\n")
    kept: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if prompt := _PROMPT.match(line):
            _, number = _rest_of_prompt(lines, number, prompt["code"])
            _, number = _output(lines, number)
            continue
        head = _AT_START.match(line)
        start = head.end() if head else 0
        if not (_CALL.match(line, start) and _in_line(line[:_MAX_LINE_CHARS])):
            kept.append(line)
    return "\n".join(kept)


def _rest_of_prompt(lines: list[str], number: int, code: str) -> tuple[str, int]:
    parts = [code]
    while number < len(lines) and (more := _CONTINUATION.match(lines[number])):
        parts.append(more["code"] or "")
        number += 1
    return "\n".join(parts).strip(), number


def _output(lines: list[str], number: int) -> tuple[str, int]:
    start = number
    while number < len(lines) and lines[number].strip() and not _PROMPT.match(lines[number]):
        number += 1
    margin = min((len(line) - len(line.lstrip()) for line in lines[start:number]), default=0)
    return "\n".join(line[margin:].rstrip() for line in lines[start:number]), number


def _equality(code: str) -> Example | None:
    """Return both sides of a prompt that is a comparison: ``>>> f(2) == 4``."""
    called = _CALL.match(code)
    end = _closer_end(code, called.end() - 1) if called else -1
    if end < 0:
        return None
    result_sign = _OPERATOR.match(code, end) or _RESULT_SIGN.match(code, end)
    result = _COMMENT.sub("", code[result_sign.end() :]).strip() if result_sign else ""
    return (code[:end], result) if result else None


def _in_line(line: str) -> list[Example]:
    found: list[Example] = []
    at = 0
    while called := _CALL.search(line, at):
        end = _closer_end(line, called.end() - 1)
        at = called.end()
        result_sign = _RESULT_SIGN.match(line, end) if end >= 0 else None
        if result_sign is None:
            found += _equation(line, called.start(), end)
            continue
        result = value_at(line, result_sign.end())
        if result and not result.startswith(called[0]) and not _NAMES_ONLY.match(line, at, end):
            found.append((line[called.start() : end], result))
            at = result_sign.end() + len(result)
    return found


def _equation(line: str, start: int, end: int) -> list[Example]:
    """Parse a line that is only ``f(2) = 4``."""
    head = _AT_START.match(line)
    result_sign = _EQUALS.match(line, end) if end >= 0 else None
    if head is None or head.end() != start or result_sign is None:
        return []
    result = value_at(line, result_sign.end())
    return [(line[start:end], result)] if line[result_sign.end() :].strip() == result else []


def value_at(line: str, at: int) -> str:
    """Return the literal or constructor call at an offset of a line; "" for anything else."""
    if not _VALUE_START.match(line, at):
        return ""
    end = at
    while end < len(line):
        char = line[end]
        if char in "\"'":
            quote_end = _string_end(line, end)
            if quote_end < 0:
                break
            end = quote_end
        elif char in _CLOSER_OF:
            closer_end = _closer_end(line, end)
            if closer_end < 0:
                break
            end = closer_end
        elif char.isspace() or char in ",;`)]}。，；、）" or ord(char) > 0x2E80:
            break
        else:
            end += 1
    return line[at:end].rstrip(".:!?")


def _string_end(line: str, at: int) -> int:
    found = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'").match(line, at)
    return found.end() if found else -1


def _closer_end(line: str, at: int) -> int:
    """Return the offset after the closer of the bracket at an offset; -1 when it is not closed."""
    stack: list[str] = []
    end = at
    while end < min(len(line), at + _MAX_LINE_CHARS):
        char = line[end]
        if char in "\"'" and (quote_end := _string_end(line, end)) > 0:
            end = quote_end
            continue
        if char in _CLOSER_OF:
            stack.append(_CLOSER_OF[char])
        elif stack and char == stack[-1]:
            stack.pop()
            if not stack:
                return end + 1
        end += 1
    return -1
