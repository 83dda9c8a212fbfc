"""`davy up --private`: the demo portfolio on real servers, until SIGTERM."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import packs
from davy.answer import progress, say
from davy.stack import Plan, Stack

PORTFOLIO = Path(packs.__file__).parent / "demo" / "portfolio.yaml"


def description(stack: Stack) -> dict[str, Any]:
    """The one line of `davy up --private --json`."""
    return {
        "mqtt_url": stack.broker.url,
        "mqtt_user": "simulator",
        "mqtt_password": stack.mqtt_passwords["simulator"],
        "broker_password_file": str(stack.broker.folder / "passwords"),
        "database_url_owner": stack.database_url("owner"),
        "database_url_web": stack.database_url("web"),
        "http_url": stack.http_url,
        "inbox_url": stack.inbox_url,
        "users": [
            {"company": user.company, "role": user.role, "login": user.login, "password": user.password}
            for user in stack.users
        ],
        "pids": stack.pids(),
    }


def keep_running(stack: Stack, stop: threading.Event) -> None:
    """Starts again what dies, until `stop`; runs in the thread that started the parts, as they die with it."""
    while not stop.wait(0.25):
        stack.keep_alive()


def up(stop: threading.Event, *, as_json: bool, http_port: int = 0, history: bool = True) -> None:
    """Starts everything, says where it is, runs until `stop`, leaves nothing behind.

    Args:
        history: sixty simulated days lie behind it, so that scores, findings and reports have something to show.
    """
    with Stack(Plan(site_file=PORTFOLIO, http_port=http_port, history=history)) as stack:
        progress("Starting TimescaleDB, mosquitto and Davy ...")
        if history:
            progress("Sixty simulated days are written, which takes some 20 s; --no-history does without.")
        stack.start()
        stack.wait_until_ready()
        say(description(stack), as_json=as_json)
        keep_running(stack, stop)
