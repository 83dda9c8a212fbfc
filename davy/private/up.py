"""`davy up --private`: the demo portfolio on real servers, until SIGTERM."""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TextIO

import packs
from core.errors import BadInput
from davy.answer import progress, say
from davy.private.stack import Plan, Stack
from davy.servers.errors import EndedWhileStarting

PORTFOLIO = Path(packs.__file__).parent / "demo" / "portfolio.yaml"


def description(stack: Stack) -> dict[str, Any]:
    """The one line of `davy up --private --json`."""
    return {
        "mqtt_url": stack.broker.url,
        "mqtt_user": "simulator",
        "mqtt_password": stack.mqtt_passwords["simulator"],
        "broker_password_file": str(stack.broker.folder / "passwords"),
        "database_url_owner": stack.database_url("owner"),
        "database_url_alerting": stack.database_url("alerting"),
        "principal_key": stack.principal_key.hex(),
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


@contextmanager
def own_file(path: Path) -> Iterator[TextIO]:
    """A new file that nobody else can read, gone at the end.

    Raises:
        BadInput: it is there already, or cannot be made.
    """
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadInput(f"{path} is there already; remove it, or name another file with --settings.") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}. Name another file with --settings.") from error
    try:
        with open(opened, "w", encoding="utf-8") as file:
            yield file
    finally:
        path.unlink(missing_ok=True)


def up(
    stop: threading.Event, *, as_json: bool, http_port: int = 0, history: bool = True, settings: Path | None = None
) -> None:
    """Starts everything, says where it is, runs until `stop`, leaves nothing behind.

    Args:
        history: sixty simulated days lie behind it, so that scores, findings and reports have something to show.
        settings: where to write what an operator's commands need, for `. FILE`.

    Raises:
        BadInput: that file is there already, or cannot be made.
    """
    plan = Plan(site_file=PORTFOLIO, http_port=http_port, history=history)
    try:
        with nullcontext() if settings is None else own_file(settings) as file, Stack(plan, stop) as stack:
            _run(stack, stop, file, as_json=as_json)
    except EndedWhileStarting as ended:
        progress(str(ended))


def _run(stack: Stack, stop: threading.Event, file: TextIO | None, *, as_json: bool) -> None:
    progress("Starting TimescaleDB, mosquitto and Davy ...")
    if stack.plan.history:
        progress("Sixty simulated days are written, which takes some 20 s; --no-history does without.")
    stack.start()
    stack.wait_until_ready()
    if file is not None:
        file.writelines(f"export {name}={shlex.quote(text)}\n" for name, text in stack.operator_settings().items())
        file.flush()
    say(description(stack), as_json=as_json)
    keep_running(stack, stop)
