"""`davy device credential`: a new password for a device at the broker, shown once and kept nowhere but in its password file."""

from __future__ import annotations

import os
import secrets
import signal
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from core.db import connect
from core.errors import BadInput, BadSetting, Refused
from core.migrate import require_current
from core.settings import Settings, variable
from core.store.writes import JournalEntry, lock_portfolio, mark_credential, write_journal
from davy.servers.broker import Access
from davy.servers.mosquitto import password_hash

_RANDOM_BYTES: Final = 24  # 32 characters, 192 bits: the broker's hash is cheap because the password is not guessable


def device_credential(settings: Settings, device: str, *, actor: str = "operator", now: datetime | None = None) -> str:
    """Makes a device's password, replaces its line in the broker's password file, and has the broker read it again.

    Args:
        device: its key, which is also its user name at the broker.

    Returns:
        What the operator is shown: user, password, and what is left to do.

    Raises:
        BadInput: there is no such device.
        Refused: it is retired, or its key is a user name of Davy's own.
        BadSetting: the password file is not set or cannot be written, or the broker's process is not there.
    """
    if device in Access({}).reserved | {settings.mqtt_user}:
        raise Refused(
            f"{device} is a user of Davy's own at the broker, with other rights; give the device another key."
        )
    password_file = Path(settings.need("broker_password_file"))
    password = secrets.token_urlsafe(_RANDOM_BYTES)
    at = now or datetime.now(UTC)
    with closing(connect(settings.secret("database_url_owner"), application="device-credential")) as connection:
        require_current(connection, "davy_owner")
        with connection.transaction():
            lock_portfolio(connection)  # one writer of the password file at a time
            marked = mark_credential(connection, device, at)
            if marked is None or device.startswith("_"):
                raise BadInput(f"There is no device {device}; add it to the site file and import it first.")
            company, retired = marked
            if retired:
                raise Refused(f"Device {device} is retired; it gets no credential.")
            entry = JournalEntry(
                at=at,
                company=company,
                actor=actor,
                action="credential_made",
                subject=f"device {device}",
                old=None,
                new=None,
                reason="device credential",
            )
            write_journal(connection, [entry])
            replace_entry(password_file, device, password_hash(password))
    told = tell_broker(settings.broker_pid)
    return f"user {device}\npassword {password}\nThis password is not shown a second time. {told}"


def replace_entry(password_file: Path, user: str, hashed: str) -> None:
    """Puts a user's line into a mosquitto password file, at once or not at all; owner and mode stay.

    Raises:
        BadSetting: the file cannot be read or written.
    """
    fresh = password_file.with_name(f".{password_file.name}.{os.getpid()}")
    try:
        known = password_file.stat() if password_file.exists() else None
        lines = password_file.read_text("utf-8").splitlines() if known is not None else []
        kept = [line for line in lines if line and line.partition(":")[0] != user]
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write("\n".join([*kept, f"{user}:{hashed}"]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if known is not None:
            os.chmod(fresh, known.st_mode & 0o777)
            if (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(fresh, known.st_uid, known.st_gid)
        fresh.replace(password_file)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise BadSetting(
            f"{variable('broker_password_file')} names {password_file}, which cannot be written: {error.strerror}."
        ) from error


def tell_broker(broker_pid: int | None) -> str:
    """Has the broker read its files again; says what was done, or what is left to do.

    Raises:
        BadSetting: its process cannot be told.
    """
    if broker_pid is None:
        return f"Now have the broker read its files again: kill -HUP its process ({variable('broker_pid')} is not set)."
    try:
        os.kill(broker_pid, signal.SIGHUP)
    except OSError as error:
        raise BadSetting(
            f"The file is written, but {variable('broker_pid')} is {broker_pid} and that process cannot be told "
            f"({error.strerror}); run this again once it can."
        ) from error
    return "The broker has been told to read its files again."
