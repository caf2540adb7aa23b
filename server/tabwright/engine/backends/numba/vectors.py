"""Vector products written as LLVM instructions, which numba would not generate from Python code.

LLVM compiles them to what the CPU has: AVX2, or AVX-512 with VNNI. Addresses and offsets are int64,
addresses in bytes. Nothing is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding
import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

GROUP = 4  # tokens whose sums are kept in registers at once
COLUMNS = 16  # columns of a float16 matrix that are summed at once

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_F32 = ir.FloatType()
_WIDE = bool(llvmlite.binding.get_host_cpu_features().get("avx512bw"))
_LANES = 32 if _WIDE else 16  # products of 16 bits in one instruction
ROWS = 2  # rows of a matrix read in parallel: reading one or four is slower
GROUP_ROWS = 4 if _WIDE else 2  # the same with a group of tokens; their sums fit into registers
_PREFETCH = 8192  # bytes by which weights are prefetched
_LINE = 64  # bytes of a cache line


def describe_machine() -> str:
    """Describe in one line what numba computes with on this machine."""
    cpu = llvmlite.binding.get_host_cpu_name()
    return f"{numba.__version__}: {cpu}, {16 * _LANES} bits at once, weights in int8"


class _Code:
    """Helpers around numba's instruction builder, used by the kernels below."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def load(self, address: Any, kind: ir.Type, lanes: int = 1) -> Any:
        whole = kind if lanes == 1 else ir.VectorType(kind, lanes)
        pointer = self.builder.inttoptr(address, whole.as_pointer())
        return self.builder.load(pointer, align=1 if kind is _I8 else 2 if kind is _I16 else 4)

    def store(self, value: Any, address: Any) -> None:
        pointer = self.builder.inttoptr(address, value.type.as_pointer())
        self.builder.store(value, pointer, align=4)

    def at(self, base: Any, *terms: tuple[Any, int]) -> Any:
        """Return the address ``base`` plus each index times its size in bytes."""
        for index, size in terms:
            scaled = self.builder.mul(index, whole(size)) if size != 1 else index
            base = self.builder.add(base, scaled)
        return base

    def variable(self, kind: ir.Type, lanes: int) -> Any:
        return cgutils.alloca_once(self.builder, ir.VectorType(kind, lanes))

    def change(self, variable: Any, value: Any) -> None:
        self.builder.store(value, variable)

    def value(self, variable: Any) -> Any:
        return self.builder.load(variable)

    def broadcast(self, value: Any, lanes: int) -> Any:
        """Return a vector with the same value in every lane."""
        empty = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
        first = self.builder.insert_element(empty, value, ir.Constant(_I32, 0))
        return self.builder.shuffle_vector(first, empty, lanes_of([0] * lanes))

    def shuffle(self, vector: Any, lanes: Sequence[int]) -> Any:
        undefined = ir.Constant(vector.type, ir.Undefined)
        return self.builder.shuffle_vector(vector, undefined, lanes_of(lanes))

    def fma(self, left: Any, right: Any, added: Any) -> Any:
        kind = added.type
        function = cgutils.get_or_insert_function(
            self.builder.module,
            ir.FunctionType(kind, [kind] * 3),
            f"llvm.fma.v{kind.count}f32",
        )
        return self.builder.call(function, [left, right, added])

    def total(self, vector: Any) -> Any:
        """Return the sum of all lanes, added in a fixed order: halves first."""
        count = vector.type.count
        while count > 1:
            count //= 2
            low = self.shuffle(vector, range(count))
            vector = self.builder.fadd(low, self.shuffle(vector, range(count, 2 * count)))
        return self.builder.extract_element(vector, ir.Constant(_I32, 0))

    def prefetch(self, address: Any) -> None:
        function = cgutils.get_or_insert_function(
            self.builder.module,
            ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32]),
            "llvm.prefetch.p0",
        )
        read, soon, data = (ir.Constant(_I32, value) for value in (0, 3, 1))
        pointer = self.builder.inttoptr(address, _I8.as_pointer())
        self.builder.call(function, [pointer, read, soon, data])


def whole(value: int) -> Any:
    """Return an int64 constant."""
    return ir.Constant(_I64, value)


def lanes_of(lanes: Sequence[int]) -> Any:
    """Return the mask of a shuffle."""
    return ir.Constant(ir.VectorType(_I32, len(lanes)), list(lanes))


def zeros(kind: ir.Type, lanes: int) -> Any:
    """Return a vector of zeros."""
    return ir.Constant(ir.VectorType(kind, lanes), [0.0 if kind is _F32 else 0] * lanes)


