"""Conversion between the protocol's types and ours; the only module that converts positions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from lsprotocol import types

from tabwright.app.documents.buffers import Buffers, Cell, Change, Cursor
from tabwright.core.safety.inert_text import without_hidden
from tabwright.core.text import Edit, Snapshot, Span, line_span, scrub_surrogates

if TYPE_CHECKING:
    from tabwright.core.action import Diagnostic

_LINE_END = re.compile(r"\r\n|\n|\r")
_WORD = re.compile(r"\w*\Z")
_BLOCK: Final = 4096
_LABEL_WIDTH: Final = 60


def offset_at(text: str, position: types.Position, encoding: str) -> int:
    """The offset of a position counted in the units of ``encoding``.

    Clamped: past the end of a line to its end, past the last line to the end of the text, inside a
    character of several units to its start. About 1 ms for each 10 MB before the position.
    """
    start = _line_start(text, position.line)
    if start is None:
        return len(text)
    end = line_span(text, start).end
    return _advance(text, start, end, max(position.character, 0), encoding)


def position_at(text: str, offset: int, encoding: str) -> types.Position:
    """The position of an offset, in units of ``encoding``; clamped into the text.

    An offset between ``\\r`` and ``\\n`` gives the end of its line.
    """
    offset = min(max(offset, 0), len(text))
    if 0 < offset < len(text) and text[offset - 1] == "\r" and text[offset] == "\n":
        offset -= 1
    start = line_span(text, offset).start
    units = _units(text[start:offset], encoding)
    return types.Position(_line_ends(text, 0, start), units)


def line_and_character(position: types.Position) -> tuple[int, int]:
    """A position as the client counts it, for what is only told."""
    return position.line, position.character


def range_to_json(where: types.Range) -> dict[str, object]:
    """A range as plain JSON, in the client's units."""
    ends = {"start": where.start, "end": where.end}
    return {name: {"line": at.line, "character": at.character} for name, at in ends.items()}


def range_from_json(data: Mapping[object, object]) -> types.Range:
    """The range that plain JSON says; raises ValueError for what is none."""
    return types.Range(_position_from(data.get("start")), _position_from(data.get("end")))


def _position_from(data: object) -> types.Position:
    if not isinstance(data, Mapping):
        raise ValueError("a position is no object")
    return types.Position(_uinteger(data.get("line")), _uinteger(data.get("character")))


def _uinteger(value: object) -> int:
    """What the protocol calls so; raises ValueError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31:
        return value
    raise ValueError("a position is not counted from 0 on")


def range_of(text: str, span: Span, encoding: str) -> types.Range:
    """The protocol's range of a span."""
    return types.Range(
        position_at(text, span.start, encoding), position_at(text, span.end, encoding)
    )


def span_of(text: str, where: types.Range, encoding: str) -> Span:
    """The offsets of a range; one whose end comes first is empty at its start."""
    start = offset_at(text, where.start, encoding)
    return Span(start, max(start, offset_at(text, where.end, encoding)))


def json_span(text: str, where: Mapping[str, Mapping[str, int]], encoding: str) -> Span:
    """The offsets of a range in JSON; raises LookupError when it is none."""
    start, end = (
        types.Position(where[at]["line"], where[at]["character"]) for at in ("start", "end")
    )
    return span_of(text, types.Range(start, end), encoding)


def take_snapshot(buffers: Buffers, uri: str, position: types.Position) -> Cursor | None:
    """Freeze what an answer may use: the buffer, the cursor, a notebook's other cells, other files.

    None when the document is not open. To be called before a handler's first await.
    """
    snapshot = buffers.get(uri)
    if snapshot is None:
        return None
    before, after = buffers.cells_around(uri)
    offset = offset_at(snapshot.text, position, buffers.encoding)
    path, others = buffers.path_of(uri), buffers.others(uri)
    line_and_character = position.line, position.character
    return Cursor(snapshot, offset, before, after, path, others, line_and_character)


def selected(cursor: Cursor, context: types.InlineCompletionContext, encoding: str) -> Edit | None:
    """What is selected in the editor's list, as an edit at the cursor; None where it is none."""
    info = context.selected_completion_info
    if info is None:
        return None
    span = span_of(cursor.snapshot.text, info.range, encoding)
    return Edit(span, info.text) if span.start <= cursor.offset <= span.end else None


def to_changes(
    events: Sequence[types.TextDocumentContentChangeEvent],
) -> tuple[Change, ...]:
    """A client's content changes as ours; a range is converted when its change is applied."""
    return tuple(
        (lambda text, encoding, r=event.range: span_of(text, r, encoding), event.text)
        if isinstance(event, types.TextDocumentContentChangePartial)
        else (None, event.text)
        for event in events
    )


def to_cells(cells: Sequence[types.NotebookCell]) -> tuple[Cell, ...]:
    """A notebook's cells as ours."""
    return tuple(Cell(cell.document, cell.kind == types.NotebookCellKind.Code) for cell in cells)


