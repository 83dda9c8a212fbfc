"""Parts of pages that are rendered once for equal arguments: a list of sixty alarms is asked for again when one of them has changed.

What is kept is what a macro makes of its arguments, and nothing else: not a page, not somebody's list. Who asks has read the
arguments from the database under a principal of their own, so they are given back only what their own rows say.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache

from markupsafe import Markup, escape

MOST = 2048  # texts of one language; some 2 KB each with the row they were made of


def keeper() -> Callable[..., Markup]:
    """`kept(macro, *arguments, **moving)` as templates use it, for macros that look at nothing but their arguments: not at the clock, not at
    the reader. What is `moving` (a value, an age) does not make another text: the macro is given a mark for each, and every time the
    word takes the place of its mark. So a macro may show such a word, and not ask what it is.

    Memory: the `MOST` that were asked for last.
    """

    @lru_cache(maxsize=MOST)
    def rendered(macro: Callable[..., Markup], names: tuple[str, ...], /, *arguments: Hashable) -> str:
        return str(macro(*arguments, **{name: _mark(name) for name in names}))

    def kept(macro: Callable[..., Markup], /, *arguments: Hashable, **moving: str) -> Markup:
        text = rendered(macro, tuple(moving), *arguments)
        for name, word in moving.items():
            text = text.replace(_mark(name), escape(word))
        return Markup(text)

    return kept


def _mark(name: str) -> str:
    """Two characters for private use, which no text of ours has; whoever writes them into a name gets a value shown in it."""
    return f"\ue000{name}\ue001"
