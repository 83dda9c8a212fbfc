"""Parts of pages that are rendered once for equal arguments: a list of sixty alarms is asked for again when one of them has changed.

What is kept is what a macro makes of its arguments, and nothing else: not a page, not somebody's list. Who asks has read the
arguments from the database under a principal of their own, so they are given back only what their own rows say.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache

from markupsafe import Markup

MOST = 2048  # texts of one language; some 2 KB each with the row they were made of


def keeper() -> Callable[..., Markup]:
    """`kept(macro, *arguments)` as templates use it, for macros that look at nothing but their arguments: not at the clock, not at the reader.

    Memory: the `MOST` that were asked for last.
    """

    @lru_cache(maxsize=MOST)
    def kept(macro: Callable[..., Markup], /, *arguments: Hashable) -> Markup:
        return macro(*arguments)

    return kept
