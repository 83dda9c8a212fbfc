"""Dispatchers as processes of their own, for tests that kill or stop them: see working_dispatcher.py for where they can end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.alerting.plant import Plant
from tests.alerting.receivers import SECRET

DRIVER = Path(__file__).with_name("working_dispatcher.py")


@contextmanager
def working(plant: Plant, port: int, now: datetime, **fate: Any) -> Iterator[subprocess.Popen[str]]:
    """A dispatcher as a process of its own; gone at the end of the block."""
    told = {
        "conninfo": plant.database.url("alerting"), "key": plant.database.key.hex(), "secret": SECRET, "port": port,
        "now": now.isoformat(), **fate,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, str(DRIVER), json.dumps(told)], cwd=DRIVER.parents[2], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(DRIVER.parents[2])},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)