def inline_list(
    snapshot: Snapshot, edits: Sequence[Edit], encoding: str
) -> types.InlineCompletionList:
    """Edits, each on one line of the document, as ghost text; the range is always set."""
    return types.InlineCompletionList(
        items=[
            types.InlineCompletionItem(
                insert_text=edit.new_text, range=range_of(snapshot.text, edit.span, encoding)
            )
            for edit in edits
        ]
    )


def menu_list(
    snapshot: Snapshot, offset: int, edits: Sequence[Edit], encoding: str
) -> types.CompletionList:
    """The first edit as the single item of a completion menu, for clients without ghost text.

    The replaced range begins with the word before the cursor, since clients filter by it.
    """
    if not edits:
        return types.CompletionList(is_incomplete=True, items=[])
    edit = edits[0]
    text = snapshot.text
    line = line_span(text, offset)
    found = _WORD.search(text[max(line.start, edit.span.start - 200) : edit.span.start])
    word = found.group() if found else ""
    start = edit.span.start - len(word)
    new_text = word + edit.new_text
    first_line = next((line for line in new_text.splitlines() if line.strip()), new_text).strip()
    label = first_line if len(first_line) <= _LABEL_WIDTH else first_line[: _LABEL_WIDTH - 1] + "…"
    shown = scrub_surrogates(new_text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    item = types.CompletionItem(
        label=label,
        label_details=types.CompletionItemLabelDetails(description="Tabwright"),
        kind=types.CompletionItemKind.Text,
        detail="Tabwright (language model)",
        documentation=types.MarkupContent(
            types.MarkupKind.Markdown, f"{fence}{snapshot.language_id}\n{shown}\n{fence}"
        ),
        # A blank sorts before every name: the item is the only one that holds a whole line.
        sort_text=" ",
        filter_text=new_text.splitlines()[0] if word else new_text.strip().splitlines()[0],
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(range_of(text, Span(start, edit.span.end), encoding), new_text),
    )
    return types.CompletionList(is_incomplete=True, items=[item])


def to_diagnostic(text: str, sent: types.Diagnostic, encoding: str) -> Diagnostic:
    """A client's diagnostic as ours; some clients leave source, code and related facts out."""
    # Imported here since it is not needed before ``initialize`` is answered.
    from tabwright.core.action import Diagnostic

    related = sent.related_information or ()
    return Diagnostic(
        span_of(text, sent.range, encoding),
        str(sent.message),
        sent.source or "",
        "" if sent.code is None else str(sent.code),
        tuple(each.message for each in related),
    )


def to_sent_diagnostic(text: str, diagnostic: Diagnostic, encoding: str) -> types.Diagnostic:
    """One of our own diagnostics, an error, as the protocol has it."""
    return types.Diagnostic(
        range_of(text, diagnostic.span, encoding),
        without_hidden(diagnostic.message),
        types.DiagnosticSeverity.Error,
        source=without_hidden(diagnostic.source),
    )


def text_edits(text: str, edits: Sequence[Edit], encoding: str) -> list[types.TextEdit]:
    """Edits of ``text`` as the protocol has them."""
    return [types.TextEdit(range_of(text, edit.span, encoding), edit.new_text) for edit in edits]


def has_inline_completion(capabilities: types.ClientCapabilities) -> bool:
    """Whether the client announced that it shows inline completions."""
    document = capabilities.text_document
    return document is not None and document.inline_completion is not None


def _line_ends(text: str, start: int, end: int) -> int:
    """How many line ends lie in text[start:end]; neither bound may split a CR LF."""
    carriages = text.count("\r", start, end)
    newlines = text.count("\n", start, end)
    return newlines + carriages - (text.count("\r\n", start, end) if carriages else 0)


def _line_start(text: str, line: int) -> int | None:
    """Where a line begins, None past the last; counts whole blocks, then searches one."""
    start, left = 0, line
    while left > 0:
        if start >= len(text):
            return None
        end = min(start + _BLOCK, len(text))
        if end < len(text) and text[end - 1] == "\r" and text[end] == "\n":
            end += 1
        here = _line_ends(text, start, end)
        if here >= left:
            ends = _LINE_END.finditer(text, start, end)
            return next(islice(ends, left - 1, None)).end()
        left -= here
        start = end
    return start if line > 0 else 0


def _units(text: str, encoding: str) -> int:
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _advance(text: str, start: int, end: int, units: int, encoding: str) -> int:
    if encoding == "utf-32" or text.isascii():
        return min(start + units, end)
    while start < end:
        piece = text[start : min(start + _BLOCK, end)]
        size = _units(piece, encoding)
        if size > units:
            break
        units -= size
        start += len(piece)
    else:
        return end
    for character in piece:
        size = _units(character, encoding)
        if size > units:
            break
        units -= size
        start += 1
    return start
