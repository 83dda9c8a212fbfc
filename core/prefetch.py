"""Asking for memory before it is needed: of a hundred thousand sensors in random order no row is in the processor's cache.

A loop that meets such a row stands still until it has come, and the branch that hangs on it keeps the processor from looking
further. Asked for some rows ahead, they come side by side while others are worked on. It changes no result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from core.instruction import Instruction

AHEAD: Final = 12  # rows ahead that are asked for: measured, 8 to 24 are alike (docs/performance.md)
LINE: Final = 64  # bytes that come at once


def _prefetch(typing_context: Any, array: Any, row: Any, line: Any) -> Any:
    """Asks for 64 bytes of `array[row]`, to be read and written soon; for compiled loops only.

    Args:
        row: an index from 0 on that is in the array; it is not checked.
        line: which 64 bytes of the row, from 0 on.
    """
    from llvmlite import ir
    from numba.core import cgutils, types

    if not isinstance(array, types.Array) or not isinstance(row, types.Integer) or not isinstance(line, types.Integer):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        build: Any = cgutils  # which has no types
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = context.cast(builder, arguments[1], signature.args[1], types.intp)
        stride = build.unpack_tuple(builder, view.strides)[0]
        within = builder.mul(context.cast(builder, arguments[2], signature.args[2], types.intp), stride.type(LINE))
        offset = builder.add(builder.mul(place, stride), within)
        address = build.pointer_add(builder, view.data, offset, build.voidptr_t)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [build.voidptr_t, number, number, number])
        ask = build.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        for_writing, soon, of_numbers = (ir.Constant(number, n) for n in (0, 3, 1))
        builder.call(ask, [address, for_writing, soon, of_numbers])
        return context.get_dummy_value()

    return types.void(array, row, line), generate


if TYPE_CHECKING:

    def prefetch(array: object, row: int, line: int) -> None:
        """What compiled loops call: the two arguments of the compiler are numba's."""

else:
    prefetch = Instruction(_prefetch)
