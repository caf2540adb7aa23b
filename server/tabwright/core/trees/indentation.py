"""The unit of indentation that a file has around an offset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from tabwright.core.text import indent_of
from tabwright.core.trees.delimiters import TAB_COLUMNS
from tabwright.core.trees.literals import literals
from tabwright.core.trees.tree import SyntaxTree

_REACH = 4_000
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


def width(indent: str) -> int:
    """How many columns an indentation takes; a tab counts as far as the next fourth."""
    return len(indent.expandtabs(TAB_COLUMNS))


def _code_lines(tree: SyntaxTree, start: int, end: int) -> Iterator[str]:
    """The lines with text that begin neither in a string nor in a comment."""
    low = tree.text.rfind("\n", 0, start - tree.base) + 1
    kept = list(literals(tree, low + tree.base, end, of_lines=True))
    at = low
    for line in tree.text[low : end - tree.base].split("\n"):
        first = tree.base + at
        while kept and kept[0].end <= first:
            kept.pop(0)
        inside = bool(kept) and kept[0].start < first < kept[0].end
        at += len(line) + 1
        if line.strip() and not inside:
            yield line
