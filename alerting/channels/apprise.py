"""Apprise, for services that Davy has no channel of its own for: one URL, and so one receiver, a row.

Its library reaches some two hundred services, some of them on this very machine, follows redirects, retries by itself and takes orders
in the URL. So it runs in a process of its own for each message (alerting/apprise_child.py), which connects to nothing that is not public,
starts nothing, and ends when the time is over; and it is asked only for services of the list below that the settings name. It tells
no more than whether a service took a message; what it says itself may hold the URL, and stays there. It is installed beside Davy and
not with it: two packages that both call themselves urllib3 cannot share an environment.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from alerting.channels.channel import Address, Channel
from alerting.channels.connect import host_port
from alerting.message import Message
from alerting.pace import Pace
from core.errors import AddressGone, BadSetting, DeliveryFailed
from core.limit_rule import AddressRule
from core.settings import Settings, variable

# Beginnings of URLs, as the library has them. Left out: what shows, runs or writes something on this machine (dbus, syslog, windows ...),
# brokers, mail and remote logs, which have ways of their own, and what reads files that an URL names.
VENDORS: Final = frozenset(
    [
        "46elks",
        "betterstack",
        "bulksms",
        "clicksend",
        "cliq",
        "discord",
        "flock",
        "gchat",
        "guilded",
        "ilert",
        "incidentio",
        "join",
        "lark",
        "line",
        "msg91",
        "msgbird",
        "opsgenie",
        "pagerduty",
        "pbul",
        "plivo",
        "pover",
        "prowl",
        "pushplus",
        "pushy",
        "schan",
        "signl4",
        "simplepush",
        "sinch",
        "slack",
        "sns",
        "spush",
        "squadcast",
        "tgram",
        "threema",
        "twist",
        "viber",
        "vonage",
        "webex",
        "whatsapp",
        "workflow",
        "workflows",
        "wxpusher",
        "wxteams",
        "zoom",
        "zulip",
    ]
)
OWN_SERVERS: Final = frozenset(
    [
        "barks",
        "forms",
        "goalerts",
        "gotifys",
        "hassios",
        "jsons",
        "matrixs",
        "mmosts",
        "nctalks",
        "ntfys",
        "pushdeers",
        "rockets",
        "synologys",
        "xmls",
    ]
)
IN_THE_CLEAR: Final = frozenset(name.removesuffix("s") for name in OWN_SERVERS)  # to the allow list's receivers only
KNOWN: Final = VENDORS | OWN_SERVERS | IN_THE_CLEAR
_PORT_IN_THE_CLEAR: Final = 80
_GONE: Final = 410
_CHILD: Final = Path(__file__).parents[1] / "apprise_child.py"


class Apprise(Channel):
    """One message, one child.

    Args:
        python: in whose environment the library is.
        services: those of `KNOWN` that may be used.
        allow: "host:port" that may be private, and may be without TLS.
    """

    name: ClassVar[str] = "apprise"
    addresses: ClassVar[AddressRule] = AddressRule(
        re.compile(r"[a-z0-9]{2,20}://[^\s,]+"),
        "one Apprise URL such as tgram://TOKEN/CHAT, without blanks and commas",
        signed=False,
        secret=True,
    )
    # As ntfy.sh's: few services allow less, and a person who is told more often hears nothing any more. Ours.
    pace: ClassVar[Pace | None] = Pace(per_minute=12, kept=4)

    def __init__(self, python: Path, services: Iterable[str], allow: Iterable[str] = ()) -> None:
        self._python = python
        self._services = frozenset(services)
        self._allow = frozenset(entry.lower() for entry in allow)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """None without the library's Python, or without keys for addresses, which are secrets.

        Raises:
            BadSetting: no service, or one that is not of the list; no such Python.
        """
        if settings.apprise_python is None or settings.address_keys is None:
            return None
        if unknown := sorted(set(settings.apprise_services) - KNOWN):
            raise BadSetting(
                f"{variable('apprise_services')} names {', '.join(unknown)}, which Davy does not let Apprise use;"
                f" it may name {', '.join(sorted(KNOWN))}."
            )
        if not settings.apprise_services:
            raise BadSetting(
                f"{variable('apprise_python')} is set, and {variable('apprise_services')} names no service of Apprise."
            )
        if not os.access(settings.apprise_python, os.X_OK):
            raise BadSetting(
                f"{variable('apprise_python')} names {settings.apprise_python}, which is no program that can be run."
            )
        return cls(settings.apprise_python, settings.apprise_services, settings.webhook_allow_private)

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        """The receipt says which service took it, and no more: the library knows no more."""
        to = self._service(address.text)
        asked = {
            "url": address.text,
            "title": message.subject,
            "body": message.text,
            "urgent": message.urgent,
            "allow": sorted(self._allow),
            "timeout_s": timeout_s,
        }
        answer = self._child(asked, timeout_s)
        if answer.get("sent") is True:
            return f"Apprise handed it to {to}"
        status = answer.get("status")
        words = f"Apprise could not hand it to {to}"
        if isinstance(status, int):
            words += f": HTTP {status}"
        match answer.get("why"):
            case "missing":
                raise DeliveryFailed(
                    f"The Python of {variable('apprise_python')} has no library apprise.", permanent=False
                )
            case "url":
                raise DeliveryFailed(f"This is not an URL that Apprise knows for {to}.", permanent=True)
            case "refused":
                raise DeliveryFailed(
                    f"Apprise's messages do not go there: {to} would lead to an address that is not on the public internet.",
                    permanent=True,
                )
        if status == _GONE:
            raise AddressGone(f"{words}.")
        raise DeliveryFailed(f"{words}.", permanent=False)

    def _service(self, url: str) -> str:
        """The service of an URL that we send to; the URL is in no sentence."""
        if not self.addresses.pattern.fullmatch(url):
            raise DeliveryFailed("This is not an Apprise URL.", permanent=True)
        to = url.partition("://")[0]
        if to not in KNOWN or to not in self._services:
            raise DeliveryFailed(f"{variable('apprise_services')} does not name {to}.", permanent=True)
        if to not in IN_THE_CLEAR:
            return to
        try:
            parts = urlsplit(url)
            there = host_port(parts.hostname or "", parts.port or _PORT_IN_THE_CLEAR)
        except ValueError as error:
            raise DeliveryFailed("This is not an Apprise URL.", permanent=True) from error
        if there not in self._allow:
            raise DeliveryFailed(f"Alarms do not go to {parts.hostname} in the clear: use {to}s.", permanent=True)
        return to

    def _child(self, asked: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """What the child says; it is killed when the time is over. The URL goes to its input, for arguments are everybody's to see."""
        command = [
            str(self._python),
            "-I",
            "-B",
            str(_CHILD),
        ]  # its own packages alone, none of ours, and nothing written beside them
        try:
            done = subprocess.run(
                command, input=json.dumps(asked).encode(), capture_output=True, env={"LC_ALL": "C.UTF-8"}, timeout=timeout_s, check=False
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise DeliveryFailed("Apprise took too long.", permanent=False) from error
        except OSError as error:
            raise DeliveryFailed(f"Apprise could not be started: {error.strerror}.", permanent=False) from error
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise DeliveryFailed(f"Apprise broke down (exit status {done.returncode}).", permanent=False)
        return answer
