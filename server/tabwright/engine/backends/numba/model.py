"""The quick backend on a CPU: kernels of our own in int8, compiled by numba for the CPU at hand."""

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

from tabwright.engine.backends import BackendError, BackendOptions, Logits
from tabwright.engine.backends.block_model import BlockModel, described, positions_of
from tabwright.engine.backends.blocks import BLOCK, Blocks, BlockState, Buffer
from tabwright.engine.backends.cores import cores
from tabwright.engine.backends.numba import screen
from tabwright.engine.backends.numba.forward_pass import (
    APART,
    BUNDLE,
    WORKS,
    Pass,
    Sizes,
    Weights,
    run,
)
from tabwright.engine.backends.numba.head import Screen
from tabwright.engine.backends.numba.matrix import Rounded, pieces_of
from tabwright.engine.backends.numba.vectors import COLUMNS
from tabwright.engine.decoding.vocabulary import Vocabulary
from tabwright.models.conversion import int8
from tabwright.models.shape import Shape

log = logging.getLogger(__name__)
_SOURCES = Path(__file__).parents[3]
_WINDOW = 256  # tokens of a text that are read for their states
_TRIED = 67  # rows of a matrix whose outputs are compared: no multiple of anything
_ROUNDING = 1e-3  # of the spread of the outputs
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
        """Take weights as `int8.load` and `screen.load` give them, which stay there."""
        self.context_length = int(config.get("max_position_embeddings") or 2048)
        held = [weights, screen or {}]
        self.memory_bytes = sum(each[name].nbytes for each in held for name in each)
        self.bytes_per_token = shape.layers * 2 * shape.key_heads * shape.head_width * 2
        self._held = held
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
        self._widest = max(shape.width, shape.heads * shape.head_width, self._sizes.inner)
        head = "model.embed_tokens.weight" if shape.tied else "lm_head.weight"
        self._head = weights[head], weights[head + int8.SCALE]
        self._weights = _weights(shape, weights, self._sizes, head)
        self._screen = _screen(screen, len(self._embeddings), shape.width)
        self._speeds = shape.theta ** (-np.arange(0, shape.head_width, 2) / shape.head_width)
        self._threads = threads or cores()
        self._others = ThreadPoolExecutor(max(1, self._threads - 1), "tabwright-numba")
        self._room: dict[str, npt.NDArray[Any]] = {}
        one_block = (shape.layers, 2, shape.key_heads, BLOCK * shape.head_width)
        self._blocks = Blocks([one_block], np.int16, self._bind)

    @classmethod
    def load(cls, folder: Path, options: BackendOptions) -> NumbaModel:
        """Load a folder in int8; raises BackendError with the reason."""
        try:
            config, shape = described(folder, "numba")
            narrow = screen.load(folder)
            loaded = cls(shape, int8.load(folder), config, options.threads, narrow)
            if not loaded.is_exact():  # compiled now, or read where it was kept
                raise BackendError(f"numba computes {folder.name} wrongly on this CPU")
            return loaded
        except (OSError, ValueError, KeyError, RuntimeError, NumbaError) as error:
            raise BackendError(f"{folder.name} cannot be loaded by numba: {error}") from error

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """Compile, and make a narrow head of the states that our own sources lead to."""
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
        """``sizes`` other than the model's have fewer layers or rows of the last matrix."""
        sizes = sizes or self._sizes
        flat = np.concatenate([np.asarray(added, np.int64) for added in ids])
        counts = [len(added) for added in ids]
        positions = positions_of(states, ids)
        tables = np.zeros((len(states), max(len(state.table) for state in states)), np.int64)
        for row, state in zip(tables, states, strict=True):
            row[: len(state.table)] = state.table
        angles = (positions[:, None] * self._speeds).astype(np.float32)
        logits = np.empty((len(keep), sizes.vocabulary), np.float32)
        self._compute(
            sizes,
            Pass(
                hidden=self._embeddings[flat] * self._embedding_scales[flat],
                positions=positions,
                sequences=np.repeat(np.arange(len(states)), counts),
                bundles=_bundles(counts),
                tables=tables,
                turns=np.stack([np.cos(angles), np.sin(angles)], axis=1),
                cache=self._cache,
                keep=np.array(keep, np.int64),
                logits=logits,
                exact=exact,
                **self._rooms(len(flat), tables.shape[1] * BLOCK),
            ),
        )
        return logits

    def is_exact(self) -> bool:
        """Whether the last matrix, times a few rows of its own, is what numpy makes of them.

        LLVM wrote the kernels for this CPU, and nobody may have run them on one like it.
        """
        sizes = self._sizes._replace(layers=0, vocabulary=min(_TRIED, self._sizes.vocabulary))
        matrix, scales = (array[: sizes.vocabulary].astype(np.float32) for array in self._head)
        for tokens in range(1, 2 * BUNDLE):
            hidden = self._embeddings[:tokens] * self._embedding_scales[:tokens]
            roots = np.sqrt((hidden**2).mean(axis=1, keepdims=True) + sizes.epsilon)
            expected = (hidden / roots * self._weights.last_norm) @ (matrix * scales).T
            state = self.new_state()
            state.make_room(tokens)
            logits = self._logits([state], [range(tokens)], range(tokens), True, sizes)
            if not np.abs(logits - expected).max() < _ROUNDING * max(float(expected.std()), 1e-9):
                return False
        return True

    def states(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """What the output head is multiplied with behind each of the ids, [ids, width]."""
        sizes, state = self._sizes._replace(vocabulary=1), self.new_state()
        state.make_room(len(ids))
        self._logits([state], [ids], range(len(ids)), True, sizes)
        normed = self._take("second", (len(ids), self._widest), np.float32)
        return normed[:, : sizes.width].copy()

    def _compute(self, sizes: Sizes, work: Pass) -> None:
        numbers = range(1, self._threads)
        arguments = self._threads, sizes, self._weights, self._screen, work
        others = [self._others.submit(run, number, *arguments) for number in numbers]
        run(0, *arguments)
        for other in others:
            other.result()

    def _rooms(self, tokens: int, positions: int) -> dict[str, Any]:
        """Arrays to work in, kept from pass to pass and made anew where they are too small."""
        sizes = self._sizes
        asked = sizes.heads * sizes.head_width
        widest = self._widest
        joined = asked + 2 * sizes.key_heads * sizes.head_width
        group = BUNDLE * sizes.heads // sizes.key_heads
        pieces = int(self._weights.piece_counts.max())
        return {
            "rounded": Rounded(
                self._take("whole", (tokens * widest,), np.int16),
                self._take("scales", (tokens * pieces,), np.float32),
            ),
            "narrow": Rounded(
                self._take("narrow", (tokens * self._screen.width,), np.int16),
                self._take("narrow scales", (tokens * self._screen.pieces,), np.float32),
            ),
            "first": self._take("first", (tokens, max(widest, joined)), np.float32),
            "second": self._take("second", (tokens, widest), np.float32),
            "scores": self._take("scores", (self._threads * group, positions), np.float32),
            "counters": np.zeros((3 + WORKS * sizes.layers, self._threads, APART), np.int64),
        }

    def _take(self, name: str, shape: tuple[int, ...], kind: Any) -> npt.NDArray[Any]:
        size = math.prod(shape)
        if name not in self._room or self._room[name].size < size:
            self._room[name] = np.empty(size, kind)
        return self._room[name][:size].reshape(shape)

    def _bind(self, buffers: Sequence[Buffer]) -> None:
        self._cache = buffers[0]


def _bundles(counts: Sequence[int]) -> npt.NDArray[np.int64]:
    """Begin and end of neighbouring tokens of each sequence, at most `BUNDLE` together."""
    starts = np.cumsum([0, *counts])
    return np.array(
        [
            (at, min(at + BUNDLE, end))
            for begin, end in pairwise(starts.tolist())
            for at in range(begin, end, BUNDLE)
        ],
        np.int64,
    )


def _weights(shape: Shape, weights: Mapping[str, Any], sizes: Sizes, head: str) -> Weights:
    if shape.head_width % COLUMNS:
        raise ValueError(f"heads {shape.head_width} wide are no multiple of {COLUMNS}")
    if shape.heads % shape.key_heads:
        raise ValueError(f"{shape.heads} heads cannot share {shape.key_heads} heads of keys")
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
    """About ``count`` tokens of our own sources, of as many files as there can be."""
    files = sorted(_SOURCES.rglob("*.py"), key=lambda path: path.stat().st_size)
    chosen = files[-count // _WINDOW :]
    return [vocabulary.encode_text(path.read_text("utf-8"))[:_WINDOW] for path in chosen]


def _screen(arrays: Mapping[str, Any] | None, vocabulary: int, width: int) -> Screen:
    if arrays is None:
        return Screen(0, 0, 0, 0, 0, 1, 0.0)
    rows, kept = arrays[screen.HEAD].shape
    if rows != vocabulary or arrays[screen.TURN].shape != (width, width):
        raise ValueError("the narrow head is of another model")
    turn = _addresses(arrays, screen.TURN, (width, width))
    head = _addresses(arrays, screen.HEAD, (vocabulary, kept))
    return Screen(*turn, *head, kept, pieces_of(kept), float(arrays[screen.SPREAD][0]))


def _check_matrix(weights: Mapping[str, Any], name: str, shape: tuple[int, int]) -> None:
    """Raise ValueError for a matrix of other sizes than the config says.

    The kernels read from its address on, and would read beyond its end.
    """
    matrix, scales = weights[name], weights[name + int8.SCALE]
    fits = matrix.shape == shape and scales.size == shape[0]
    plain = matrix.flags.c_contiguous and scales.flags.c_contiguous
    if not (fits and plain and matrix.dtype == np.int8 and scales.dtype == np.float32):
        raise ValueError(f"{name} is not a matrix of {shape[0]} x {shape[1]} as config.json says")


def _vector(weights: Mapping[str, Any], name: str, length: int) -> npt.NDArray[Any]:
    """A tensor of one dimension; ValueError for another length than the config says."""
    found: npt.NDArray[Any] = weights[name]
    if found.shape != (length,):
        raise ValueError(f"{name} does not have {length} numbers as config.json says")
    return found


def _addresses(weights: Mapping[str, Any], name: str, shape: tuple[int, int]) -> tuple[int, int]:
    """Where an int8 matrix and its scales lie; ValueError for one of other sizes."""
    _check_matrix(weights, name, shape)
    return weights[name].ctypes.data, weights[name + int8.SCALE].ctypes.data
