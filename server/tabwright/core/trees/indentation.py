"""The unit and the depth of indentation, as the file itself has them around an offset."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from tabwright.core.text import indent_of
from tabwright.core.trees.delimiters import Delimiter, open_at
from tabwright.core.trees.places import literals
from tabwright.core.trees.tree import SyntaxTree

_REACH = 4_000
_TAB = 4
_UNITS: Mapping[str, str] = {
    "go": "\t",
    **dict.fromkeys(("javascript", "javascriptreact", "typescript", "typescriptreact"), "  "),
    **dict.fromkeys(("ruby", "lua", "dart", "scala", "html", "vue", "svelte", "css"), "  "),
    **dict.fromkeys(("scss", "less", "yaml", "json", "jsonc", "xml", "shellscript"), "  "),
}


def unit(tree: SyntaxTree, offset: int, preferred: str | None = None) -> str:
    """One step of indentation: what the lines around an offset have, else ``preferred``.

    ``preferred`` is what the editor or an .editorconfig says; a language's custom comes last.
    """
    steps: Counter[str] = Counter()
    above = ""
    for line in _code_lines(tree, max(tree.base, offset - _REACH), min(tree.end, offset + _REACH)):
        indent = indent_of(line)
        if indent.startswith(above) and len(indent) > len(above):
            step = indent[len(above) :]
            if step == "\t" or (not step.strip(" ") and 2 <= len(step) <= 8):
                steps[step] += 1
        above = indent
    if steps:
        # A continued line may stand twice as deep: of two steps that are frequent, the smaller one.
        most = max(steps.values())
        frequent = [step for step, count in steps.items() if 3 * count >= most]
        return min(frequent, key=lambda step: (step != "\t" or steps[step] < most, len(step)))
    if preferred is not None:
        return preferred
    return _UNITS.get(tree.language_id, "    ")


def indent_at(tree: SyntaxTree, offset: int, preferred: str | None = None) -> str:
    """The indentation that a line with a new statement at an offset has.

    That of the nearest statement above in the same block, else one step more than the block's.
    """
    around = open_at(tree, offset)
    opener = around[-1].opener if around else None
    if tree.grammar.indented or not (tree.grammar.pairs or tree.grammar.tags):
        return _indent_above(tree, offset)
    inner = _sibling_indent(tree, offset, opener)
    if inner is not None:
        return inner
    if opener is None:
        return ""
    return opener.indent + unit(tree, offset, preferred)


def _sibling_indent(tree: SyntaxTree, offset: int, opener: Delimiter | None) -> str | None:
    """The indentation of the line after the opener's, where it stands before the offset."""
    if opener is None:
        return None
    low = tree.text.find("\n", opener.end - tree.base, offset - tree.base) + 1
    if not low:
        return None
    for line in tree.text[low : offset - tree.base].split("\n")[:-1]:
        if line.strip():
            indent = indent_of(line)
            return indent if width(indent) > opener.column else None
    return None


def _indent_above(tree: SyntaxTree, offset: int) -> str:
    for line in reversed(tree.text[: offset - tree.base].split("\n")[:-1][-200:]):
        if line.strip():
            opens = line.rstrip().endswith(":")
            return indent_of(line) + (unit(tree, offset) if opens else "")
    return ""


def width(indent: str) -> int:
    """How many columns an indentation takes; a tab counts as far as the next fourth."""
    return len(indent.expandtabs(_TAB))


def reindented(tree: SyntaxTree, start: int, end: int, indent: str, step: str) -> str:
    r"""The lines between two offsets with the indentation ``indent`` and steps of ``step``.

    The first line's stays. Depths are taken from the delimiters that are open at each line's
    start; the insides of strings and comments stay as they are. Lines end with ``\n``.
    """
    base = len(open_at(tree, start))
    kept = literals(tree, start, end, of_lines=True)
    lines = tree.text[start - tree.base : end - tree.base].split("\n")
    done = [lines[0]]
    at = start + len(lines[0]) + 1
    for line in lines[1:]:
        bare = line.lstrip(" \t")
        inside = any(one.span.start < at < one.span.end for one in kept)
        if not bare or inside:
            done.append(line)
        else:
            first = at + len(line) - len(bare)
            depth = _depth(tree, first, bare, base)
            done.append(indent + step * depth + bare)
        at += len(line) + 1
    return "\n".join(done)


_CLOSES = re.compile(r"[)\]}]+|end\b|fi\b|done\b|esac\b|</|\{/")


def _depth(tree: SyntaxTree, at: int, bare: str, base: int) -> int:
    """How many lines with openers are open at a line, its own closers taken off."""
    opened = [one.opener for one in open_at(tree, at)[base:]]
    closers = _CLOSES.match(bare)
    if closers:
        count = len(closers[0]) if closers[0][0] in ")]}" else 1
        opened = opened[: max(0, len(opened) - count)]
    return len({one.line for one in opened})


def _code_lines(tree: SyntaxTree, start: int, end: int) -> Iterator[str]:
    """The lines with text that begin neither in a string nor in a comment."""
    low = tree.text.rfind("\n", 0, start - tree.base) + 1
    kept = [one.span for one in literals(tree, low + tree.base, end, of_lines=True)]
    at = low
    for line in tree.text[low : end - tree.base].split("\n"):
        first = tree.base + at
        while kept and kept[0].end <= first:
            kept.pop(0)
        inside = bool(kept) and kept[0].start < first < kept[0].end
        at += len(line) + 1
        if line.strip() and not inside:
            yield line
