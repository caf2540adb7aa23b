"""Scalar arithmetic and atomic operations, written as LLVM instructions.

Addresses are int64, in bytes. Nothing is checked.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_I16, _I32, _I64 = (ir.IntType(bits) for bits in (16, 32, 64))
_F32 = ir.FloatType()

# Taylor series of e^y for |y| <= ln(2) / 2, exact except for the last bit of a float32.
_SERIES = [1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0]
_LOG2_E, _LN_2 = 1.4426950408889634, 0.6931471805599453
_MIN, _MAX = -87.0, 88.0  # outside, the exponential is no normal float32


@intrinsic  # type: ignore[untyped-decorator]
def exp(_: Any, x: Any) -> Any:
    """Compute e to the power of a float32, clipped to the range from e^-87 to e^88."""

    def generate(context: Any, builder: Any, _: Any, arguments: Sequence[Any]) -> Any:
        def constant(value: float) -> Any:
            return ir.Constant(_F32, value)

        rint = builder.module.declare_intrinsic("llvm.rint", [_F32])
        small = builder.fcmp_ordered("<", arguments[0], constant(_MIN))
        large = builder.fcmp_ordered(">", arguments[0], constant(_MAX))
        bounded = builder.select(small, constant(_MIN), arguments[0])
        bounded = builder.select(large, constant(_MAX), bounded)
        power = builder.call(rint, [builder.fmul(bounded, constant(_LOG2_E))])
        rest = builder.fsub(bounded, builder.fmul(power, constant(_LN_2)))
        result = constant(_SERIES[0])
        for term in _SERIES[1:]:
            result = builder.fadd(builder.fmul(result, rest), constant(term))
        exponent = builder.shl(builder.fptosi(power, _I32), ir.Constant(_I32, 23))
        return builder.bitcast(builder.add(builder.bitcast(result, _I32), exponent), _F32)

    return types.float32(types.float32), generate


@intrinsic  # type: ignore[untyped-decorator]
def rounded(_: Any, x: Any) -> Any:
    """Round a float32 to the nearest int16, ties to even."""

    def generate(context: Any, builder: Any, _: Any, arguments: Sequence[Any]) -> Any:
        rint = builder.module.declare_intrinsic("llvm.rint", [_F32])
        near = builder.fptosi(builder.call(rint, [arguments[0]]), _I32)
        return builder.trunc(near, _I16)

    return types.int16(types.float32), generate


@intrinsic  # type: ignore[untyped-decorator]
def half_bits(_: Any, x: Any) -> Any:
    """Return the 16 bits of the float16 nearest to a float32."""

    def generate(context: Any, builder: Any, _: Any, arguments: Sequence[Any]) -> Any:
        return builder.bitcast(builder.fptrunc(arguments[0], ir.HalfType()), _I16)

    return types.int16(types.float32), generate


@intrinsic  # type: ignore[untyped-decorator]
def address(_: Any, array: Any) -> Any:
    """Return the address of an array's first element."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        made = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(made.data, _I64)

    return types.int64(array), generate


@intrinsic  # type: ignore[untyped-decorator]
def fetch_add(_: Any, place: Any) -> Any:
    """Atomically add one to a shared int64; return the value before."""

    def generate(context: Any, builder: Any, _: Any, arguments: Sequence[Any]) -> Any:
        pointer = builder.inttoptr(arguments[0], _I64.as_pointer())
        return builder.atomic_rmw("add", pointer, ir.Constant(_I64, 1), "seq_cst")

    return types.int64(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def atomic_load(_: Any, place: Any) -> Any:
    """Atomically load a shared int64."""

    def generate(context: Any, builder: Any, _: Any, arguments: Sequence[Any]) -> Any:
        pointer = builder.inttoptr(arguments[0], _I64.as_pointer())
        return builder.load_atomic(pointer, "seq_cst", 8)

    return types.int64(types.int64), generate


# Yields the core to another thread.
yield_thread = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)
