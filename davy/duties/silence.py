"""Joins who knows that a detector is silent (alerting) with who opens findings (risk): a patient duty."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import yaml
from psycopg import Connection

from alerting.store.silence import SilentSensor, heard_mandatory, silent_mandatory
from core.errors import BadSetting
from core.i18n import translations
from risk.silence import Silence, look

PACK = "findings.yaml"
LONGEST_TITLE = 200  # characters, as finding.title


def look_for_silent_detectors(connection: Connection[Any], now: datetime) -> None:
    """Opens a suspected major finding for every mandatory detector that has been silent for longer than the pack says."""
    silences = [_silence(sensor) for sensor in silent_mandatory(connection)]
    look(connection, silences, heard_mandatory(connection), now, patience())


@cache
def patience() -> timedelta:
    """How long a mandatory detector may be silent before that is a finding, as packs/findings.yaml says, with its reason.

    Raises:
        BadSetting: the pack states no such number.
    """
    stated = yaml.safe_load(resources.files("packs").joinpath(PACK).read_text("utf-8"))
    hours = stated.get("silent_detector", {}).get("after_h") if isinstance(stated, dict) else None
    if not isinstance(hours, int | float) or isinstance(hours, bool) or hours <= 0:
        raise BadSetting(f"packs/{PACK}: silent_detector.after_h is {hours!r}; it must be a number of hours above 0.")
    return timedelta(hours=hours)


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
