"""Joins who knows that a detector is silent (alerting) with who opens findings (risk): a patient duty."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting.store.silence import SilentSensor, heard_mandatory, silent_mandatory
from core.i18n import translations
from risk.patience import silent_detector
from risk.silence import Silence, look

LONGEST_TITLE = 200  # characters, as finding.title


def look_for_silent_detectors(connection: Connection[Any], now: datetime) -> None:
    """Opens a suspected major finding for every mandatory detector that has been silent for longer than the pack says."""
    silences = [_silence(sensor) for sensor in silent_mandatory(connection)]
    look(connection, silences, heard_mandatory(connection), now, silent_detector())


def _silence(sensor: SilentSensor) -> Silence:
    return Silence(
        company_id=sensor.company_id,
        site_id=sensor.site_id,
        zone_id=sensor.zone_id,
        sensor_id=sensor.sensor_id,
        occurrence_id=sensor.occurrence_id,
        since=sensor.since,
        title=_title("en", sensor.name),
        title_zh=_title("zh", sensor.name_zh),
    )


def _title(language: str, name: str) -> str:
    _ = translations(language).gettext
    return (_("Detector silent for long: %(name)s") % {"name": name})[:LONGEST_TITLE]
