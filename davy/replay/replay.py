"""`davy replay`: a CSV played through MQTT as devices would have sent it, and what became of it.

Private: servers of its own, a clock that follows the file, the file's own stamps. Live: the broker and database of the
settings, stamps shifted so that the file ends when the play ends, every message marked as replayed.
"""

from __future__ import annotations

import ssl
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from core.db import connect
from core.errors import BadInput, BadSetting, BrokerAway
from core.log import configure
from core.migrate import require_current
from core.settings import Settings
from core.store.reads import read_portfolio
from core.wire import readings_topic
from davy.answer import progress, say
from davy.private.one_connection import publish
from davy.private.stack import Plan, Stack
from davy.processes.surroundings import wall_clock_us
from davy.replay.check import Account, account, sentences, unknown_sensors
from davy.replay.script import WEEK_MS, Script, private_history, read_script, site_file_of, tell
from davy.replay.store import Played, Raise, Since, keys_of, now_there, raises_of, rejected_of, stored_of
from simulators.fleet import Fleet
from simulators.history_stream import History
from simulators.replay_map import told

LOOK_EVERY_S: Final = 0.2
STALL_S: Final = 30.0  # nothing more is stored for so long: what is missing then does not come
QUIET_S: Final = 5.0  # the same where messages were rejected: they are what is missing, or the account says what is
ONLINE_WITHIN_S: Final = 15.0
FASTEST: Final = 1e6
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a replay."""

    published: int
    stored: int
    account: Account
    raises: list[Raise]

    @property
    def holds(self) -> bool:
        """Whether everything that was published is stored, or rejected with a reason."""
        return self.account.lost == 0 and self.stored + self.account.rejected == self.published


def replay(
    file: Path,
    map_file: Path,
    *,
    settings: Callable[[], Settings] | None,
    speed: float,
    stop: threading.Event,
    as_json: bool,
) -> int:
    """Plays `file` and says what came; the exit status says whether everything published is accounted for.

    Args:
        settings: of the live system; None: a private instance.
        speed: of the live play, not below 1.

    Raises:
        BadInput: the map or the file cannot be played, or a sensor is not there.
        Unavailable: a server does not answer.
    """
    if not 1.0 <= speed <= FASTEST:
        raise BadInput(
            f"The speed is {speed}; it must be from 1 to {FASTEST:.0f}: slower would stamp readings ahead of time."
        )
    configure("console", sys.stderr)  # stdout is for the answer
    began = time.monotonic()
    script = read_script(file, map_file)
    history, outcome = _private(script) if settings is None else _live(script, settings(), speed, stop)
    shown = {
        "rows": script.tally.rows,
        "skipped_rows": script.tally.skipped_rows,
        "missing_values": script.tally.missing_values,
        "unreadable_values": script.tally.unreadable_values,
        "bad_values": script.tally.bad_values,
        "readings_published": outcome.published,
        "readings_stored": outcome.stored,
        "rejected": outcome.account.rejected,
        "lost": outcome.account.lost,
        "reasons": dict(outcome.account.reasons),
        "alarms_raised": len(outcome.raises),
        "occurrences": len({each.occurrence_id for each in outcome.raises}),
        "shifted_ms": history.timing.shift_ms,
        "seconds": round(time.monotonic() - began),
    }
    raises = [
        {"definition": each.definition, "device": each.device, "sensor": each.sensor, "at_ms": _ms(each.at)}
        for each in outcome.raises
    ]
    if as_json:
        say({**shown, "raises": raises}, as_json=True)
        return 0 if outcome.holds else 1
    say(shown, as_json=False)
    for each in outcome.raises[:_SHOWN]:
        print(f"raised at {each.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC: {each.definition} of {each.sensor}")
    if len(outcome.raises) > _SHOWN:
        print(f"... and {len(outcome.raises) - _SHOWN} more; --json lists them all.")
    return 0 if outcome.holds else 1


def private_plan(site_file: Path) -> Plan:
    """Real servers and ingest, on a clock that follows the file."""
    return Plan(site_file=site_file, parts=("ingest",), users=False, fsync=False, stream_clock=True)


def play_private(stack: Stack, history: History) -> Outcome:
    """Plays into a private instance that judges, as fast as it goes."""
    with closing(connect(stack.database_url("owner"), application="replay")) as connection:
        since = now_there(connection)
    published = publish(stack, history.births(), history.packets())
    return outcome_of(stack.database_url("owner"), history, published, since, stack.keep_alive)


def _private(script: Script) -> tuple[History, Outcome]:
    site_file, history = site_file_of(script), private_history(script)
    tell(script)
    if history.timing.shift_ms:
        progress(
            f"Its stamps are moved {history.timing.shift_ms // WEEK_MS} weeks on: it is older than Davy takes a stamp for one."
        )
    with Stack(private_plan(site_file)) as stack:
        progress("Starting TimescaleDB, mosquitto and ingest ...")
        stack.start()
        stack.wait_until_ready()
        progress("Playing ...")
        return history, play_private(stack, history)


def _live(script: Script, settings: Settings, speed: float, stop: threading.Event) -> tuple[History, Outcome]:
    tls = _trusting(settings.mqtt_tls_ca)
    owner = settings.secret("database_url_owner")
    user, password = settings.need("mqtt_user"), settings.secret("mqtt_password")
    with closing(connect(owner, application="replay")) as connection:
        require_current(connection, "davy_owner")
        if mistakes := unknown_sensors(script.plan, read_portfolio(connection), "The database"):
            raise told(script.plan.name, mistakes)
        since = now_there(connection)
    tell(script)
    history = script.history(wall_clock_us() // 1000 + 500, speed=speed, replayed=True)
    lasts = timedelta(milliseconds=(history.timing.last_ms - history.timing.first_ms) / speed)
    progress(
        f"Playing for {str(lasts).partition('.')[0]} into {settings.mqtt_host}:{settings.mqtt_port}, marked as replayed ..."
    )
    fleet = Fleet(
        history,
        settings.mqtt_host,
        settings.mqtt_port,
        credentials={device: (user, password) for _, device in history.devices()},
        clock_us=wall_clock_us,
        patient=True,
        tls=tls,
    )
    with fleet:
        for device in fleet.devices.values():
            if not device.wait_online(ONLINE_WITHIN_S):
                raise BrokerAway(
                    f"Device {device.key} does not come online: {device.problem or 'the broker does not answer'}."
                )
        if not fleet.play(stop):
            progress("Asked to stop; saying what came so far.")
    return history, outcome_of(owner, history, fleet.readings, since, lambda: None)


def _trusting(authority: Path | None) -> ssl.SSLContext | None:
    """What the devices check the broker's certificate against.

    Raises:
        BadSetting: no such file, or no certificate in it.
    """
    if authority is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(authority))
    except OSError as error:  # ssl.SSLError is one
        why = error.strerror or error
        raise BadSetting(f"The broker's authority {authority} cannot be used: {why}.") from error


def outcome_of(
    owner_url: str, history: History, published: int, since: Since, keep_alive: Callable[[], None]
) -> Outcome:
    """Waits until all is stored, or nothing more comes, and accounts for every reading.

    Args:
        keep_alive: called while waiting.
    """
    columns, shift_ms = history.plan.columns, history.timing.shift_ms
    played = Played(
        site=history.plan.site,
        devices=[column.device for column in columns],
        sensors=[column.sensor for column in columns],
        begins_at=_at(history.timing.first_ms + shift_ms),
        ends_at=_at(history.timing.last_ms + shift_ms),
        replayed=history.replayed,
        since=since,
    )
    topics = [readings_topic(history.plan.site, device) for device in history.plan.devices()]
    waiting = threading.Event()
    with closing(connect(owner_url, application="replay")) as connection:
        last, quiet_since = -1, time.monotonic()
        while (stored := stored_of(connection, played)) < published:
            quiet_s = time.monotonic() - quiet_since
            if stored != last:
                last, quiet_since = stored, time.monotonic()
            elif quiet_s > STALL_S or (quiet_s > QUIET_S and rejected_of(connection, topics, since)):
                break
            keep_alive()
            waiting.wait(LOOK_EVERY_S)
        refused = rejected_of(connection, topics, since)
        found = Account()
        if stored != published or refused:
            found = account(history.packets(), published, keys_of(connection, played), refused)
        for sentence, count in list(sentences(refused).items())[:_SHOWN]:
            progress(f"Rejected, {count} messages: {sentence}")
        return Outcome(published, stored, found, raises_of(connection, played))


def _at(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)
