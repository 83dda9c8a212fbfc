"""A mandatory detector that is silent for long is a hazard, not a device fault: Davy opens a suspected major finding.

One for each silence, not one an hour. When the detector speaks again that is written down and the finding stays: nobody has
said yet what it was. Who knows of silence is alerting; davy/duties/silence.py brings the two together.

Source: 工贸企业重大事故隐患判定标准 (应急管理部令第10号, in force 2023-05-15) lists missing detection itself as a major
hidden danger, see reference/domain.md 1.3; not verified against its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from risk.finding import Grade
from risk.findings import write
from risk.store import findings as store
from risk.store.findings import Reported, SilentFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A mandatory detector from which nothing comes at this moment.

    Args:
        since: when its alarm, or that of the gateway before it, was raised.
        occurrence_id: of that alarm.
        title, title_zh: what the finding is called.
    """

    company_id: int
    site_id: int
    zone_id: int | None
    sensor_id: int
    occurrence_id: int | None
    since: datetime
    title: str
    title_zh: str


def look(
    connection: Connection[Any],
    silences: Sequence[Silence],
    heard: Mapping[int, datetime],
    now: datetime,
    patience: timedelta,
) -> None:
    """Opens what must be opened and writes down who speaks again. Doing it again at once changes nothing.

    Args:
        silences: all detectors that are silent now, for however long.
        heard: by sensor, when its newest reading was made, where that is usable. No alarm alone says nothing: a gateway that
            comes back ends its own alarm before its sensors have spoken.
        patience: how long a silence may last before it is a finding.
    """
    store.take_turns(connection, "silences")
    opened = {finding.sensor_id: finding for finding in store.open_silences(connection)}
    silent = {silence.sensor_id: silence for silence in silences}
    long = {silence.sensor_id: silence for silence in silences if now - silence.since >= patience}
    excused = store.excused(connection, sorted(long), now, patience)
    for sensor_id, silence in sorted(long.items()):
        finding = opened.get(sensor_id)
        if finding is None and sensor_id not in excused:
            _open(connection, silence, now)
    for sensor_id, finding in opened.items():
        if sensor_id in silent:
            if finding.speaks:
                since = silent[sensor_id].since.isoformat()
                _note(connection, finding, now, {"speaks": False, "silent_since": since})
        elif not finding.speaks and sensor_id in heard and heard[sensor_id] > finding.silent_since:
            _note(connection, finding, now, {"speaks": True})


def _open(connection: Connection[Any], silence: Silence, now: datetime) -> None:
    row = Reported(
        company_id=silence.company_id,
        site_id=silence.site_id,
        zone_id=silence.zone_id,
        source="silent_detector",
        occurrence_id=silence.occurrence_id,
        sensor_id=silence.sensor_id,
        title=silence.title,
        title_zh=silence.title_zh,
        grade=Grade.MAJOR,
        reported_by=None,
    )
    new = {"grade": Grade.MAJOR, "speaks": False, "silent_since": silence.since.isoformat()}
    write(connection, row, now, new=new)


def _note(connection: Connection[Any], finding: SilentFinding, now: datetime, new: dict[str, Any]) -> None:
    store.add_word(connection, finding.company_id, finding.finding_id, now=now, new=new)
    store.notify(connection, finding.company_id)
