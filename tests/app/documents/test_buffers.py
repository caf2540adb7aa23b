"""Buffers under random edits, against a reference that edits lists of lines."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from lsprotocol import types

from tabwright.app.documents.buffers import Buffers, Cell, NotOpen, path_of
from tabwright.lsp.convert import to_changes

TEXTS = st.text(st.sampled_from("ab😀é\ud800\r\n\f\u2028"), max_size=20)
NOTEBOOK = "file:///n/book.ipynb"
UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


def reference_edit(
    text: str, encoding: str, start: tuple[int, int], end: tuple[int, int], new: str
) -> str:
    """Edit the way a client does: lines as arrays of code units."""
    codec, size = UNITS[encoding]
    bounds = [0]
    for at, character in enumerate(text):
        if character == "\n" or (character == "\r" and text[at + 1 : at + 2] != "\n"):
            bounds.append(at + 1)
    bounds.append(len(text))

    def offset(position: tuple[int, int]) -> int:
        line, column = position
        content = text[bounds[line] : bounds[line + 1]].rstrip("\r\n")
        units = content.encode(codec, "surrogatepass")[: column * size]
        for spare in range(len(units) + 1):
            whole = units[: len(units) - spare]
            for count in range(len(content) + 1):
                if content[:count].encode(codec, "surrogatepass") == whole:
                    return bounds[line] + count
        return bounds[line]

    return text[: offset(start)] + new + text[max(offset(start), offset(end)) :]


def line_count(text: str) -> int:
    return 1 + text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


@dataclass
class Model:
    """What the client holds."""

    texts: dict[str, str] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)


class Notebooks(RuleBasedStateMachine):
    """Random notebook operations: our buffers must equal the client's."""

    @initialize(encoding=st.sampled_from(sorted(UNITS)))
    def start(self, encoding: str) -> None:
        self.buffers = Buffers(encoding)
        self.model = Model()
        self.buffers.open_notebook(NOTEBOOK, ())
        self.version = self.made = 0

    @rule(data=st.data(), new=st.lists(TEXTS, max_size=3), code=st.booleans())
    def splice(self, data: st.DataObject, new: list[str], code: bool) -> None:
        start = data.draw(st.integers(0, len(self.model.cells)))
        delete = data.draw(st.integers(0, len(self.model.cells) - start))
        cells = [Cell(f"{NOTEBOOK}#c{self.made + at}", code) for at in range(len(new))]
        self.made += len(new)
        gone = self.model.cells[start : start + delete]
        self.model.cells[start : start + delete] = cells
        self.buffers.splice_cells(NOTEBOOK, start, delete, cells)
        for cell, text in zip(cells, new, strict=True):
            self.buffers.open(cell.uri, "python", 1, text)
            self.model.texts[cell.uri] = text
        for cell in gone:
            self.buffers.close(cell.uri)
            del self.model.texts[cell.uri]

    @precondition(lambda self: self.model.cells)
    @rule(data=st.data(), new=TEXTS, full=st.booleans())
    def edit(self, data: st.DataObject, new: str, full: bool) -> None:
        uri = data.draw(st.sampled_from(self.model.cells)).uri
        text = self.model.texts[uri]
        change: types.TextDocumentContentChangeEvent
        if full:
            change = types.TextDocumentContentChangeWholeDocument(text=new)
            self.model.texts[uri] = new
        else:
            lines = st.integers(0, line_count(text) - 1)
            ends = sorted(
                [(data.draw(lines), data.draw(st.integers(0, 12))) for _ in range(2)],
            )
            start, end = (types.Position(*each) for each in ends)
            change = types.TextDocumentContentChangePartial(range=types.Range(start, end), text=new)
            encoding = self.buffers.encoding
            self.model.texts[uri] = reference_edit(text, encoding, ends[0], ends[1], new)
        self.version += 1
        self.buffers.change(uri, self.version, to_changes([change]))

    @invariant()
    def texts_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        open_now = {snapshot.uri: snapshot.text for snapshot in self.buffers}
        assert open_now == self.model.texts

    @invariant()
    def the_cells_around_are_the_code_cells_in_order(self) -> None:
        if not hasattr(self, "model"):
            return
        for at, cell in enumerate(self.model.cells):
            before, after = self.buffers.cells_around(cell.uri)
            code = [self.model.texts[c.uri] if c.is_code else None for c in self.model.cells]
            assert before == "\n\n".join(text for text in code[:at] if text is not None)
            assert after == "\n\n".join(text for text in code[at + 1 :] if text is not None)


TestNotebooks = Notebooks.TestCase
TestNotebooks.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)


def test_a_change_to_a_closed_document_is_refused() -> None:
    buffers = Buffers()
    with pytest.raises(NotOpen):
        buffers.change("file:///a", 1, [(None, "text")])
    with pytest.raises(NotOpen):
        buffers.splice_cells("file:///n", 0, 0, ())


def test_uris_that_are_spelled_differently_are_one_document() -> None:
    buffers = Buffers()
    buffers.open("file:///a%20b", "python", 1, "text")
    found = buffers.get("file:///a b")
    assert found is not None and found.text == "text"
    buffers.close("file:///a b")
    assert buffers.get("file:///a%20b") is None


def test_the_last_changed_document_comes_first() -> None:
    buffers = Buffers()
    for name in "abc":
        buffers.open(f"file:///{name}", "python", 1, name)
    buffers.change("file:///a", 2, [(None, "new")])
    assert [snapshot.uri[-1] for snapshot in buffers] == ["a", "c", "b"]


def test_cells_of_another_language_are_no_context() -> None:
    buffers = Buffers()
    cells = [Cell(f"nb:/x#{name}", True) for name in "abc"]
    buffers.open_notebook("nb:/x", cells)
    buffers.open("nb:/x#a", "sql", 1, "select 1")
    buffers.open("nb:/x#b", "python", 1, "b")
    buffers.open("nb:/x#c", "python", 1, "c")
    assert buffers.cells_around("nb:/x#c") == ("b", "")
    assert buffers.siblings("nb:/x#c") == {"nb:/x#a", "nb:/x#b", "nb:/x#c"}
    assert buffers.path_of("nb:/x#c") == "/x"
    buffers.close_notebook("nb:/x")
    assert list(buffers) == []


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a%20b/c.py", "/a b/c.py"),
        ("file:///%C3%A9.py", "/é.py"),
        ("untitled:Untitled-1", ""),
        ("file://host/share/x", "//host/share/x"),
        ("http://[bad", ""),
    ],
)
def test_paths_of_uris(uri: str, path: str) -> None:
    assert path_of(uri) == path
