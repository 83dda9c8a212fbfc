"""Doctor's look at the broker's own configuration: limits of queues that lose what it has acknowledged, and the window that ingest
counts on. Pure but for reading files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.settings import variable
from davy.doctor.examination import Check, Examination
from davy.doctor.server_settings import LOOPBACK

USUAL: Final = Path("/etc/mosquitto/mosquitto.conf")
USUAL_PORTS: Final = (1883, 8883)  # another port is another broker's
DEEPEST: Final = 5  # files that include files
ENOUGH_QUEUED: Final = 100_000  # messages: at 1,000 a second, 100 s in which ingest may be away
# mosquitto.conf(5), 2.0: what holds where a file says nothing.
DEFAULTS: Final[Mapping[str, str]] = {
    "max_queued_messages": "1000",
    "max_queued_bytes": "0",
    "max_inflight_messages": "20",
    "max_inflight_bytes": "0",
    "persistence": "false",
}


def limits(file: Path, depth: int = 0) -> dict[str, str]:
    """What a mosquitto.conf and those it includes set; of two, the later counts.

    Raises:
        OSError: a file cannot be read.
    """
    found: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "include_dir" and depth < DEEPEST:
            for part in sorted(Path(value.strip()).glob("*.conf")):
                found |= limits(part, depth + 1)
        elif name and not name.startswith("#"):
            found[name] = value.strip()
    return found


def losses(set_to: Mapping[str, str]) -> list[str]:
    """Settings by which the broker loses messages that it has acknowledged, as `name value`; none where it does not.

    >>> losses({}), losses({"max_queued_messages": "0", "persistence": "true"})
    (['max_queued_messages 1000', 'persistence false'], [])
    """
    has = {**DEFAULTS, **set_to}
    wrong = [
        (0 < _number(has["max_queued_messages"]) < ENOUGH_QUEUED, "max_queued_messages"),
        (_number(has["max_queued_bytes"]) > 0, "max_queued_bytes"),
        (has["persistence"].lower() != "true", "persistence"),
    ]
    return [f"{name} {has[name]}" for is_wrong, name in wrong if is_wrong]


def other_window(set_to: Mapping[str, str], window: int) -> list[str]:
    """Settings by which the broker sends more or less before it waits for an ack than ingest counts on; nothing is lost by them.

    >>> other_window({}, 4000), other_window({"max_inflight_messages": "4000"}, 4000)
    (['max_inflight_messages 20'], [])
    """
    has = {**DEFAULTS, **set_to}
    wrong = [
        (_number(has["max_inflight_messages"]) != window, "max_inflight_messages"),
        (_number(has["max_inflight_bytes"]) > 0, "max_inflight_bytes"),
    ]
    return [f"{name} {has[name]}" for is_wrong, name in wrong if is_wrong]


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def broker_limits(on: Examination) -> Check:
    """Whether the broker keeps what it has acknowledged while ingest is behind or away, where its configuration can be read."""
    _, name, settings = on.gettext, "broker_limits", on.settings
    file = settings.broker_config_file
    ours = settings.mqtt_host in LOOPBACK and settings.mqtt_port in USUAL_PORTS
    if file is None and ours and USUAL.is_file():
        file = USUAL
    if file is None:
        found = _("Not checked: the broker does not say, and %(name)s does not name its configuration.")
        return Check(name, True, found % {"name": variable("broker_config_file")})
    try:
        set_to = limits(file)
    except OSError as error:
        found = _("%(file)s cannot be read: %(reason)s.") % {"file": file, "reason": error.strerror or error}
        return Check(name, False, found, _("Run doctor as a user who may read it."))
    wrong, other = losses(set_to), other_window(set_to, settings.window)
    if wrong:
        found = _("The broker loses messages by what %(file)s says: %(settings)s.") % {
            "file": file,
            "settings": ", ".join(wrong),
        }
        advice = _("Set them as deploy/mosquitto.conf has them, max_inflight_messages as %(name)s, and restart it.")
        return Check(name, False, found, advice % {"name": variable("window")})
    if other:
        found = _(
            "The broker's window is not the one that ingest counts on, by what %(file)s says: %(settings)s; %(name)s is %(window)s. Nothing is lost by that."
        ) % {"file": file, "settings": ", ".join(other), "name": variable("window"), "window": settings.window}
        advice = _(
            "Set max_inflight_messages and %(name)s to the same number, and max_inflight_bytes to 0. Ingest's batches have at most half of %(name)s, so that one is judged while another is stored: with a smaller window at the broker they wait for each other, with a larger one (0: without end) more messages wait in ingest's memory than it counts on."
        )
        return Check(name, False, found, advice % {"name": variable("window")})
    return Check(name, True, _("Its queues are long enough by what %(file)s says.") % {"file": file})
