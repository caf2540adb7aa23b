"""The OpenVINO backend: its CPU kernels, int8 weights and paged attention."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tabwright.core.message import Message
from tabwright.engine.backends import Backend, BackendError, BackendOptions, Logits, Precision
from tabwright.engine.backends.block_model import BlockModel, config_and_shape, positions_of
from tabwright.engine.backends.blocks import BLOCK, Blocks, BlockState, Buffer
from tabwright.engine.backends.openvino.graph import build
from tabwright.engine.backends.openvino.without_telemetry import ov, paged_attention_transformation
from tabwright.models.conversion import int4, int8

_CACHE_TYPE = np.float16  # of keys and values
_MAX_ERROR = 0.02  # allowed difference, relative to the logits' standard deviation


def _weights(folder: Path, precision: Precision) -> Mapping[str, int8.Array]:
    if precision == "float32":
        return int8.wide(folder)
    if precision == "int4" or precision == "mixed":
        return int4.load(folder, precision)
    return int8.load(folder)


def describe_machine() -> str:
    """Describe in one line what OpenVINO computes with on this machine."""
    cpu = ov.Core().get_property("CPU", "FULL_DEVICE_NAME")
    return f"{ov.get_version().partition('-')[0]}: {cpu}, weights in int8"


class OpenvinoModel(BlockModel):
    """A model of the Llama family behind the engine's interface."""

    name = "openvino"
    device = "cpu"

    def __init__(
        self, model: ov.Model, config: Mapping[str, Any], precision: str, threads: int
    ) -> None:
        """Compile a model made by `build`; raises BackendError when the plugin cannot."""
        self.precision = precision
        self.context_length = int(config.get("max_position_embeddings") or 2048)
        self.memory_bytes = sum(
            op.get_byte_size() for op in model.get_ops() if isinstance(op, ov.op.Constant)
        )
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            # No rounding of activations beyond that of int8 weights, so that tests can compare.
            "INFERENCE_PRECISION_HINT": "f32",
            "KV_CACHE_PRECISION": "f16",
            "INFERENCE_NUM_THREADS": threads,
            # A pinned thread would wait while the editor uses its core.
            "ENABLE_CPU_PINNING": False,
        }
        paged_attention_transformation(model)
        compiled = ov.Core().compile_model(model, "CPU", settings)
        self._request = compiled.create_infer_request()
        self._ports = {port.get_any_name(): port for port in compiled.inputs}
        caches = [name for name in self._ports if "cache." in name]
        shapes = [
            tuple(size.get_length() for size in list(self._ports[name].get_partial_shape())[1:])
            for name in caches
        ]
        self._caches = caches
        one_block = sum(math.prod(shape) for shape in shapes) * np.dtype(_CACHE_TYPE).itemsize
        self.bytes_per_token = one_block // BLOCK
        self._blocks = Blocks(shapes, _CACHE_TYPE, self._bind)

    @classmethod
    def load(cls, folder: Path, options: BackendOptions) -> OpenvinoModel:
        """Load a folder in int8, int4, mixed or float32; raises BackendError with the reason."""
        try:
            config, shape = config_and_shape(folder, "OpenVINO")
            precision: Precision = "int8" if options.precision == "auto" else options.precision
            weights = _weights(folder, precision)
            loaded = cls(build(shape, weights), config, precision, options.threads)
            loaded.forward(loaded.new_state(), [0])  # makes the plugin pack its copy of the weights
            if isinstance(weights, int8.Safetensors):
                weights.forget()
            if precision in ("int4", "mixed") and depends_on_cut(loaded):
                raise BackendError(
                    Message(
                        "OpenVINO computes {0} wrongly in 4 bits on this CPU; "
                        "set tabwright.engine.precision to int8",
                        folder.name,
                    )
                )
            return loaded
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise BackendError(
                Message("{0} cannot be loaded by {1}: {2}", folder.name, "OpenVINO", error)
            ) from error

    def _logits(
        self,
        states: Sequence[BlockState],
        ids: Sequence[Sequence[int]],
        keep: Sequence[int],
        exact: bool,
    ) -> Logits:
        pasts = [len(state.ids) for state in states]
        counts = [len(added) for added in ids]
        tables = [state.table for state in states]
        values = {
            "input_ids": np.concatenate(ids).astype(np.int64),
            "position_ids": positions_of(states, ids),
            "keep": np.array(keep, np.int64),
            "past_lens": np.array(pasts, np.int32),
            "subsequence_begins": np.cumsum([0, *counts], dtype=np.int32),
            "block_indices": np.concatenate(tables).astype(np.int32),
            "block_indices_begins": np.cumsum([0, *map(len, tables)], dtype=np.int32),
            "max_context_len": np.array(max(map(sum, zip(pasts, counts, strict=True))), np.int32),
        }
        for name, value in values.items():
            self._request.set_tensor(self._ports[name], ov.Tensor(value))
        self._request.infer()
        return np.array(self._request.get_output_tensor(0).data)

    def _bind(self, buffers: Sequence[Buffer]) -> None:
        for name, buffer in zip(self._caches, buffers, strict=True):
            self._request.set_tensor(self._ports[name], ov.Tensor(buffer, shared_memory=True))


def depends_on_cut(model: Backend) -> bool:
    """Tell whether outputs depend on the number of tokens in a pass, which is an error.

    OpenVINO 2026.4 chooses a kernel by that number and packs the weights for it once. In 4 bits, on
    CPUs with plain AVX2, the kernels for 8 to 48 tokens are wrong in most processes.
    """
    ids = [token % 200 for token in range(3, 51)]
    found = []
    for count in (4, 8, 16, 48):
        state = model.new_state()
        for at in range(0, len(ids), count):
            row = model.forward(state, ids[at : at + count])[-1]
        found.append(row)
    spread = float(np.std(found[0]))
    return any(float(np.abs(row - found[0]).max()) > _MAX_ERROR * spread for row in found[1:])
