"""The data of a code action or a command: made for the client, and read from it as a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lsprotocol import types

from tabwright.app.actions.executor import CLOSED, STALE
from tabwright.app.documents.buffers import Buffers
from tabwright.assists.request import ActionRequest
from tabwright.core.action import Diagnostic
from tabwright.core.message import Message, MessageError
from tabwright.core.text import Snapshot, Span
from tabwright.lsp import convert

_NO_POSITION = Message("a position of this action cannot be read")


class Unusable(MessageError):
    """What came from the client names nothing that can be done; the message says why."""


def data_of(
    kind: str,
    document: Snapshot,
    where: types.Range,
    diagnostics: Sequence[types.Diagnostic],
    target: str,
) -> dict[str, object]:
    """What a listed action carries: plain JSON that `read_request` reads."""
    found: dict[str, object] = {
        "id": kind,
        "uri": document.uri,
        "version": document.version,
        "range": convert.range_to_json(where),
        "diagnostics": [_diagnostic(each) for each in diagnostics],
    }
    return {**found, "target": target} if target else found


def read_request(data: object, buffers: Buffers, kind: str = "") -> ActionRequest:
    """Read ``data`` of an action, or the argument of the command for ``kind``.

    The request holds all of the workspace that its answer may use, so this comes before a handler's
    first await.

    Without a range the whole document is meant. Raises Unusable for data that is none of ours, a
    document that is not open and one that has changed since.
    """
    if not isinstance(data, Mapping):
        raise Unusable(Message("this action is not known here"))
    kind = kind or _text(data, "id")
    uri = _text(data, "uri")
    snapshot = buffers.get(uri)
    if snapshot is None:
        raise Unusable(CLOSED)
    version = data.get("version")
    if version is not None and version != snapshot.version:
        raise Unusable(STALE)
    encoding, text = buffers.encoding, snapshot.text
    span = Span(0, len(text))
    if data.get("range") is not None:
        span = convert.span_of(text, to_range(data["range"]), encoding)
    sent = data.get("diagnostics") or ()
    if not isinstance(sent, Sequence) or isinstance(sent, str):
        raise Unusable(Message("the diagnostics of this action cannot be read"))
    return ActionRequest(
        kind=kind,
        snapshot=snapshot,
        span=span,
        others=buffers.others(uri),
        path=buffers.path_of(uri),
        cell=len(buffers.siblings(uri)) > 1 or buffers.path_of(uri).endswith(".ipynb"),
        diagnostics=tuple(_to_diagnostic(each, text, encoding) for each in sent),
        instruction=_text(data, "instruction"),
        target=_text(data, "target"),
        declaration=_text(data, "declaration"),
    )


def to_range(data: object) -> types.Range:
    """Read a range from JSON; raises Unusable for what is none."""
    if not isinstance(data, Mapping):
        raise Unusable(Message("the range of this action cannot be read"))
    try:
        return convert.range_from_json(data)
    except ValueError as error:
        raise Unusable(_NO_POSITION) from error


def _diagnostic(sent: types.Diagnostic) -> dict[str, object]:
    return {
        "range": convert.range_to_json(sent.range),
        "message": str(sent.message),
        "source": sent.source or "",
        "code": "" if sent.code is None else str(sent.code),
        "related": [each.message for each in sent.related_information or ()],
    }


def _to_diagnostic(data: object, text: str, encoding: str) -> Diagnostic:
    if not isinstance(data, Mapping):
        raise Unusable(Message("a diagnostic of this action cannot be read"))
    related = data.get("related")
    return Diagnostic(
        convert.span_of(text, to_range(data.get("range")), encoding),
        _text(data, "message"),
        _text(data, "source"),
        _text(data, "code"),
        tuple(each for each in related if isinstance(each, str))
        if isinstance(related, list)
        else (),
    )


def _text(data: Mapping[object, object], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""
