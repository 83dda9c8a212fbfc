"""The checks of doctor that look outside the database: broker, mail server, webhooks, spool, disk."""

from __future__ import annotations

import shutil
import smtplib
import socket
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg

from alerting.vault import Vault
from core.db import connect
from core.errors import BadInput, BrokerAway, DatabaseAway
from core.settings import variable
from davy.doctor import store
from davy.doctor.broker_probe import look_at_broker
from davy.doctor.examination import Check, Examination, age, few, guarded
from ingest.instant import instant
from ingest.store.spool import SpoolDamaged, look

FULL_DISK: Final = 0.80  # of the disk; above it Davy's own alarm stands too
PATIENT: Final = timedelta(seconds=60)  # a restart of the database, and what came meanwhile
REACH_TIMEOUT_S: Final = 3.0
MOST_WEBHOOKS: Final = 20
_IMPLICIT_TLS: Final = 465  # RFC 8314 3.3
_PORTS: Final = {"http": 80, "https": 443}


def broker_checks(on: Examination) -> list[Check]:
    """Whether the broker takes us, and whether it has thrown messages away."""
    _ = on.gettext
    try:
        facts = look_at_broker(on.settings)
    except BrokerAway as error:
        names = ["mqtt_host", "mqtt_port", "mqtt_user", "mqtt_password"]
        names += ["mqtt_tls_ca"] if on.settings.mqtt_tls_ca is not None else []
        advice = _("Start the broker, or correct %(names)s.") % {"names": ", ".join(map(variable, names))}
        unknown = _("Not known: the broker does not answer.")
        return [
            Check("broker", False, str(error), advice),
            Check("broker_queue", False, unknown, _("Mend the broker first.")),
        ]
    return [Check("broker", True, facts.version or _("It answers.")), _queue(on, facts.dropped)]


def _queue(on: Examination, dropped: int | None) -> Check:
    _ = on.gettext
    if dropped is None:
        return Check(
            "broker_queue",
            True,
            _("The broker does not say whether it drops messages; gaps in a device's numbers still show."),
        )
    if dropped:
        found = _("%(count)s messages dropped since the broker's start.") % {"count": dropped}
        advice = _(
            "Raise max_queued_messages and max_inflight_messages as deploy/mosquitto.conf has them, and see why ingest fell behind."
        )
        return Check("broker_queue", False, found, advice)
    return Check("broker_queue", True, _("Nothing dropped since the broker's start."))


def channel_checks(on: Examination) -> list[Check]:
    """Whether those who are to be told can be reached from here: the mail server, and each webhook's host."""
    return [
        *guarded(on, "smtp", lambda: [_mail_server(on, _recipients(on, "smtp"))]),
        *guarded(on, "webhooks", lambda: [_webhooks(on, _recipients(on, "webhook"))]),
    ]


def _recipients(on: Examination, channel: str) -> list[str] | None:
    """Addresses in use; None where the database does not say: it has checks of its own."""
    url = on.url("owner")
    if url is None:
        return None
    try:
        with closing(connect(url, application="doctor")) as connection:
            vault = Vault.from_settings(on.settings)
            return [vault.open(channel, kept) for kept in store.addresses(connection, channel)]
    except (DatabaseAway, psycopg.Error, BadInput):
        return None


def _mail_server(on: Examination, recipients: list[str] | None) -> Check:
    _, settings = on.gettext, on.settings
    if settings.smtp_host is None:
        if recipients:
            found = _("%(count)s people are to be told by e-mail, and no mail server is set.") % {
                "count": len(recipients)
            }
            return Check("smtp", False, found, _("Set %(name)s.") % {"name": variable("smtp_host")})
        if recipients is None:
            return Check("smtp", True, _("No mail server is set; who is to be told by e-mail is not known."))
        return Check("smtp", True, _("No mail server is set, and nobody is to be told by e-mail."))
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    connector = smtplib.SMTP_SSL if settings.smtp_port == _IMPLICIT_TLS else smtplib.SMTP
    try:
        with connector(settings.smtp_host, settings.smtp_port, timeout=REACH_TIMEOUT_S) as server:
            server.ehlo()
    except (OSError, smtplib.SMTPException) as error:
        found = _("The mail server at %(where)s does not answer: %(reason)s.") % {"where": where, "reason": error}
        advice = _("Start it, or correct %(names)s.") % {"names": ", ".join(map(variable, ("smtp_host", "smtp_port")))}
        return Check("smtp", False, found, advice)
    return Check("smtp", True, _("The mail server at %(where)s answers.") % {"where": where})


