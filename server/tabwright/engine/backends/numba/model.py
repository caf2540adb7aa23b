"""The default backend on x86 CPUs: our own int8 kernels, compiled by numba for this CPU."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.core.errors import NumbaError

from tabwright.core.message import Message
from tabwright.engine.backends import BackendError, BackendOptions, Logits
from tabwright.engine.backends.block_model import BlockModel, config_and_shape, positions_of
from tabwright.engine.backends.blocks import BLOCK, Blocks, BlockState, Buffer
from tabwright.engine.backends.cores import cores
from tabwright.engine.backends.numba import screen
from tabwright.engine.backends.numba.forward_pass import (
    COUNTER_STRIDE,
    GROUPED_TOKENS,
    LOOPS_PER_LAYER,
    Pass,
    Sizes,
    Weights,
    run,
)
from tabwright.engine.backends.numba.head import NarrowHead
from tabwright.engine.backends.numba.matrix import QuantizedRows, pieces_of
from tabwright.engine.backends.numba.vectors import COLUMNS
from tabwright.engine.decoding.vocabulary import Vocabulary
from tabwright.models.conversion import int8
from tabwright.models.shape import Shape

log = logging.getLogger(__name__)
_SOURCES = Path(__file__).parents[3]
_WINDOW = 256  # tokens of each source file from which states are computed
_CHECKED_ROWS = 67  # rows of the head whose outputs a load compares; a multiple of no block size
_MAX_ERROR = 1e-3  # allowed difference, relative to the outputs' standard deviation
_MATRICES = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)


class NumbaModel(BlockModel):
    """A model of the Llama family behind the engine's interface."""

    name = "numba"
    device = "cpu"
    precision = "int8"

    def __init__(
        self,
        shape: Shape,
        weights: Mapping[str, Any],
        config: Mapping[str, Any],
        threads: int,
        screen: Mapping[str, Any] | None = None,
    ) -> None:
        """Use weights from `int8.load` and `screen.load` in place, without a copy."""
        self.context_length = int(config.get("max_position_embeddings") or 2048)
        tensors = [weights, screen or {}]
        self.memory_bytes = sum(each[name].nbytes for each in tensors for name in each)
        self.bytes_per_token = shape.layers * 2 * shape.key_heads * shape.head_width * 2
        self._tensors = tensors
        self._embeddings = weights["model.embed_tokens.weight"]
        self._embedding_scales = weights["model.embed_tokens.weight" + int8.SCALE]
        self._sizes = Sizes(
            layers=shape.layers,
            heads=shape.heads,
            key_heads=shape.key_heads,
            head_width=shape.head_width,
            width=shape.width,
            inner=len(weights["model.layers.0.mlp.up_proj.weight"]),
            vocabulary=len(self._embeddings),
            epsilon=shape.epsilon,
        )
        self._max_width = max(shape.width, shape.heads * shape.head_width, self._sizes.inner)
        head = "model.embed_tokens.weight" if shape.tied else "lm_head.weight"
        self._head = weights[head], weights[head + int8.SCALE]
        self._weights = _weights(shape, weights, self._sizes, head)
        self._screen = _screen(screen, len(self._embeddings), shape.width)
        self._frequencies = shape.theta ** (-np.arange(0, shape.head_width, 2) / shape.head_width)
        self._threads = threads or cores()
        self._others = ThreadPoolExecutor(max(1, self._threads - 1), "tabwright-numba")
        self._buffers: dict[str, npt.NDArray[Any]] = {}
        one_block = (shape.layers, 2, shape.key_heads, BLOCK * shape.head_width)
        self._blocks = Blocks([one_block], np.int16, self._bind)

    @classmethod
    def load(cls, folder: Path, options: BackendOptions) -> NumbaModel:
        """Load a folder in int8; raises BackendError with the reason."""
        try:
            config, shape = config_and_shape(folder, "numba")
            narrow = screen.load(folder)
            loaded = cls(shape, int8.load(folder), config, options.threads, narrow)
            if not loaded.is_exact():  # this compiles the kernels or reads them from the cache
                raise BackendError(
                    Message("{0} computes {1} wrongly on this CPU", "numba", folder.name)
                )
            return loaded
        except (OSError, ValueError, KeyError, RuntimeError, NumbaError) as error:
            raise BackendError(
                Message("{0} cannot be loaded by {1}: {2}", folder.name, "numba", error)
            ) from error

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """Compile the kernels, and make the narrow head from the states of our own sources."""
        loaded = cls.load(folder, BackendOptions())

        def states() -> npt.NDArray[np.float32]:
            windows = _windows(Vocabulary.load(folder), screen.STATES)
            return np.concatenate([loaded.states(window) for window in windows])

        try:
            screen.write(folder, loaded._head, states)
        except (OSError, ValueError) as error:
            log.warning("the narrow head cannot be kept: %s", error)

    def _logits(
        self,
        states: Sequence[BlockState],
        ids: Sequence[Sequence[int]],
        keep: Sequence[int],
        exact: bool,
        sizes: Sizes | None = None,
    ) -> Logits:
        """Compute logits; ``sizes`` may have fewer layers or rows of the head than the model."""
        sizes = sizes or self._sizes
        flat = np.concatenate([np.asarray(added, np.int64) for added in ids])
        counts = [len(added) for added in ids]
        positions = positions_of(states, ids)
        tables = np.zeros((len(states), max(len(state.table) for state in states)), np.int64)
        for row, state in zip(tables, states, strict=True):
            row[: len(state.table)] = state.table
        angles = (positions[:, None] * self._frequencies).astype(np.float32)
        logits = np.empty((len(keep), sizes.vocabulary), np.float32)
        self._compute(
            sizes,
            Pass(
                hidden=self._embeddings[flat] * self._embedding_scales[flat],
                positions=positions,
                sequences=np.repeat(np.arange(len(states)), counts),
                token_groups=_token_groups(counts),
                tables=tables,
                rotary=np.stack([np.cos(angles), np.sin(angles)], axis=1),
                cache=self._cache,
                keep=np.array(keep, np.int64),
                logits=logits,
                exact=exact,
                **self._work_buffers(len(flat), tables.shape[1] * BLOCK),
            ),
        )
        return logits

    def is_exact(self) -> bool:
        """Compare some products of the output head with numpy's; True when they agree.

        LLVM compiles the kernels for this CPU, and nobody may have tested them on such a CPU.
        """
        sizes = self._sizes._replace(
            layers=0, vocabulary=min(_CHECKED_ROWS, self._sizes.vocabulary)
        )
        matrix, scales = (array[: sizes.vocabulary].astype(np.float32) for array in self._head)
        for tokens in range(1, 2 * GROUPED_TOKENS):
            hidden = self._embeddings[:tokens] * self._embedding_scales[:tokens]
            roots = np.sqrt((hidden**2).mean(axis=1, keepdims=True) + sizes.epsilon)
            expected = (hidden / roots * self._weights.last_norm) @ (matrix * scales).T
            state = self.new_state()
            state.make_room(tokens)
            logits = self._logits([state], [range(tokens)], range(tokens), True, sizes)
            if not np.abs(logits - expected).max() < _MAX_ERROR * max(float(expected.std()), 1e-9):
                return False
        return True

    def states(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Return the last hidden states, the inputs of the output head, [ids, width]."""
        sizes, state = self._sizes._replace(vocabulary=1), self.new_state()
        state.make_room(len(ids))
        self._logits([state], [ids], range(len(ids)), True, sizes)
        normed = self._buffer("second", (len(ids), self._max_width), np.float32)
        return normed[:, : sizes.width].copy()

    def _compute(self, sizes: Sizes, work: Pass) -> None:
        numbers = range(1, self._threads)
        arguments = self._threads, sizes, self._weights, self._screen, work
        others = [self._others.submit(run, number, *arguments) for number in numbers]
        run(0, *arguments)
        for other in others:
            other.result()

    def _work_buffers(self, tokens: int, positions: int) -> dict[str, Any]:
        """Return work buffers, which are reused by later passes and replaced when too small."""
        sizes = self._sizes
        asked = sizes.heads * sizes.head_width
        widest = self._max_width
        joined = asked + 2 * sizes.key_heads * sizes.head_width
        group = GROUPED_TOKENS * sizes.heads // sizes.key_heads
        pieces = int(self._weights.piece_counts.max())
        return {
            "rounded": QuantizedRows(
                self._buffer("whole", (tokens * widest,), np.int16),
                self._buffer("scales", (tokens * pieces,), np.float32),
            ),
            "narrow_inputs": QuantizedRows(
                self._buffer("narrow", (tokens * self._screen.width,), np.int16),
                self._buffer("narrow scales", (tokens * self._screen.pieces,), np.float32),
            ),
            "first": self._buffer("first", (tokens, max(widest, joined)), np.float32),
            "second": self._buffer("second", (tokens, widest), np.float32),
            "scores": self._buffer("scores", (self._threads * group, positions), np.float32),
            "counters": np.zeros(
                (3 + LOOPS_PER_LAYER * sizes.layers, self._threads, COUNTER_STRIDE), np.int64
            ),
        }

    def _buffer(self, name: str, shape: tuple[int, ...], kind: Any) -> npt.NDArray[Any]:
        size = math.prod(shape)
        if name not in self._buffers or self._buffers[name].size < size:
            self._buffers[name] = np.empty(size, kind)
        return self._buffers[name][:size].reshape(shape)

    def _bind(self, buffers: Sequence[Buffer]) -> None:
        self._cache = buffers[0]


def _token_groups(counts: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return start and end of groups of up to `GROUPED_TOKENS` tokens, each of one sequence."""
    starts = np.cumsum([0, *counts])
    return np.array(
        [
            (at, min(at + GROUPED_TOKENS, end))
            for begin, end in pairwise(starts.tolist())
            for at in range(begin, end, GROUPED_TOKENS)
        ],
        np.int64,
    )


def _weights(shape: Shape, weights: Mapping[str, Any], sizes: Sizes, head: str) -> Weights:
    if shape.head_width % COLUMNS:
        raise ValueError(
            Message("a head width of {0} is no multiple of {1}", shape.head_width, COLUMNS)
        )
    if shape.heads % shape.key_heads:
        raise ValueError(
            Message("{0} heads cannot share {1} heads of keys", shape.heads, shape.key_heads)
        )
    asked, kept = shape.heads * shape.head_width, shape.key_heads * shape.head_width
    width, inner = sizes.width, sizes.inner
    outputs_and_inputs = (
        (asked, width),
        (kept, width),
        (kept, width),
        (width, asked),
        (inner, width),
        (inner, width),
        (width, inner),
    )
    _check_matrix(weights, "model.embed_tokens.weight", (sizes.vocabulary, width))
    matrices = np.zeros((shape.layers, len(_MATRICES), 2), np.int64)
    biases = np.zeros((shape.layers, asked + 2 * kept), np.float32)
    layers = [f"model.layers.{layer}." for layer in range(shape.layers)]
    for layer, name in enumerate(layers):
        for kind, matrix in enumerate(_MATRICES):
            at = f"{name}{matrix}.weight"
            matrices[layer, kind] = _addresses(weights, at, outputs_and_inputs[kind])
        if shape.biased:
            parts = [
                _vector(weights, f"{name}self_attn.{kind}_proj.bias", length)
                for kind, length in zip("qkv", (asked, kept, kept), strict=True)
            ]
            biases[layer] = np.concatenate(parts)
    norms = ("input_layernorm", "post_attention_layernorm")
    turned = []
    if shape.family == "qwen3":
        length = shape.head_width
        turned = [
            [_vector(weights, f"{at}self_attn.{kind}_norm.weight", length) for kind in "qk"]
            for at in layers
        ]
    return Weights(
        matrices=matrices,
        head=np.array(_addresses(weights, head, (sizes.vocabulary, width)), np.int64),
        norms=np.array(
            [[_vector(weights, f"{at}{norm}.weight", width) for norm in norms] for at in layers]
        ),
        last_norm=np.array(_vector(weights, "model.norm.weight", width), np.float32),
        biases=biases,
        head_norms=np.array(turned, np.float32).reshape(-1, 2, shape.head_width),
        piece_counts=np.array([pieces_of(width) for width in (shape.width, asked, sizes.inner)]),
    )


def _windows(vocabulary: Vocabulary, count: int) -> list[list[int]]:
    """Return about ``count`` tokens of our own sources, from as many files as possible."""
    files = sorted(_SOURCES.rglob("*.py"), key=lambda path: path.stat().st_size)
    chosen = files[-count // _WINDOW :]
    return [vocabulary.encode_text(path.read_text("utf-8"))[:_WINDOW] for path in chosen]


def _screen(arrays: Mapping[str, Any] | None, vocabulary: int, width: int) -> NarrowHead:
    if arrays is None:
        return NarrowHead(0, 0, 0, 0, 0, 1, 0.0)
    rows, kept = arrays[screen.HEAD].shape
    if rows != vocabulary or arrays[screen.TURN].shape != (width, width):
        raise ValueError(Message("the narrow output head is of another model"))
    turn = _addresses(arrays, screen.TURN, (width, width))
    head = _addresses(arrays, screen.HEAD, (vocabulary, kept))
    return NarrowHead(*turn, *head, kept, pieces_of(kept), float(arrays[screen.SPREAD][0]))


def _check_matrix(weights: Mapping[str, Any], name: str, shape: tuple[int, int]) -> None:
    """Raise ValueError for a matrix of other sizes than the config says.

    The kernels get only its address, and would read beyond its end.
    """
    matrix, scales = weights[name], weights[name + int8.SCALE]
    fits = matrix.shape == shape and scales.size == shape[0]
    plain = matrix.flags.c_contiguous and scales.flags.c_contiguous
    if not (fits and plain and matrix.dtype == np.int8 and scales.dtype == np.float32):
        raise ValueError(
            Message("{0} is not a matrix of {1} x {2} as config.json says", name, *shape)
        )


def _vector(weights: Mapping[str, Any], name: str, length: int) -> npt.NDArray[Any]:
    """Return a tensor of one dimension; ValueError for another length than the config says."""
    found: npt.NDArray[Any] = weights[name]
    if found.shape != (length,):
        raise ValueError(Message("{0} does not have {1} numbers as config.json says", name, length))
    return found


def _addresses(weights: Mapping[str, Any], name: str, shape: tuple[int, int]) -> tuple[int, int]:
    """Return the addresses of an int8 matrix and its scales; ValueError for other sizes."""
    _check_matrix(weights, name, shape)
    return weights[name].ctypes.data, weights[name + int8.SCALE].ctypes.data
