"""GGUF files that somebody made to do harm: a clear message each, quickly and in little memory."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tabwright.models.conversion import gguf_file
from tabwright.models.errors import ModelInvalid

STRING, ARRAY, U32, U8 = 8, 9, 4, 0
HUGE = 2**62


def text(value: str, length: int | None = None) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def array(kind: int, count: int, values: bytes = b"") -> bytes:
    return struct.pack("<IQ", kind, count) + values


def tensor(name: str, shape: Sequence[int], kind: int = 0, offset: int = 0) -> bytes:
    dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + dimensions + struct.pack("<IQ", kind, offset)


def gguf(
    pairs: Sequence[bytes] = (),
    tensors: Sequence[bytes] = (),
    *,
    counts: tuple[int, int] | None = None,
    data: bytes = b"",
) -> bytes:
    number = counts or (len(tensors), len(pairs))
    head = b"GGUF" + struct.pack("<IQQ", 3, *number) + b"".join(pairs) + b"".join(tensors)
    return head + b"\0" * (-len(head) % 32) + data


HOSTILE: Mapping[str, bytes] = {
    "nothing": b"",
    "another file": b"PK\x03\x04" + bytes(100),
    "a header cut off": gguf()[:12],
    "an old version": b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
    "endless pairs": gguf(counts=(0, HUGE)),
    "endless tensors": gguf(counts=(HUGE, 0)),
    "pairs that are not there": gguf(counts=(0, 5000)),
    "a key without end": gguf([text("a", HUGE) + struct.pack("<I", U8)]),
    "a text longer than the file": gguf([pair("a", STRING, text("abc", 1000))]),
    "a text of a gigabyte": gguf([pair("a", STRING, text("abc", 10**9))]),
    "a text that is no UTF-8": gguf([pair("a", STRING, struct.pack("<Q", 2) + b"\xff\xff")]),
    "an endless array": gguf([pair("a", ARRAY, array(U32, HUGE))]),
    "an array longer than the file": gguf([pair("a", ARRAY, array(U32, 9_000_000))]),
    "texts longer than the file": gguf([pair("a", ARRAY, array(STRING, 9_000_000))]),
    "an array of arrays": gguf([pair("a", ARRAY, array(ARRAY, 1, array(ARRAY, 1)))]),
    "a value of an unknown kind": gguf([pair("a", 77, b"")]),
    "a key twice": gguf([pair("a", U8, b"\1"), pair("a", U8, b"\2")]),
    "no alignment": gguf([pair("general.alignment", U32, bytes(4))]),
    "an alignment beyond the file": gguf([pair("general.alignment", U32, b"\xff" * 4)]),
    "an alignment that is a text": gguf([pair("general.alignment", STRING, text("x" * 5000))]),
    "a tensor of many dimensions": gguf(tensors=[tensor("a", [1] * 9)]),
    "a tensor larger than the file": gguf(tensors=[tensor("a", [2**40, 2**20])], data=bytes(64)),
    "a tensor beyond the end": gguf(tensors=[tensor("a", [1], offset=HUGE)], data=bytes(64)),
    "tensors that share their bytes": gguf(
        tensors=[tensor(f"t{n}", [256]) for n in range(1000)], data=bytes(1024)
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(ModelInvalid, match="is not a GGUF file that can be read") as caught:
        gguf_file.read_header(path)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_a_good_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    pairs = [pair("general.name", STRING, text("ü")), pair("n", ARRAY, array(U8, 2, b"\1\2"))]
    path.write_bytes(gguf(pairs, [tensor("a", [4, 2])], data=bytes(32)))
    header = gguf_file.read_header(path)
    assert header.text("general.name") == "ü" and header.metadata["n"] == [1, 2]
    assert header.tensors[0].shape == (2, 4) and header.data_start % 32 == 0


LIMITED = """
import resource, sys
from pathlib import Path
from tabwright.models import errors
from tabwright.models.conversion import gguf_file
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    gguf_file.read_header(Path(sys.argv[1]))
except errors.ModelInvalid as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts memory as Linux does")
@pytest.mark.parametrize("kind", [U8, STRING])
def test_a_large_file_does_not_fill_the_memory(tmp_path: Path, kind: int) -> None:
    # 2 GB of zeros that take no disk: as many empty texts, or small numbers, as it claims to have.
    path = tmp_path / "model.gguf"
    count = 2_000_000_000 // (8 if kind == STRING else 1)
    path.write_bytes(gguf([pair("a", ARRAY, array(kind, count))]))
    os.truncate(path, 2_000_000_000)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 50_000, "KiB"
