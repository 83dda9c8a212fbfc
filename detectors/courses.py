"""Courses beside each other: how far the last readings are from each stretch that a sensor remembers, all stretches at once.

Stretches lie side by side, a position of all of them in a row, so that the processor takes several in one instruction. Numba's compiler
does not find that by itself; written out it takes a quarter of the time, and each stretch is added up in the same order. A stretch is
kept as where it begins and how far each reading is from there, the latter in the upper half of a float32: right to one part in 256, in half
of the memory, which is what a sensor among a hundred thousand waits for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64
from core.instruction import Instruction
from core.kernel_cache import kernel
from detectors.sketch import Float32

UInt16 = NDArray[np.uint16]

LENGTH: Final = 16  # readings of a course
KEPT: Final = 12  # stretches that are remembered
BEGINS: Final = LENGTH  # where in a row of the last readings stands where each stretch begins
RECENT: Final = 2 * LENGTH  # the last readings, those beginnings, and room: two lines of memory


def _upper_half(typing_context: Any, number: Any) -> Any:
    """The upper 16 bits of a float32, rounded; for compiled loops only. Finite, and no larger than 3e38."""
    from llvmlite import ir
    from numba.core import types

    if number != types.float32:
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], ir.IntType(32))
        lowest = builder.and_(builder.lshr(bits, bits.type(16)), bits.type(1))
        rounded = builder.add(bits, builder.add(lowest, bits.type(0x7FFF)))
        return builder.trunc(builder.lshr(rounded, bits.type(16)), ir.IntType(16))

    return types.uint16(number), generate


def _squares_apart(typing_context: Any, recent: Any, remembered: Any, row: Any, apart: Any) -> Any:
    """The sums of squared differences between the last readings of a row and each of its stretches; for compiled loops only.

    Args:
        recent: float32, shape (n, RECENT); remembered: uint16, shape (n, LENGTH, KEPT), both without gaps.
        row: an index from 0 on that is in both; it is not checked.
        apart: float64, shape (KEPT,), what is filled.
    """
    from llvmlite import ir
    from numba.core import cgutils, types

    build: Any = cgutils  # which has no types
    double, half, whole = ir.DoubleType(), ir.VectorType(ir.IntType(16), KEPT), ir.VectorType(ir.IntType(32), KEPT)
    single, wide = ir.VectorType(ir.FloatType(), KEPT), ir.VectorType(double, KEPT)
    if not all(isinstance(each, types.Array) and each.layout == "C" for each in (recent, remembered, apart)):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def begin(which: int, of_a_row: int) -> Any:
            view = context.make_array(signature.args[which])(context, builder, arguments[which])
            place = context.cast(builder, arguments[2], signature.args[2], types.intp)
            return build.pointer_add(builder, view.data, builder.mul(place, place.type(of_a_row)), build.voidptr_t)

        def read(pointer: Any, offset: int, kind: Any, align: int) -> Any:
            place = build.pointer_add(builder, pointer, ir.IntType(64)(offset))
            return builder.load(builder.bitcast(place, kind.as_pointer()), align=align)

        here, there = begin(0, 4 * RECENT), begin(1, 2 * LENGTH * KEPT)
        begins = read(here, 4 * BEGINS, single, 4)
        added: Any = ir.Constant(wide, [0.0] * KEPT)
        upper, everywhere = ir.Constant(whole, [16] * KEPT), ir.Constant(whole, [0] * KEPT)
        for k in range(LENGTH):
            bits = builder.zext(read(there, 2 * KEPT * k, half, 2), whole)
            stretches = builder.fadd(begins, builder.bitcast(builder.shl(bits, upper), single))
            reading = builder.fpext(read(here, 4 * k, ir.FloatType(), 4), double)
            first = builder.insert_element(ir.Constant(wide, ir.Undefined), reading, ir.IntType(32)(0))
            away = builder.fsub(builder.shuffle_vector(first, first, everywhere), builder.fpext(stretches, wide))
            added = builder.fadd(added, builder.fmul(away, away))
        filled = context.make_array(signature.args[3])(context, builder, arguments[3])
        builder.store(added, builder.bitcast(filled.data, wide.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(recent, remembered, row, apart), generate


if TYPE_CHECKING:

    def upper_half(number: np.float32) -> np.uint16:
        """What compiled loops call: the first argument of the compiler is numba's."""

    def squares_apart(recent: Float32, remembered: UInt16, row: int, apart: Float64) -> None:
        """As `upper_half`."""

else:
    upper_half, squares_apart = Instruction(_upper_half), Instruction(_squares_apart)


@kernel
def remember(recent: Float32, remembered: UInt16, row: int, stretch: int) -> None:
    """Keeps the last readings of a row as one of its stretches."""
    recent[row, BEGINS + stretch] = recent[row, 0]
    for k in range(LENGTH):
        remembered[row, k, stretch] = upper_half(recent[row, k] - recent[row, 0])
