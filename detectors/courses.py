"""Courses beside each other: how far the last readings are from each stretch that a sensor remembers, all stretches at once.

Stretches lie side by side, a position of all of them in a row, so that the processor takes several in one instruction. Numba's compiler
does not find that by itself; written out it takes a quarter of the time, and each stretch is added up in the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from core.batch import Float64
from core.instruction import Instruction
from detectors.sketch import Float32

LENGTH: Final = 16  # readings of a course
KEPT: Final = 12  # stretches that are remembered


def _squares_apart(typing_context: Any, last: Any, remembered: Any, row: Any, apart: Any) -> Any:
    """The sums of squared differences between `last[row]` and each of the stretches in `remembered[row]`; for compiled loops only.

    Args:
        last: float32, shape (n, LENGTH); remembered: float32, shape (n, LENGTH, KEPT), both without gaps.
        row: an index from 0 on that is in both; it is not checked.
        apart: float64, shape (KEPT,), what is filled.
    """
    from llvmlite import ir
    from numba.core import cgutils, types

    build: Any = cgutils  # which has no types
    double, side_by_side = ir.DoubleType(), ir.VectorType(ir.FloatType(), KEPT)
    wide = ir.VectorType(double, KEPT)
    arrays = (last, remembered, apart)
    if not all(isinstance(each, types.Array) and each.layout == "C" for each in arrays):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def begin(which: int, of_a_row: int) -> Any:
            view = context.make_array(signature.args[which])(context, builder, arguments[which])
            place = context.cast(builder, arguments[2], signature.args[2], types.intp)
            return build.pointer_add(builder, view.data, builder.mul(place, place.type(of_a_row)), build.voidptr_t)

        def at(pointer: Any, offset: int, kind: Any) -> Any:
            return builder.bitcast(build.pointer_add(builder, pointer, ir.IntType(64)(offset)), kind.as_pointer())

        here, there = begin(0, 4 * LENGTH), begin(1, 4 * LENGTH * KEPT)
        added: Any = ir.Constant(wide, [0.0] * KEPT)
        for k in range(LENGTH):
            stretches = builder.fpext(builder.load(at(there, 4 * KEPT * k, side_by_side), align=4), wide)
            reading = builder.fpext(builder.load(at(here, 4 * k, ir.FloatType()), align=4), double)
            first = builder.insert_element(ir.Constant(wide, ir.Undefined), reading, ir.IntType(32)(0))
            everywhere = ir.Constant(ir.VectorType(ir.IntType(32), KEPT), [0] * KEPT)
            away = builder.fsub(builder.shuffle_vector(first, first, everywhere), stretches)
            added = builder.fadd(added, builder.fmul(away, away))
        filled = context.make_array(signature.args[3])(context, builder, arguments[3])
        builder.store(added, builder.bitcast(filled.data, wide.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(last, remembered, row, apart), generate


if TYPE_CHECKING:

    def squares_apart(last: Float32, remembered: Float32, row: int, apart: Float64) -> None:
        """What compiled loops call: the first argument of the compiler is numba's."""

else:
    squares_apart = Instruction(_squares_apart)
