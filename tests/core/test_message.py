"""Messages keep their template in errors, copies and JSON."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.core.message import Message, MessageError, from_json, to_json, verbatim

INNER = Message("{0} cannot be read: {1}", "a{b}.txt", "no such file")
OUTER = Message("the model {0} is damaged ({1}); run: {2}", "m", INNER, "x")


def sent(message: Message) -> dict[str, object]:
    """Return the message after a round trip through JSON."""
    found: dict[str, object] = json.loads(json.dumps(to_json(message)))
    return found


def parts(message: str) -> object:
    """Return a message as nested template and values; plain text unchanged."""
    if not isinstance(message, Message):
        return message
    return message.template, [parts(value) for value in message.values]


def test_message_is_its_english_text() -> None:
    assert Message("{0} of {1}", 1, None) == "1 of None"
    assert Message("{") == "{" and verbatim("{0}") == "{0}"
    assert verbatim(OUTER) is OUTER


def test_error_keeps_its_message() -> None:
    error = MessageError(INNER)
    assert parts(str(error)) == parts(error.message) == parts(INNER)
    assert parts(Message("not so: {0}", error)) == ("not so: {0}", [parts(INNER)])


def test_copies_keep_the_message() -> None:
    for found in (copy.deepcopy(OUTER), pickle.loads(pickle.dumps(OUTER))):
        assert found == OUTER and parts(found) == parts(OUTER)


def test_map_text_changes_the_values() -> None:
    changed = OUTER.map_text(lambda text: text.replace("a{b}", "…"))
    assert changed == "the model m is damaged (….txt cannot be read: no such file); run: x"
    assert isinstance(changed.values[1], Message) and changed.values[1].values[0] == "….txt"
    # A change that reaches into the template is made as well.
    assert INNER.map_text(lambda text: text.replace("read: no", "…")) == (
        "a{b}.txt cannot be … such file"
    )


def test_message_survives_json() -> None:
    for message in (INNER, OUTER, Message("done"), verbatim("x"), verbatim("")):
        found = from_json(sent(message))
        assert found == message and parts(found) == parts(message)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"message": 3},
        {"message": "m", "template": "m"},
        {"message": "m", "template": "n", "values": []},
        {"message": "m", "template": 3, "values": []},
        {"message": "m", "template": "m", "values": ["x"]},
        {"message": "m", "template": "{0}", "values": "m"},
        {"message": "m", "template": "{0}", "values": [3]},
        {"message": "m", "template": "{1}", "values": ["", "m"]},
        {"message": "mm", "template": "{0}{0}", "values": ["m"]},
        {"message": "m", "template": "{0!s}", "values": ["m"]},
        {"message": "m", "template": "{0:>99999999999}", "values": ["m"]},
        {"message": "m", "template": "{0}{0.__class__}", "values": ["m"]},
        {"message": "{m", "template": "{{{0}", "values": ["m"]},
        {"message": "m" * 601, "template": "m" * 601, "values": []},
        {"message": "m" * 2001, "template": "{0}", "values": ["m" * 2001]},
        {"message": "m" * 9, "template": "{0}{1}{2}{3}{4}{5}{6}{7}{8}", "values": ["m"] * 9},
    ],
)
def test_hostile_json_gives_only_its_text(data: dict[str, object]) -> None:
    text = data.get("message")
    assert parts(from_json(data)) == parts(verbatim(text if isinstance(text, str) else ""))


def test_messages_nested_too_deep_give_only_their_text() -> None:
    data: dict[str, object] = {"template": "m", "values": []}
    for _ in range(900):
        data = {"template": "{0}", "values": [data]}
    assert parts(from_json({"message": "m", **data})) == parts(verbatim("m"))


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["message", "template", "values"]), inner)
    ),
)


@given(st.dictionaries(st.sampled_from(["message", "template", "values"]), json_values))
def test_english_text_is_never_changed(data: dict[str, object]) -> None:
    text = data.get("message")
    assert from_json(data) == (text if isinstance(text, str) else "")
