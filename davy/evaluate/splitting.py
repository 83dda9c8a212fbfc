"""What fits and what is scored: the first 60 % and the rest of one folder, or the whole of two."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FITTED_SHARE: Final = 0.6


def is_same(fit: Path, scored: Path) -> bool:
    """Whether both are one folder."""
    return fit.resolve() == scored.resolve()


def cut(rows: int) -> int:
    """The first row that is scored where a stretch fits and is scored.

    >>> cut(10)
    6
    """
    return int(FITTED_SHARE * rows)
