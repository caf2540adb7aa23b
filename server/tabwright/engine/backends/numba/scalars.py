"""Arithmetic on one number, and what threads share, written as LLVM instructions.

Places are int64, in bytes. None of these checks anything.
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

# e^y for |y| <= ln(2) / 2 by its series, exact to the last bit but one of a float32.
_SERIES = [1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0]
_LOG2_E, _LN_2 = 1.4426950408889634, 0.6931471805599453
_LEAST, _MOST = -87.0, 88.0  # the exponential of less, or of more, is no normal float32


@intrinsic  # type: ignore[untyped-decorator]
def exp(_: Any, x: Any) -> Any:
    """e to the power of a float32; what would be no normal one counts as e^-87 or e^88."""

    def generate(context: Any, builder: Any, _: Any, arguments: Sequence[Any]) -> Any:
        def constant(value: float) -> Any:
            return ir.Constant(_F32, value)

        rint = builder.module.declare_intrinsic("llvm.rint", [_F32])
        small = builder.fcmp_ordered("<", arguments[0], constant(_LEAST))
        large = builder.fcmp_ordered(">", arguments[0], constant(_MOST))
        bounded = builder.select(small, constant(_LEAST), arguments[0])
        bounded = builder.select(large, constant(_MOST), bounded)
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
    """A float32 to the nearest int16, even ones where two are as near."""

    def generate(context: Any, builder: Any, _: Any, arguments: Sequence[Any]) -> Any:
        rint = builder.module.declare_intrinsic("llvm.rint", [_F32])
        near = builder.fptosi(builder.call(rint, [arguments[0]]), _I32)
        return builder.trunc(near, _I16)

    return types.int16(types.float32), generate


@intrinsic  # type: ignore[untyped-decorator]
def half_bits(_: Any, x: Any) -> Any:
    """A float32 as the 16 bits of the nearest float16."""

    def generate(context: Any, builder: Any, _: Any, arguments: Sequence[Any]) -> Any:
        return builder.bitcast(builder.fptrunc(arguments[0], ir.HalfType()), _I16)

    return types.int16(types.float32), generate


@intrinsic  # type: ignore[untyped-decorator]
def address(_: Any, array: Any) -> Any:
    """Where the first element of an array lies."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Sequence[Any]) -> Any:
        made = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(made.data, _I64)

    return types.int64(array), generate


@intrinsic  # type: ignore[untyped-decorator]
def take(_: Any, place: Any) -> Any:
    """Add one to an int64 that threads share; return what it was."""

    def generate(context: Any, builder: Any, _: Any, arguments: Sequence[Any]) -> Any:
        pointer = builder.inttoptr(arguments[0], _I64.as_pointer())
        return builder.atomic_rmw("add", pointer, ir.Constant(_I64, 1), "seq_cst")

    return types.int64(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def look(_: Any, place: Any) -> Any:
    """An int64 that threads share, as it is now."""

    def generate(context: Any, builder: Any, _: Any, arguments: Sequence[Any]) -> Any:
        pointer = builder.inttoptr(arguments[0], _I64.as_pointer())
        return builder.load_atomic(pointer, "seq_cst", 8)

    return types.int64(types.int64), generate


# Lets another thread have the core for a moment.
give_way = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)
