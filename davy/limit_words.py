"""What limits may be made of, for the web process: the detectors there are, and the limits that come with Davy."""

from __future__ import annotations

from functools import cache

from api.web import LimitWords


@cache
def limit_words() -> LimitWords:
    """Read once, when a page first asks: loading the detectors takes a second that no start should wait for."""
    from davy.site.importing import shipped_limits, vocabulary

    return LimitWords(vocabulary(), shipped_limits())
