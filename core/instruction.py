"""Instructions for compiled loops that numba has none of: written in the compiler's own language, and made when a loop needs them first."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any


class Instruction:
    """Stands for one where a loop names it; numba is imported with the first loop that is compiled.

    Args:
        build: what `numba.extending.intrinsic` takes.
    """

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build
        self.__module__, self.__doc__ = build.__module__, build.__doc__  # that file is part of a kernel's stamp

    @cached_property
    def _numba_type_(self) -> Any:
        from numba.core.registry import cpu_target
        from numba.extending import intrinsic

        self._made = intrinsic(self._build)
        cpu_target.typing_context.refresh()
        return cpu_target.typing_context.resolve_value_type(self._made)
