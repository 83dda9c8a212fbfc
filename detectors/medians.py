"""Medians without a branch: a guess of the processor that is wrong costs more than all the rest of them."""

from __future__ import annotations

from core.kernel_cache import kernel


@kernel
def median_of_five(a: float, b: float, c: float, d: float, e: float) -> float:
    """The middle one of five: what is left when the least of two pairs' least and the largest of their largest are out of it."""
    low, high = max(min(a, b), min(d, e)), min(max(a, b), max(d, e))
    return max(min(low, high), min(max(low, high), c))
