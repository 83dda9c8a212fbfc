"""What each of Davy's processes does: settings become its organs. One file a process, which imports no other's organs."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Final

from core.errors import BadInput
from core.kernel_cache import make_ready
from davy.processes.process import Body

NAMES: Final = ("ingest", "alerting", "api", "risk", "detectors", "inbox")
COMPILED: Final = {"ingest"}  # its loops run from the first message on: they are made ready while it stands by


def body_of(name: str) -> Body:
    """What the process `name` does until it is asked to stop; only its own organs are imported.

    Raises:
        BadInput: there is no such process.
    """
    if name not in NAMES:
        raise BadInput(f"There is no process {name}; there are {', '.join(NAMES)}.")
    gc.disable()  # all of it stays: looking meanwhile for what could go is a sixth of a start
    try:
        body: Body = import_module(f"davy.processes.{name}").run
        if name in COMPILED:
            make_ready()
    finally:
        gc.enable()
    return body
