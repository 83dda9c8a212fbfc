"""Doctor's look at certificates: broker, pages, database. By really connecting, as whoever is to trust them does."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.x509 import load_der_x509_certificate
from psycopg.conninfo import conninfo_to_dict

from core.settings import variable
from davy.doctor.examination import Check, Examination
from davy.doctor.server_settings import LOOPBACK

SOON: Final = timedelta(days=14)  # time enough to have a new one made
TIMEOUT_S: Final = 3.0
_HTTPS: Final = 443
_POSTGRES: Final = 5432
_SSL_REQUEST: Final = struct.pack("!II", 8, 80877103)  # PostgreSQL's protocol, 55.2.11 "SSL Session Encryption"
Prepare = Callable[[socket.socket], bool]  # what is said before TLS begins; False: the other side does not speak it


def certificate_checks(on: Examination, near: frozenset[str] = LOOPBACK) -> list[Check]:
    """One check each for what people, devices and processes connect to.

    Args:
        near: names of this machine, where nobody listens on the way.
    """
    return [_broker(on, near), _pages(on, near), _database(on, near)]


def _broker(on: Examination, near: frozenset[str]) -> Check:
    _, settings = on.gettext, on.settings
    if settings.mqtt_tls_ca is None:
        return _plain(on, "tls_broker", settings.mqtt_host, variable("mqtt_tls_ca"), near)
    return _examined(on, "tls_broker", settings.mqtt_host, settings.mqtt_port, settings.mqtt_tls_ca)


def _pages(on: Examination, near: frozenset[str]) -> Check:
    _, url = on.gettext, on.settings.public_url
    if url is None:
        return Check("tls_web", True, _("Not set here, so not checked: %(names)s.") % {"names": variable("public_url")})
    parts = urlsplit(url)
    if parts.scheme != "https":
        return _plain(on, "tls_web", parts.hostname or "", variable("public_url"), near)
    return _examined(on, "tls_web", parts.hostname or "", parts.port or _HTTPS, None)


def _database(on: Examination, near: frozenset[str]) -> Check:
    _, url = on.gettext, on.url("ingest") or on.url("owner")
    if url is None:
        names = variable("database_url_ingest")
        return Check("tls_database", True, _("Not set here, so not checked: %(names)s.") % {"names": names})
    given = conninfo_to_dict(url)
    host, root = str(given.get("host") or ""), given.get("sslrootcert")
    if host in near or host.startswith("/"):
        return _plain(on, "tls_database", host, variable("database_url_ingest"), near)
    authority = Path(str(root)) if root and root != "system" else None
    port = int(given.get("port") or _POSTGRES)
    return _examined(on, "tls_database", host, port, authority, prepare=_asks_postgres, strict=root is not None)


def _asks_postgres(raw: socket.socket) -> bool:
    raw.sendall(_SSL_REQUEST)
    return raw.recv(1) == b"S"


def _plain(on: Examination, name: str, host: str, setting: str, near: frozenset[str]) -> Check:
    """Without TLS: well on this machine, and nowhere else."""
    _ = on.gettext
    if host in near or host.startswith("/"):
        return Check(name, True, _("Without TLS, on this machine only."))
    found = _("Without TLS to %(host)s: passwords and readings can be read on the way.") % {"host": host}
    return Check(name, False, found, _("Let it speak TLS, and set %(name)s accordingly.") % {"name": setting})


def _examined(
    on: Examination,
    name: str,
    host: str,
    port: int,
    authority: Path | None,
    *,
    prepare: Prepare | None = None,
    strict: bool = True,
) -> Check:
    """Whether the certificate is trusted, and for how long.

    Args:
        strict: who connects there verifies it; else only its end is looked at.
    """
    _, where = on.gettext, f"{host}:{port}"
    try:
        doubt = _doubt(host, port, authority, prepare) if strict else None
        last = _last_day(host, port, prepare)
    except (OSError, ValueError) as error:
        found = _("No certificate from %(where)s: %(reason)s.") % {"where": where, "reason": error}
        return Check(name, False, found, _("Start it, or correct its address."))
    if last is None:
        return _plain(on, name, host, variable("database_url_ingest"), frozenset())
    ends = load_der_x509_certificate(last).not_valid_after_utc
    told = _("The certificate of %(where)s ends on %(day)s, in %(days)s days.") % {
        "where": where,
        "day": f"{ends:%Y-%m-%d}",
        "days": (ends - on.now).days,
    }
    renew = _("Have a new certificate made and reload the server; devices and processes trust its authority, not it.")
    if ends <= on.now:
        ended = _("The certificate of %(where)s has ended on %(day)s: nobody who checks it connects any more.") % {
            "where": where,
            "day": f"{ends:%Y-%m-%d}",
        }
        return Check(name, False, ended, renew)
    if doubt is not None:
        found = _("The certificate of %(where)s is not trusted: %(reason)s.") % {"where": where, "reason": doubt}
        return Check(name, False, found, _("Correct its authority, or the name that it is made out for."))
    return Check(name, False, told, renew) if ends - on.now <= SOON else Check(name, True, told)


def _doubt(host: str, port: int, authority: Path | None, prepare: Prepare | None) -> str | None:
    """Why who verifies it does not trust it; None: it is trusted, or there is none."""
    context = ssl.create_default_context(cafile=None if authority is None else str(authority))
    try:
        _handshake(context, host, port, prepare)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    return None


def _last_day(host: str, port: int, prepare: Prepare | None) -> bytes | None:
    """The certificate, whoever has signed it; None where there is no TLS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return _handshake(context, host, port, prepare)


def _handshake(context: ssl.SSLContext, host: str, port: int, prepare: Prepare | None) -> bytes | None:
    with socket.create_connection((host, port), timeout=TIMEOUT_S) as raw:
        if prepare is not None and not prepare(raw):
            return None
        with context.wrap_socket(raw, server_hostname=host) as secure:
            return secure.getpeercert(binary_form=True)
