"""The torch backend: any causal language model of transformers, with a KV cache of our own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import AutoModelForCausalLM
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from tabwright.core.message import Message
from tabwright.engine.backends import BackendError, BackendOptions, Logits
from tabwright.engine.backends.cores import cores
from tabwright.engine.backends.torch.attention import use_packed_attention
from tabwright.engine.backends.torch.int8 import int8_supported, quantize_linears

_GROWTH = 512  # positions by which a layer's buffers grow


class GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer in buffers with spare room.

    Appending writes in place and truncating changes a length; the layer of transformers copies all
    keys and values at every token.
    """

    def __init__(self) -> None:
        super().__init__()
        self.length = 0
        self.key_buffer: torch.Tensor | None = None
        self.value_buffer: torch.Tensor | None = None

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Set dtype and device from the first keys and values [sequences, heads, n, width]."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append keys and values [sequences, heads, n, width]; return views of all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[-2]
        self.key_buffer = _with_room(self.key_buffer, key_states, self.length, end)
        self.value_buffer = _with_room(self.value_buffer, value_states, self.length, end)
        self.key_buffer[:, :, self.length : end] = key_states
        self.value_buffer[:, :, self.length : end] = value_states
        self.set_length(end)
        return self.keys, self.values

    def set_length(self, length: int) -> None:
        """Keep the first `length` positions."""
        assert self.key_buffer is not None and self.value_buffer is not None
        self.length = length
        self.keys = self.key_buffer[:, :, :length]
        self.values = self.value_buffer[:, :, :length]

    def get_seq_length(self) -> int:
        """Return the number of positions held."""
        return self.length

    def copy(self, length: int, count: int = 1) -> GrowingLayer:
        """Return an independent layer with the first `length` positions, repeated `count` times."""
        other = GrowingLayer()
        if self.is_initialized:
            keys, values = self.keys[:, :, :length], self.values[:, :, :length]
            other.update(keys.expand(count, -1, -1, -1), values.expand(count, -1, -1, -1))
        return other

    def keep(self, indices: torch.Tensor) -> None:
        """Drop all sequences except those at these indices."""
        assert self.key_buffer is not None and self.value_buffer is not None
        self.key_buffer = self.key_buffer[indices]
        self.value_buffer = self.value_buffer[indices]
        self.set_length(self.length)