def _webhooks(on: Examination, addresses: list[str] | None) -> Check:
    _ = on.gettext
    if addresses is None:
        return Check("webhooks", True, _("Not checked: the database does not say whom to tell."))
    hosts = sorted({_host_port(address) for address in addresses})[:MOST_WEBHOOKS]
    unreached = [f"{host}:{port}" for host, port in hosts if not _reachable(host, port)]
    if unreached:
        found = _("No answer from %(hosts)s.") % {"hosts": ", ".join(unreached)}
        return Check(
            "webhooks", False, found, _("Correct the addresses in the site file, or have the receivers started.")
        )
    if not hosts:
        return Check("webhooks", True, _("Nobody is to be told by webhook."))
    return Check("webhooks", True, _("All %(count)s receivers answer.") % {"count": len(hosts)})


def _host_port(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    return parts.hostname or address, parts.port or _PORTS.get(parts.scheme, 443)


def _reachable(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=REACH_TIMEOUT_S):
            return True
    except (OSError, UnicodeError):
        return False


def disk(on: Examination) -> Check:
    """Room where Davy keeps its files."""
    _, folder = on.gettext, _existing(on.settings.state_dir)
    room = shutil.disk_usage(folder)
    share = room.used / max(1, room.used + room.free)
    found = _("%(free)s GB free at %(folder)s, %(share)s %% used.") % {
        "free": f"{room.free / 1e9:.1f}",
        "folder": folder,
        "share": f"{100 * share:.0f}",
    }
    if share > FULL_DISK:
        advice = _("Make room or take a larger disk, or keep raw readings for fewer days: %(name)s.") % {
            "name": variable("keep_raw_days")
        }
        return Check("disk", False, found, advice)
    return Check("disk", True, found)


def spool(on: Examination) -> Check:
    """What waits on this machine's disk for the database, and what was damaged there."""
    _, folder = on.gettext, on.settings.state_dir / on.settings.worker
    try:
        found = look(folder)
    except (OSError, sqlite3.Error, SpoolDamaged) as error:
        unread = _("The spool in %(folder)s cannot be read: %(reason)s.") % {"folder": folder, "reason": error}
        return Check("spool", False, unread, _("Run doctor as the user that ingest runs as, and see ingest's log."))
    if found.set_aside:
        aside = _("Damaged files were set aside in %(folder)s: %(names)s.") % {
            "folder": folder,
            "names": few(found.set_aside),
        }
        advice = _(
            "Look for spool_damaged in ingest's log: it says what could not be carried over. Check the disk; keep the files until that is settled, then move them away."
        )
        return Check("spool", False, aside, advice)
    if found.batches == 0:
        return Check("spool", True, _("Nothing waits for the database in %(folder)s.") % {"folder": folder})
    oldest = on.now - instant(found.oldest_us)
    waiting = _("%(count)s batches wait for the database in %(folder)s, %(size)s MB, the oldest for %(age)s.") % {
        "count": found.batches,
        "folder": folder,
        "size": f"{found.bytes / 1e6:.1f}",
        "age": age(oldest),
    }
    if oldest < PATIENT:
        return Check("spool", True, waiting)
    advice = _(
        "Bring the database back, or find out why it takes less than what arrives. Nothing is lost until the room is full."
    )
    return Check("spool", False, waiting, advice)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    for candidate in (folder, *folder.parents):
        if candidate.is_dir():
            return candidate
    return Path("/")
