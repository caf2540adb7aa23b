"""Unpacks the weights of a GGUF file to float32, in the formats that its usual files have.

Each format is a row of blocks. A block holds so many numbers in few bits, and the scales and
minimums to compute them with; the layouts are those of ggml's ``ggml-common.h``. A file in any
other format (the "IQ" ones above all) is left to transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Format:
    """Numbers and bytes of one block, and what makes float32 [n, numbers] of uint8 [n, bytes]."""

    numbers: int
    size: int
    unpack: Callable[[Bytes], Floats]


def _half(blocks: Bytes, at: int) -> Floats:
    """The float16 at a byte of each block, as float32 [n, 1]."""
    return np.ascontiguousarray(blocks[:, at : at + 2]).view("<f2").astype(np.float32)


def _f32(blocks: Bytes) -> Floats:
    return np.ascontiguousarray(blocks).view("<f4").astype(np.float32)


def _f16(blocks: Bytes) -> Floats:
    return np.ascontiguousarray(blocks).view("<f2").astype(np.float32)


def _bf16(blocks: Bytes) -> Floats:
    bits = np.ascontiguousarray(blocks).view("<u2").astype(np.uint32) << 16
    return bits.view(np.float32)


def _nibbles(packed: Bytes) -> Bytes:
    """[n, k] bytes as [n, 2k] numbers: all low halves, then all high halves."""
    return np.concatenate([packed & 15, packed >> 4], axis=-1)


def _fifth_bits(blocks: Bytes, at: int) -> Bytes:
    """32 bits from a byte of each block on, as [n, 32] numbers 0 or 16."""
    bits = np.unpackbits(blocks[:, at : at + 4], axis=1, bitorder="little")
    return bits << np.uint8(4)


def _q4_0(blocks: Bytes) -> Floats:
    return _half(blocks, 0) * (_nibbles(blocks[:, 2:]).astype(np.float32) - 8)


def _q4_1(blocks: Bytes) -> Floats:
    return _half(blocks, 0) * _nibbles(blocks[:, 4:]).astype(np.float32) + _half(blocks, 2)


def _q5_0(blocks: Bytes) -> Floats:
    numbers = _nibbles(blocks[:, 6:]) | _fifth_bits(blocks, 2)
    return _half(blocks, 0) * (numbers.astype(np.float32) - 16)


def _q5_1(blocks: Bytes) -> Floats:
    numbers = _nibbles(blocks[:, 8:]) | _fifth_bits(blocks, 4)
    return _half(blocks, 0) * numbers.astype(np.float32) + _half(blocks, 2)


def _q8_0(blocks: Bytes) -> Floats:
    return _half(blocks, 0) * np.ascontiguousarray(blocks[:, 2:]).view(np.int8).astype(np.float32)


def _scales_and_minimums(blocks: Bytes) -> tuple[Floats, Floats]:
    """Of the eight parts of a Q4_K or Q5_K block, [n, 8, 1] each: 6 bits apiece, in 12 bytes."""
    packed = blocks[:, 4:16]
    first, second, third = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    scales = np.concatenate([first & 63, (third & 15) | (first >> 6 << 4)], axis=1)
    minimums = np.concatenate([second & 63, (third >> 4) | (second >> 6 << 4)], axis=1)
    wide = _half(blocks, 0) * scales.astype(np.float32)
    low = _half(blocks, 2) * minimums.astype(np.float32)
    return wide[:, :, None], low[:, :, None]


def _q4_k(blocks: Bytes) -> Floats:
    scales, minimums = _scales_and_minimums(blocks)
    # Each 32 bytes are two parts: the low halves, then the high ones.
    numbers = _nibbles(blocks[:, 16:].reshape(-1, 4, 32)).reshape(-1, 8, 32)
    return (scales * numbers.astype(np.float32) - minimums).reshape(-1, 256)


def _q5_k(blocks: Bytes) -> Floats:
    scales, minimums = _scales_and_minimums(blocks)
    parts = np.arange(8, dtype=np.uint8)[None, :, None]
    fifth = (blocks[:, None, 16:48] >> parts & 1) << 4  # bit p of a byte belongs to part p
    numbers = _nibbles(blocks[:, 48:].reshape(-1, 4, 32)).reshape(-1, 8, 32) | fifth
    return (scales * numbers.astype(np.float32) - minimums).reshape(-1, 256)


def _q6_k(blocks: Bytes) -> Floats:
    # Two halves of 128 numbers: 64 bytes of low halves, 32 bytes with four times two high bits.
    low = _nibbles(blocks[:, :128].reshape(-1, 2, 64)).reshape(-1, 2, 4, 32)
    shifts = np.arange(0, 8, 2, dtype=np.uint8)[None, None, :, None]
    high = (blocks[:, 128:192].reshape(-1, 2, 1, 32) >> shifts & 3) << 4
    numbers = (low | high).reshape(-1, 16, 16).astype(np.float32) - 32
    scales = np.ascontiguousarray(blocks[:, 192:208]).view(np.int8).astype(np.float32)
    return ((_half(blocks, 208) * scales)[:, :, None] * numbers).reshape(-1, 256)


# By ggml's number of the format.
FORMATS: Mapping[int, Format] = {
    0: Format(1, 4, _f32),
    1: Format(1, 2, _f16),
    2: Format(32, 18, _q4_0),
    3: Format(32, 20, _q4_1),
    6: Format(32, 22, _q5_0),
    7: Format(32, 24, _q5_1),
    8: Format(32, 34, _q8_0),
    12: Format(256, 144, _q4_k),
    13: Format(256, 176, _q5_k),
    14: Format(256, 210, _q6_k),
    30: Format(1, 2, _bf16),
}


def unpack(rows: Bytes, kind: int) -> Floats:
    """Whole rows of a tensor [n, bytes] as float32 [n, numbers]; KeyError for another format."""
    known = FORMATS[kind]
    return known.unpack(rows.reshape(-1, known.size)).reshape(len(rows), -1)