def _with_room(
    buffer: torch.Tensor | None, states: torch.Tensor, length: int, end: int
) -> torch.Tensor:
    if buffer is not None and end <= buffer.shape[2]:
        return buffer
    room = (end // _GROWTH + 1) * _GROWTH
    if buffer is not None:
        room = max(room, buffer.shape[2] * 3 // 2)
    grown = states.new_empty((*states.shape[:2], room, states.shape[3]))
    if buffer is not None:
        grown[:, :, :length] = buffer[:, :, :length]
    return grown


class TorchState:
    """The token ids of a sequence and the cache with their keys and values."""

    def __init__(self, cache: DynamicCache) -> None:
        self.ids: list[int] = []
        self.cache = cache


class TorchSequences:
    """A batch of sequences of one length, and their common cache."""

    def __init__(self, cache: DynamicCache, length: int) -> None:
        self.cache = cache
        self.length = length


class TorchModel:
    """A causal language model of transformers behind the engine's interface."""

    name = "torch"

    def __init__(self, model: Any, device: str, precision: str) -> None:
        self.model = model
        self.device = device
        self.precision = precision
        config = model.config.get_text_config(decoder=True)
        self.context_length = int(getattr(config, "max_position_embeddings", 2048))
        self._layers = int(config.num_hidden_layers)
        heads = int(config.num_attention_heads)
        width = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
        key_heads = int(getattr(config, "num_key_value_heads", None) or heads)
        # With int8 weights, keys and values are float32.
        number = 4 if precision in ("int8", "float32") else 2
        self.bytes_per_token = 2 * self._layers * key_heads * width * number
        tensors = [*model.parameters(), *model.buffers()]
        self.memory_bytes = sum(t.numel() * t.element_size() for t in tensors) + sum(
            getattr(module, "packed_bytes", 0) for module in model.modules()
        )

    @classmethod
    def load(cls, folder: Path, options: BackendOptions) -> TorchModel:
        """Load safetensors weights of `folder`; raises BackendError with the reason."""
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        device = _pick_device(options.device)
        if device == "cpu":
            torch.set_num_threads(options.threads or cores())
        precision = _pick_precision(options.precision, device)
        dtype = torch.bfloat16 if precision == "int8" else getattr(torch, precision)
        try:
            model = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
        except Exception as error:
            raise BackendError(
                Message("{0} cannot be loaded by {1}: {2}", folder.name, "torch", error)
            ) from error
        model.eval()
        layers = DynamicCache(config=model.config).layers
        if any(isinstance(layer, DynamicSlidingWindowLayer) for layer in layers):
            raise BackendError(
                Message(
                    "{0} uses sliding-window attention, whose cache cannot be shortened",
                    folder.name,
                )
            )
        use_packed_attention(model)
        if precision == "int8":
            quantize_linears(model)
        model.to(device)
        return cls(model, device, precision)

    def new_state(self) -> TorchState:
        """Return an empty state."""
        return self._state([GrowingLayer() for _ in range(self._layers)])

    def copy_state(self, state: TorchState, length: int) -> TorchState:
        """Return an independent state with the first `length` tokens of `state`."""
        other = self._state([layer.copy(length) for layer in state.cache.layers])
        other.ids = state.ids[:length]
        return other

    def _state(self, layers: list[GrowingLayer]) -> TorchState:
        cache = DynamicCache()
        cache.layers = layers
        return TorchState(cache)

    def truncate(self, state: TorchState, length: int) -> None:
        """Remove all but the first `length` tokens; nothing is copied."""
        if length < len(state.ids):
            del state.ids[length:]
            for layer in state.cache.layers:
                layer.set_length(length)

    def forward(
        self, state: TorchState, ids: Sequence[int], last: int = 1, exact: bool = False
    ) -> Logits:
        """Append `ids` to the state; return float32 logits [last, vocabulary]."""
        (logits,) = self._logits(state.cache, [ids], len(state.ids), last)
        state.ids.extend(ids)
        return logits

    def fork(self, state: TorchState, count: int) -> TorchSequences:
        """Return `count` sequences that continue the state, with copied keys and values."""
        length = len(state.ids)
        layers = [layer.copy(length, count) for layer in state.cache.layers]
        return TorchSequences(self._state(layers).cache, length)

    def step(self, sequences: TorchSequences, ids: Sequence[int], exact: bool = False) -> Logits:
        """Append one token to each sequence; return float32 logits [sequences, vocabulary]."""
        rows = self._logits(sequences.cache, [[one] for one in ids], sequences.length, 1)
        sequences.length += 1
        return np.concatenate(rows)

    def keep(self, sequences: TorchSequences, indices: Sequence[int]) -> None:
        """Drop all sequences except those at these indices; those kept are copied."""
        with torch.inference_mode():
            chosen = torch.tensor(indices, dtype=torch.long, device=self.device)
            for layer in sequences.cache.layers:
                layer.keep(chosen)

    def _logits(
        self, cache: DynamicCache, ids: Sequence[Sequence[int]], start: int, last: int
    ) -> list[Logits]:
        """Append ids [sequences, n] at `start`; return logits [last, vocabulary] of each."""
        with torch.inference_mode():
            positions = torch.arange(start, start + len(ids[0]), device=self.device)
            output = self.model(
                input_ids=torch.tensor(ids, device=self.device),
                position_ids=positions.expand(len(ids), -1),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=last,
            )
            logits = output.logits[:, -last:].float().cpu().numpy()
        return [np.ascontiguousarray(rows) for rows in logits]


def _pick_device(setting: str) -> str:
    if setting == "cuda" and not torch.cuda.is_available():
        raise BackendError(Message("engine.device is 'cuda', but torch finds no CUDA GPU"))
    if setting == "mps" and not torch.backends.mps.is_available():
        raise BackendError(Message("engine.device is 'mps', but torch finds no Apple GPU"))
    if setting != "auto":
        return setting
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _pick_precision(setting: str, device: str) -> str:
    if setting in ("int4", "mixed"):
        raise BackendError(
            Message("engine.precision is '{0}', which only OpenVINO can compute", setting)
        )
    if setting == "int8" and not (device == "cpu" and int8_supported()):
        raise BackendError(Message("engine.precision is 'int8', which needs an x86 CPU"))
    if setting != "auto":
        return setting
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    if device == "mps":
        return "float16"
    if int8_supported():
        return "int8"
    return "bfloat16" if _cpu_has_bfloat16() else "float32"


def _cpu_has_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def describe_machine() -> str:
    """Describe in one line what torch would compute with on this machine."""
    device = _pick_device("auto")
    capability = torch.backends.cpu.get_cpu_capability() if device == "cpu" else device.upper()
    threads = f", {cores()} threads" if device == "cpu" else ""
    return (
        f"{torch.__version__}: {capability}{threads}, weights in {_pick_precision('auto', device)}"
    )
