"""A bench ends: by itself within 15 minutes, and in order when it is asked to."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

from core.errors import Unavailable

LONGEST_S = 14 * 60  # the last minute is for stopping servers


def hold() -> None:
    """From now on SIGTERM and the deadline end this process by way of its `with` blocks, which remove the servers."""
    signal.signal(signal.SIGTERM, _asked)
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(LONGEST_S)


def _asked(_number: int, _frame: FrameType | None) -> NoReturn:
    print("The bench was asked to stop.", file=sys.stderr)
    sys.exit(2)


def _late(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Unavailable(f"The bench did not end within {LONGEST_S // 60} minutes.")
