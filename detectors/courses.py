"""Courses beside each other: how far the last readings are from each stretch that a sensor remembers, all stretches at once.

Stretches lie side by side, a position of all of them in a row, so that the processor takes several in one instruction. Numba's compiler
does not find that by itself; written out it takes a quarter of the time, and each stretch is added up in the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from core.batch import Float64
from detectors.sketch import Float32

_build: Any = cgutils  # which has no types
LENGTH: Final = 16  # readings of a course
KEPT: Final = 12  # stretches that are remembered
_DOUBLE: Final = ir.DoubleType()
_SIDE_BY_SIDE: Final = ir.VectorType(ir.FloatType(), KEPT)
_WIDE: Final = ir.VectorType(_DOUBLE, KEPT)


def _squares_apart(typing_context: Any, last: Any, remembered: Any, row: Any, apart: Any) -> Any:
    """The sums of squared differences between `last[row]` and each of the stretches in `remembered[row]`; for compiled loops only.

    Args:
        last: float32, shape (n, LENGTH); remembered: float32, shape (n, LENGTH, KEPT), both without gaps.
        row: an index from 0 on that is in both; it is not checked.
        apart: float64, shape (KEPT,), what is filled.
    """
    arrays = (last, remembered, apart)
    if not all(isinstance(each, types.Array) and each.layout == "C" for each in arrays):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def begin(which: int, of_a_row: int) -> Any:
            view = context.make_array(signature.args[which])(context, builder, arguments[which])
            place = context.cast(builder, arguments[2], signature.args[2], types.intp)
            return _build.pointer_add(builder, view.data, builder.mul(place, place.type(of_a_row)), _build.voidptr_t)

        def at(pointer: Any, offset: int, kind: Any) -> Any:
            return builder.bitcast(_build.pointer_add(builder, pointer, ir.IntType(64)(offset)), kind.as_pointer())

        here, there = begin(0, 4 * LENGTH), begin(1, 4 * LENGTH * KEPT)
        added: Any = ir.Constant(_WIDE, [0.0] * KEPT)
        for k in range(LENGTH):
            stretches = builder.fpext(builder.load(at(there, 4 * KEPT * k, _SIDE_BY_SIDE), align=4), _WIDE)
            reading = builder.fpext(builder.load(at(here, 4 * k, ir.FloatType()), align=4), _DOUBLE)
            first = builder.insert_element(ir.Constant(_WIDE, ir.Undefined), reading, ir.IntType(32)(0))
            everywhere = ir.Constant(ir.VectorType(ir.IntType(32), KEPT), [0] * KEPT)
            away = builder.fsub(builder.shuffle_vector(first, first, everywhere), stretches)
            added = builder.fadd(added, builder.fmul(away, away))
        filled = context.make_array(signature.args[3])(context, builder, arguments[3])
        builder.store(added, builder.bitcast(filled.data, _WIDE.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(last, remembered, row, apart), generate


if TYPE_CHECKING:

    def squares_apart(last: Float32, remembered: Float32, row: int, apart: Float64) -> None:
        """What compiled loops call: the first argument of the compiler is numba's."""

else:
    squares_apart = intrinsic(_squares_apart)
