"""How each of Davy's processes begins and ends: settings, log, signals, one loop, one exit status.

0: asked to stop and did. 1: failed on the way (the supervisor starts it again). 2: could not start; one sentence on stderr.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping

import structlog

from core.errors import DavyError
from core.log import configure
from core.settings import Settings

PR_SET_PDEATHSIG = 1  # linux/prctl.h

Body = Callable[[Settings, threading.Event], None]


def run_process(name: str, body: Body, *, die_with_parent: bool, stand_by: bool = False) -> int:
    """Runs `body(settings, stop)` until it returns or the process is asked to stop.

    Args:
        die_with_parent: get SIGTERM when the starting thread of the parent ends (Linux).
        stand_by: everything is imported; the settings, as a JSON object, come on standard input when it is time.
    """
    if die_with_parent:
        _die_with_parent()
    environ = _told(sys.stdin.buffer.read()) if stand_by else os.environ  # until then a signal simply ends it
    if environ is None:
        return 0
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = Settings.read(environ)
    configure(settings.log_format, sys.stderr)
    log = structlog.stdlib.get_logger(f"davy.{name}")
    try:
        body(settings, stop)
    except DavyError:
        raise
    except Exception:
        log.exception("process_failed", process=name)
        return 1
    log.info("process_stopped", process=name)
    return 0


def _told(text: bytes) -> Mapping[str, str] | None:
    """The settings that somebody who stands by is given; None where it is sent home."""
    told: dict[str, str] | None = json.loads(text) if text else None
    return told


def _die_with_parent() -> None:
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent or parent == 1:  # it died before we asked to be told
        sys.exit(0)
