"""Unpacked weights of a GGUF file: to the bit what the format's own package makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from tabwright.models.conversion import gguf_weights

gguf = pytest.importorskip("gguf", reason="the format's own package comes with [torch]")


@pytest.mark.parametrize("kind", sorted(gguf_weights.FORMATS))
def test_every_format_is_unpacked_as_its_own_package_does(kind: int) -> None:
    known = gguf_weights.FORMATS[kind]
    name = gguf.GGMLQuantizationType(kind)
    assert gguf.GGML_QUANT_SIZES[name] == (known.numbers, known.size)
    random = np.random.default_rng(kind)
    blocks = random.integers(0, 256, (3, 4 * known.size), np.uint8)
    # Scales that are finite: with their upper bits set to those of small numbers.
    halves = {2: [0], 3: [0, 2], 6: [0], 7: [0, 2], 8: [0], 12: [0, 2], 13: [0, 2], 14: [208]}
    for at in halves.get(kind, []):
        blocks.reshape(3, 4, known.size)[:, :, at + 1] &= 0x3F
    if kind in (0, 1, 30):
        numbers = random.normal(size=(3, 4)).astype(np.float32)
        upper = (numbers.view(np.uint32) >> 16).astype(np.uint16)
        number_of = {0: numbers, 1: numbers.astype(np.float16), 30: upper}
        blocks = np.asarray(number_of[kind]).view(np.uint8)
    found = gguf_weights.unpack(blocks, kind)
    expected = gguf.quants.dequantize(blocks, name)
    assert found.dtype == np.float32 and found.shape == (3, 4 * known.numbers)
    np.testing.assert_array_equal(found, expected.reshape(found.shape))
    assert np.abs(found).max() > 0


def test_a_format_that_is_not_known_is_refused() -> None:
    with pytest.raises(KeyError):
        gguf_weights.unpack(np.zeros((1, 256), np.uint8), 16)  # IQ2_XXS
