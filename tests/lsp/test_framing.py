"""Frames from streams that hold garbage, wrong lengths and bad bytes."""

from __future__ import annotations

import io
import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabwright.lsp.transport.framing import Frames, Malformed, Reader, Writer


def frame(value: object, *, extra: int = 0, header: str = "Content-Length: ") -> bytes:
    body = json.dumps(value).encode()
    return f"{header}{len(body) + extra}\r\n\r\n".encode() + body


def read_all(data: bytes, size: int = 65536) -> list[object]:
    stream = io.BytesIO(data)
    return list(Frames(lambda wanted: stream.read(min(size, wanted))))


A, B = {"id": 1, "text": "a😀"}, {"id": 2}


@given(
    values=st.lists(st.dictionaries(st.text(), st.text() | st.integers()), max_size=4),
    size=st.integers(1, 50),
)
def test_frames_come_out_as_they_went_in_whatever_the_pieces(
    values: list[dict[str, object]], size: int
) -> None:
    data = b"".join(map(frame, values))
    assert read_all(data, size) == [json.loads(json.dumps(value)) for value in values]


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n" + frame(A) + frame(B),
        b"\x00\xff\xfe" * 10_000 + b"\n" + frame(A) + frame(B),
        frame(A) + b"{}{}{}\nGET / HTTP/1.1\r\n\r\n" + frame(B),
        frame(A, header="content-length:") + frame(B, header="Content-Length:   "),
        frame(A).replace(b"\r\n\r\n", b"\n\n") + frame(B),
        b"Content-Type: x\r\n" + frame(A) + b"Content-Length: x\r\n\r\n" + frame(B),
        frame(A) + b"Content-Length: 0\r\n\r\n" + frame(B),
        frame(A) + b"Content-Length: -5\r\n\r\n" + frame(B),
        b"\r\n\r\n\r\n" + frame(A) + b"\r\n" + frame(B),
    ],
)
def test_bytes_that_are_no_frame_are_skipped(data: bytes) -> None:
    assert read_all(data) == [A, B]


def test_a_message_too_long_is_reported_and_the_next_is_read() -> None:
    found = read_all(frame(A) + b"Content-Length: 999999999999\r\n\r\n" + frame(B))
    assert found == [A, Malformed("a message of 999999999999 bytes is too long"), B]


def test_a_length_too_large_costs_one_message() -> None:
    found = read_all(frame(A, extra=30) + frame(B) + frame(A))
    assert isinstance(found[0], Malformed)
    assert found[1:] == [B, A]


def test_a_length_too_small_costs_one_message() -> None:
    found = read_all(frame(A, extra=-3) + frame(B) + frame(A))
    assert isinstance(found[0], Malformed)
    assert found[-1] == A and len(found) <= 3


@pytest.mark.parametrize(
    "body", [b"{not json}", b"[" * 100_000, b'{"a": 1} x', b"1" * 5000, b"\xff\xfe", b'"\xed\xa0"']
)
def test_a_body_that_is_not_json_is_reported_without_quoting_it(body: bytes) -> None:
    found = read_all(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) + frame(B))
    assert found[-1] == B
    for each in found[:-1]:
        if isinstance(each, Malformed):
            assert "not json" not in each.reason and len(each.reason) < 200


def test_one_bad_byte_in_a_text_does_not_lose_the_message() -> None:
    body = b'{"text": "a\xffb"}'
    data = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    assert read_all(data) == [{"text": "a�b"}]


def test_a_lone_surrogate_comes_through() -> None:
    assert read_all(frame({"t": "\ud800"})) == [{"t": "\ud800"}]


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_an_end_in_mid_message_is_an_end(cut: int) -> None:
    assert read_all(frame(A) + frame(B)[:cut][: len(frame(B)) - 1]) == [A]


def test_the_reader_waits_while_the_queue_is_full() -> None:
    got: list[object] = []
    ended = threading.Event()
    stream = io.BytesIO(b"".join(frame({"n": n}) for n in range(100)))
    full = threading.Event()

    def deliver(value: object) -> None:
        got.append(value)
        if len(got) == 4:
            full.set()

    reader = Reader(Frames(stream.read), deliver, ended.set)
    reader.start()
    assert full.wait(5) and not ended.wait(0.05)
    assert len(got) == 4
    for _ in range(100):
        reader.done()
    assert ended.wait(5) and len(got) == 100


def test_the_writer_keeps_the_order_and_reports_a_disconnect() -> None:
    class Stream(io.BytesIO):
        def close(self) -> None:
            pass

    stream, broken = Stream(), threading.Event()
    writer = Writer(stream, broken.set)
    writer.write(b"a" * 100_000)
    writer.write(b"b")
    writer.close()
    assert stream.getvalue() == b"a" * 100_000 + b"b" and not broken.is_set()
    gone = io.BytesIO()
    gone.close()
    Writer(gone, broken.set).write(b"x")
    assert broken.wait(5)
