"""Arrays that a compiled loop only borrows: nobody counts who holds them.

Numba counts the holders of an array at each call of another kernel and at each view, with an instruction that locks the memory: of a
loop of two hundred cycles that was half. Whoever called the loop holds its arrays until it is over, so inside nothing need be counted.

What a loop has made itself nobody else holds: numba frees it behind its last use by the name it was made under. It may be borrowed under another
name only where it is given back at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from core.instruction import Instruction

Held = TypeVar("Held")


def _borrowed(typing_context: Any, array: Any) -> Any:
    """`array`, or a tuple of arrays, uncounted; for compiled loops only, and never to be given back by them."""
    from numba.core import cgutils, types

    if not isinstance(array, types.Array | types.BaseTuple):
        return None
    build: Any = cgutils  # which has no types
    untyped: Any = types
    count = untyped.MemInfoPointer(untyped.voidptr)

    def without(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        if isinstance(kind, types.BaseTuple):
            parts = zip(list(kind), build.unpack_tuple(builder, value), strict=True)  # type: ignore[call-overload]
            return context.make_tuple(builder, kind, [without(context, builder, of, part) for of, part in parts])
        if not isinstance(kind, types.Array):
            return value
        view = context.make_array(kind)(context, builder, value)
        view.meminfo = context.get_constant_null(count)
        view.parent = context.get_constant_null(untyped.pyobject)
        return view._getvalue()

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return without(context, builder, signature.args[0], arguments[0])

    return array(array), generate


if TYPE_CHECKING:

    def borrowed(array: Held) -> Held:
        """What compiled loops call: the argument of the compiler is numba's."""

else:
    borrowed = Instruction(_borrowed)
