"""Build the OpenVINO graph of a Llama-family model from its config and weights.

This needs no memory besides the weights, while tracing the transformers model needs all of them in
float32. RMSNorm, rotary positions, grouped heads, SwiGLU: arXiv 2302.13971, 2407.10671, 2505.09388.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tabwright.engine.backends.openvino.without_telemetry import (
    apply_make_stateful_transformation,
    ops,
    ov,
)
from tabwright.models.shape import Shape

Array = npt.NDArray[Any]


def build(shape: Shape, weights: Mapping[str, Array]) -> ov.Model:
    """Return a stateful model (its state is the KV cache) with the logits of chosen positions.

    Weights have transformers' names; the scales [out, 1] of an int8 weight [out, in] have its name
    with ``.scale``; a uint8 weight is in 4 bits, as `models.conversion.int4` makes it. Inputs:
    input_ids and position_ids [sequences, n], attention_mask (added to the scores) [sequences, 1,
    n, all], beam_idx [sequences], keep [k]: positions of the flattened input whose logits are
    computed. Output: logits [k, vocabulary].
    """
    return _Builder(shape, weights).model()


class _Builder:
    def __init__(self, shape: Shape, weights: Mapping[str, Array]) -> None:
        self._shape = shape
        self._weights = weights

    def model(self) -> ov.Model:
        shape = self._shape
        ids = _input("input_ids", [-1, -1], ov.Type.i64)
        mask = _input("attention_mask", [-1, 1, -1, -1], ov.Type.f32)
        positions = _input("position_ids", [-1, -1], ov.Type.i64)
        beam = _input("beam_idx", [-1], ov.Type.i32)
        keep = _input("keep", [-1], ov.Type.i64)
        x = self._embedding(ids)
        rotary = self._rotary(positions)
        pasts, presents = [], []
        for layer in range(shape.layers):
            name = f"model.layers.{layer}"
            past = [
                _input(f"past.{layer}.{kind}", [-1, shape.key_heads, -1, shape.head_width])
                for kind in ("key", "value")
            ]
            normed = self._norm(x, f"{name}.input_layernorm")
            attended, present = self._attention(
                normed, f"{name}.self_attn", rotary, mask, past, beam
            )
            x = ops.add(x, attended)
            normed = self._norm(x, f"{name}.post_attention_layernorm")
            x = ops.add(x, self._feed_forward(normed, f"{name}.mlp"))
            pasts += past
            presents += present
        rows = ops.reshape(self._norm(x, "model.norm"), _whole(-1, shape.width), False)
        chosen = ops.gather(rows, keep, _whole(0))
        head = "model.embed_tokens" if shape.tied else "lm_head"
        logits = self._linear(chosen, head)
        results = []
        names = ["logits", *(f"{past.friendly_name}.present" for past in pasts)]
        for name, node in zip(names, [logits, *presents], strict=True):
            result = ops.result(node)
            result.output(0).get_tensor().set_names({name})
            results.append(result)
        inputs = [ids, mask, positions, keep, beam, *pasts]
        model = ov.Model(results, inputs, "tabwright")
        apply_make_stateful_transformation(
            model, {past.friendly_name: f"{past.friendly_name}.present" for past in pasts}
        )
        self._begin_empty(model, ids)
        model.validate_nodes_and_infer_types()
        return model

    def _begin_empty(self, model: ov.Model, ids: ov.Node) -> None:
        """Set the initial value of every state: keys and values of 0 positions."""
        shape = self._shape
        sequences = ops.gather(ops.shape_of(ids, "i64"), _whole(0), _whole(0))
        empty = ops.broadcast(
            ops.constant(np.float32(0)),
            ops.concat([sequences, _whole(shape.key_heads, 0, shape.head_width)], 0),
        )
        for node in model.get_ops():
            if node.get_type_name() == "ReadValue":
                node.set_arguments([empty])

    def _embedding(self, ids: ov.Node) -> ov.Node:
        return ops.gather(self._weight("model.embed_tokens.weight"), ids, ops.constant(0))

    def _rotary(self, positions: ov.Node) -> tuple[ov.Node, ov.Node]:
        """Return the cosines and sines [sequences, 1, n, head width] of rotary positions.

        Source: arXiv 2104.09864.
        """
        width = self._shape.head_width
        speeds = self._shape.theta ** (-np.arange(0, width, 2, dtype=np.float64) / width)
        column = ops.unsqueeze(ops.convert(positions, "f32"), _whole(-1))
        angles = ops.multiply(column, ops.constant(speeds.astype(np.float32)[None, None]))
        twice = ops.unsqueeze(ops.concat([angles, angles], -1), _whole(1))
        return ops.cos(twice), ops.sin(twice)

    def _attention(
        self,
        x: ov.Node,
        name: str,
        rotary: tuple[ov.Node, ov.Node],
        mask: ov.Node,
        past: list[ov.Node],
        beam: ov.Node,
    ) -> tuple[ov.Node, list[ov.Node]]:
        shape = self._shape
        query = self._heads(x, name, "q", shape.heads)
        key = self._heads(x, name, "k", shape.key_heads)
        value = self._heads(x, name, "v", shape.key_heads)
        first = ops.constant(0)
        keys = ops.concat([ops.gather(past[0], beam, first), _rotated(key, rotary)], -2)
        values = ops.concat([ops.gather(past[1], beam, first), value], -2)
        attended = ops.scaled_dot_product_attention(
            _rotated(query, rotary), self._repeated(keys), self._repeated(values), mask
        )
        rows = ops.transpose(attended, _whole(0, 2, 1, 3))
        flat = ops.reshape(rows, _whole(0, 0, shape.heads * shape.head_width), True)
        return self._linear(flat, f"{name}.o_proj"), [keys, values]

    def _heads(self, x: ov.Node, name: str, kind: str, count: int) -> ov.Node:
        """Project to [sequences, heads, n, head width]; Qwen3 also normalizes queries and keys."""
        flat = self._linear(x, f"{name}.{kind}_proj")
        heads = ops.reshape(flat, _whole(0, 0, count, self._shape.head_width), True)
        if self._shape.family == "qwen3" and kind != "v":
            heads = self._norm(heads, f"{name}.{kind}_norm")
        return ops.transpose(heads, _whole(0, 2, 1, 3))

    def _repeated(self, states: ov.Node) -> ov.Node:
        """Repeat keys or values [sequences, key heads, n, width] for each query head."""
        shape = self._shape
        group = shape.heads // shape.key_heads
        if group == 1:
            return states
        sizes = ops.shape_of(states, "i64")
        parts = [ops.gather(sizes, _whole(axis), ops.constant(0)) for axis in range(4)]
        each = ops.broadcast(
            ops.unsqueeze(states, _whole(2)),
            ops.concat([*parts[:2], _whole(group), *parts[2:]], 0),
            broadcast_spec="BIDIRECTIONAL",
        )
        return ops.reshape(each, _whole(0, shape.heads, -1, shape.head_width), True)

    def _feed_forward(self, x: ov.Node, name: str) -> ov.Node:
        gate = ops.swish(self._linear(x, f"{name}.gate_proj"))
        return self._linear(
            ops.multiply(gate, self._linear(x, f"{name}.up_proj")), f"{name}.down_proj"
        )

    def _norm(self, x: ov.Node, name: str) -> ov.Node:
        """Return the root mean square norm of ``x`` (arXiv 1910.07467)."""
        two, one = ops.constant(np.float32(2)), ops.constant(np.float32(1))
        mean = ops.reduce_mean(ops.power(x, two), _whole(-1), True)
        root = ops.sqrt(ops.add(mean, ops.constant(np.float32(self._shape.epsilon))))
        return ops.multiply(self._weight(f"{name}.weight"), ops.multiply(x, ops.divide(one, root)))

    def _linear(self, x: ov.Node, name: str) -> ov.Node:
        y = ops.matmul(x, self._weight(f"{name}.weight"), False, True)
        kind = name.rpartition(".")[2]
        if self._shape.biased and kind in ("q_proj", "k_proj", "v_proj"):
            y = ops.add(y, self._weight(f"{name}.bias"))
        return y

    def _weight(self, name: str) -> ov.Node:
        """Return a weight as float32; the plugin fuses the conversion from int8 into its user."""
        array = self._weights[name]
        if array.dtype == np.uint8:
            return self._four_bits(name, array)
        constant = ops.constant(array, shared_memory=True)
        if array.dtype != np.int8:
            return constant
        return ops.multiply(
            ops.convert(constant, "f32"), ops.constant(self._weights[f"{name}.scale"])
        )

    def _four_bits(self, name: str, packed: Array) -> ov.Node:
        rows, groups, half = packed.shape
        scale = self._weights[f"{name}.scale"]
        numbers = ov.Tensor(packed, [rows, groups, 2 * half], ov.Type.u4)
        zeros = ov.Tensor(self._weights[f"{name}.zero"], [rows, groups, 1], ov.Type.u4)
        centred = ops.subtract(
            ops.convert(ops.constant(numbers), "f16"), ops.convert(ops.constant(zeros), "f16")
        )
        wide = ops.multiply(centred, ops.constant(scale))
        return ops.convert(ops.reshape(wide, _whole(rows, 2 * half * groups), False), "f32")


def _input(name: str, shape: list[int], kind: ov.Type = ov.Type.f32) -> ov.Node:
    parameter = ops.parameter(shape, kind, name=name)
    parameter.output(0).get_tensor().set_names({name})
    return parameter


def _whole(*numbers: int) -> ov.Node:
    return ops.constant(np.array(numbers, dtype=np.int64))


def _rotated(x: ov.Node, rotary: tuple[ov.Node, ov.Node]) -> ov.Node:
    """Apply rotary positions to [sequences, heads, n, width]: rotate pairs of its two halves."""
    half = x.get_output_partial_shape(0)[3].get_length() // 2
    most = np.iinfo(np.int64).max
    left = ops.slice(x, _whole(0), _whole(half), _whole(1), _whole(3))
    right = ops.slice(x, _whole(half), _whole(most), _whole(1), _whole(3))
    turned = ops.concat([ops.multiply(right, ops.constant(np.float32(-1))), left], -1)
    return ops.add(ops.multiply(x, rotary[0]), ops.multiply(turned, rotary[1]))