def dot(rows: int, tokens: int, prefetch: bool) -> Any:
    """Return an intrinsic that multiplies ``rows`` rows of int8 by ``tokens`` rows of int16.

    Its arguments: weights [rows, pieces * length] int8, scales [rows] float32, inputs [tokens,
    pieces * length] int16, input scales [tokens, pieces] float32, pieces, length (a multiple of
    32), outputs float32, and the distance in floats between the outputs of two tokens. Sums of a
    piece are exact in int32, and pieces are added in order, so that an output does not depend on
    what is computed in the same pass.
    """

    def generate(context: Any, builder: Any, _: Any, arguments: Sequence[Any]) -> Any:
        weights, scales, inputs, input_scales, pieces, length, outputs, stride = arguments
        code = _Code(builder)
        half = _LANES // 2
        width = builder.mul(pieces, length)
        cells = [(row, token) for row in range(rows) for token in range(tokens)]
        sums = {cell: code.variable(_F32, half) for cell in cells}
        exact = {cell: code.variable(_I32, half) for cell in cells}
        row_at = [code.at(weights, (width, row)) for row in range(rows)]
        token_at = [code.at(inputs, (width, 2 * token)) for token in range(tokens)]
        for cell in cells:
            code.change(sums[cell], zeros(_F32, half))
        with cgutils.for_range(builder, pieces, intp=_I64) as piece:
            start = builder.mul(piece.index, length)
            for cell in cells:
                code.change(exact[cell], zeros(_I32, half))
            with cgutils.for_range_slice(builder, whole(0), length, whole(_LANES), _I64) as (k, _):
                at = builder.add(start, k)
                if prefetch:
                    for ahead in range(_PREFETCH, _PREFETCH + max(rows * _LANES, _LINE), _LINE):
                        code.prefetch(code.at(weights, (at, rows), (whole(ahead), 1)))
                wide = ir.VectorType(_I32, _LANES)
                taken = [
                    builder.sext(code.load(code.at(base, (at, 1)), _I8, _LANES), wide)
                    for base in row_at
                ]
                for token in range(tokens):
                    values = code.load(code.at(token_at[token], (at, 2)), _I16, _LANES)
                    values = builder.sext(values, wide)
                    for row in range(rows):
                        # LLVM compiles this product and sum of neighbours to one instruction.
                        products = builder.mul(taken[row], values, flags=["nsw"])
                        even = code.shuffle(products, range(0, _LANES, 2))
                        odd = code.shuffle(products, range(1, _LANES, 2))
                        cell = exact[row, token]
                        code.change(cell, builder.add(code.value(cell), builder.add(even, odd)))
            for token in range(tokens):
                at = code.at(input_scales, (pieces, 4 * token), (piece.index, 4))
                scale = code.broadcast(code.load(at, _F32), half)
                for row in range(rows):
                    cell = row, token
                    added = builder.sitofp(code.value(exact[cell]), scale.type)
                    code.change(sums[cell], code.fma(added, scale, code.value(sums[cell])))
        for row, token in cells:
            scale = code.load(code.at(scales, (whole(row), 4)), _F32)
            result = builder.fmul(code.total(code.value(sums[row, token])), scale)
            code.store(result, code.at(outputs, (stride, 4 * token), (whole(row), 4)))
        return context.get_dummy_value()

    return _intrinsic(generate)


def multiply_float16(rows: int) -> Any:
    """Return an intrinsic that multiplies ``rows`` rows of float32 by `COLUMNS` float16 columns.

    Its arguments: left [rows, inner] float32 and the distance in floats between its rows, right
    [inner, columns] float16 and the distance in halves between its rows, inner, outputs [rows,
    columns] float32 and the distance between its rows, and whether to add to the outputs.
    """

    def generate(context: Any, builder: Any, _: Any, arguments: Sequence[Any]) -> Any:
        left, left_stride, right, right_stride, inner, outputs, stride, add = arguments
        code = _Code(builder)
        lanes = 8
        parts = range(COLUMNS // lanes)
        cells = [(row, part) for row in range(rows) for part in parts]
        sums = {cell: code.variable(_F32, lanes) for cell in cells}
        adds = builder.icmp_signed("!=", add, whole(0))

        def output(row: int, part: int) -> Any:
            return code.at(outputs, (stride, 4 * row), (whole(part * lanes), 4))

        for row, part in cells:
            code.change(sums[row, part], zeros(_F32, lanes))
        with builder.if_then(adds):
            for row, part in cells:
                code.change(sums[row, part], code.load(output(row, part), _F32, lanes))
        half, full = (ir.VectorType(kind, lanes) for kind in (ir.HalfType(), _F32))
        with cgutils.for_range(builder, inner, intp=_I64) as loop:
            row_at = builder.mul(loop.index, right_stride)
            taken = []
            for part in parts:
                at = code.at(right, (row_at, 2), (whole(part * lanes), 2))
                bits = code.load(at, _I16, lanes)
                taken.append(builder.fpext(builder.bitcast(bits, half), full))
            for row in range(rows):
                at = code.at(left, (left_stride, 4 * row), (loop.index, 4))
                factor = code.broadcast(code.load(at, _F32), lanes)
                for part in parts:
                    cell = sums[row, part]
                    code.change(cell, code.fma(factor, taken[part], code.value(cell)))
        for row, part in cells:
            code.store(code.value(sums[row, part]), output(row, part))
        return context.get_dummy_value()

    return _intrinsic(generate)


def _intrinsic(generate: Callable[..., Any]) -> Any:
    """Return an intrinsic with eight int64 arguments; numba counts those of the function."""

    def typed(_: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
        return types.void(*[types.int64] * 8), generate

    return intrinsic(typed)
