"""`davy demo`: the demo portfolio on embedded servers; a tank farm leaks and a pump cavitates by themselves."""

from __future__ import annotations

import math
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

from core.db import connect
from davy.answer import progress, say
from davy.private.stack import Plan, Stack
from davy.private.up import PORTFOLIO
from davy.servers.errors import EndedWhileStarting
from davy.store import Counts, counts

LOOK_EVERY_S = 0.25
SEED = 1
LIVE_AFTER_S = 1  # seconds that the plants' process has to start; what was due by then is sent at once


def demo(stop: threading.Event, *, seconds: int | None, as_json: bool, http_port: int = 0) -> int:
    """Runs until `stop`, or for `seconds` from the process's start; returns the exit status.

    Raises:
        EndedWhileStarting: with `seconds`, of which nothing has been seen.
    """
    try:
        return _demo(stop, seconds=seconds, as_json=as_json, http_port=http_port)
    except EndedWhileStarting as ended:
        if seconds is not None:
            raise
        progress(str(ended))
        return 0


def _demo(stop: threading.Event, *, seconds: int | None, as_json: bool, http_port: int) -> int:
    began = time.time() - _age_of_this_process()
    plan = Plan(database="plain", broker="auto", fsync=False, site_file=PORTFOLIO, http_port=http_port)
    with Stack(plan, stop) as stack:
        progress("Starting an embedded database and broker, and Davy on them ...")
        stack.start()
        stack.wait_until_ready()
        first_page_s = _first_page(stack, began)
        live_at = datetime.fromtimestamp(math.ceil(time.time()) + LIVE_AFTER_S, UTC)
        _start_plant(stack, live_at)
        stack.start_past(SEED, live_at)
        _introduce(stack)
        reached = _run(stack, stop, began, seconds)
        stack.stop_processes()
        errors = stack.error_lines()
    for line in errors:
        progress(line)
    if seconds is not None:
        first = reached.first_alarm_at
        say(
            {
                "first_page_s": round(first_page_s, 2),
                "first_alarm_s": round(first.timestamp() - began, 2) if first else None,
                "readings_stored": reached.readings_stored,
                "alarms_raised": reached.alarms_raised,
                "alarms_of_limits": reached.of_limits,
                "alarms_of_models": reached.of_models,
                "notifications_delivered": reached.notifications_delivered,
                "notified": reached.notified,
                "errors": len(errors),
            },
            as_json=as_json,
        )
    else:
        progress("Everything is stopped and removed.")
    return 1 if errors else 0


def _first_page(stack: Stack, began: float) -> float:
    with urlopen(f"{stack.http_url}/login", timeout=10) as page:
        page.read()
    return time.time() - began


def _start_plant(stack: Stack, live_at: datetime) -> None:
    from simulators.demo import NAME  # only now: nobody waits for it before the first page

    mqtt = {
        "DAVY_MQTT_HOST": stack.broker.host,
        "DAVY_MQTT_PORT": str(stack.broker.port),
        "DAVY_MQTT_USER": "simulator",
        "DAVY_MQTT_PASSWORD": stack.mqtt_passwords["simulator"],
    }
    begins = live_at.strftime("%Y-%m-%dT%H:%M:%S%z")
    stack.add_part("plant", ["plant", NAME, "--seed", str(SEED), "--live-at", begins], mqtt)


def _introduce(stack: Stack) -> None:
    lines = [
        f"Davy is at {stack.http_url}",
        "Log in as:",
        *(f"  {user.login:<28} {user.password}   ({user.role}, {user.company or 'insurer'})" for user in stack.users),
        f"What the demo's own mailbox and webhook received: {stack.http_url}/demo/inbox",
        "On the tank farm a gas leak begins within the minute, at the pump station a pump begins to cavitate.",
        "Ctrl-C stops everything and leaves nothing behind.",
    ]
    progress("\n".join(lines))


def _run(stack: Stack, stop: threading.Event, began: float, seconds: int | None) -> Counts:
    """Keeps everything alive until it is time; returns what has come by then."""
    while not stop.wait(LOOK_EVERY_S) and (seconds is None or time.time() - began < seconds):
        stack.keep_alive()
    with connect(stack.database_url("owner"), application="demo") as connection:
        return counts(connection)


def _age_of_this_process() -> float:
    """Seconds since this process was started; the interpreter's own start counts for the person who waits."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    since_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # proc(5), field 22: starttime
    return time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot
