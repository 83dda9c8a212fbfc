"""The JSON API: what can be read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api import chart, cookies
from api.choices import sees_evidence
from api.evidence import Evidence, evidence_of, readings_of, timeline_of
from api.gate import AlarmReader, DeviceReader, OccurrenceReader, ReadingReader, Somebody
from api.permissions import RIGHTS, Right
from api.store import alarms, casework, devices, occurrences, readings
from api.store.compound_evidence import find_compound_evidence
from api.store.model_evidence import ModelEvidence, find_model_evidence
from api.v1 import models
from api.visitor import Visitor
from api.web import Here
from api.words import alarms as wording
from api.words.explanation import explained
from api.words.texts import Answer, NotFound, later
from core.i18n import locale_of, translations
from core.model import COMPOUND

router = APIRouter()

Before = Annotated[int | None, Query(description="The last id of the page before.")]


@router.get("/me")
def me(web: Here, visitor: Somebody) -> models.Me:
    """Who you are, what you may, and the token for calls that change something."""
    return models.Me(
        person_id=visitor.person_id,
        name=visitor.name,
        role=visitor.role,
        company_id=visitor.company_id,
        companies=list(visitor.companies),
        language=visitor.language,
        rights=sorted(RIGHTS[visitor.role]),
        session_ends_at=visitor.expires_at,
        form_token=cookies.form_token(visitor.secret, web.cookie_key),
    )


@router.get("/alarms")
def list_alarms(web: Here, visitor: AlarmReader) -> models.Alarms:
    """Every alarm that is open or suppressed, the worst first."""
    with web.acting_for(visitor) as connection:
        rows = alarms.ask_open_alarms(connection).fetchall()
        count = alarms.count_open(connection) if len(rows) == alarms.MOST else len(rows)
    return models.Alarms(alarms=[models.Alarm.model_validate(row) for row in rows], more=count - len(rows))


@router.get("/occurrences")
def list_occurrences(
    web: Here, visitor: OccurrenceReader, open: bool = False, before: Before = None
) -> list[models.OccurrenceLine]:
    """The newest first, fifty at a time."""
    with web.acting_for(visitor) as connection:
        rows = occurrences.list_occurrences(connection, only_open=open, before=before)
    return [models.OccurrenceLine.model_validate(row) for row in rows]


@router.get("/occurrences/{occurrence_id}")
def read_occurrence(web: Here, visitor: OccurrenceReader, occurrence_id: int) -> models.Occurrence:
    """One occurrence with all that happened to it."""
    with web.acting_for(visitor) as connection:
        found = occurrences.find_occurrence(connection, occurrence_id)
        if found is None:
            raise NotFound
        rows = timeline_of(connection, visitor, found)
        of_compound = find_compound_evidence(connection, occurrence_id) if found.detector == COMPOUND else []
        of_model = find_model_evidence(connection, occurrence_id) if found.sensor_key in wording.SCORES else None
        photos = casework.photos_of(connection, occurrence_id) if visitor.may(Right.SEE_PEOPLE) else []
        seen = casework.seen_by_insurer(connection, occurrence_id)
    evident = sees_evidence(visitor, found)
    made = ("timeline", "why", "model", "compound", "photos", "insurer")
    said: dict[str, Any] = {name: getattr(found, name) for name in models.Occurrence.model_fields if name not in made}
    said["why"], said["model"] = _why(visitor, found, of_model) if evident else (None, None)
    raised = [models.CompoundRaised.model_validate(each) for each in of_compound]
    said["compound"] = raised if evident and found.detector == COMPOUND else None
    said["first_value"] = found.first_value if evident else None
    said["action_taken"] = found.action_taken if evident else None
    return models.Occurrence(
        timeline=[models.Happened.model_validate(row) for row in rows],
        photos=[models.OccurrencePhoto.model_validate(photo) for photo in photos],
        insurer=[models.SeenByInsurer.model_validate(record) for record in seen],
        **said,
    )


def _why(
    visitor: Visitor, found: occurrences.Occurrence, of_model: ModelEvidence | None
) -> tuple[str, models.ModelJudgement | None]:
    texts, locale = translations(visitor.language), locale_of(visitor.language)
    sensor = found.sensor_name_zh if visitor.language == "zh" else found.sensor_name
    why = wording.why(texts, found, sensor, locale)
    if of_model is None:
        return why, None
    judged = models.ModelJudgement.model_validate(of_model)
    judged.sentences = explained(texts, of_model, found, visitor.language, locale)
    return why, judged


@router.get("/occurrences/{occurrence_id}/curve")
def read_curve(web: Here, visitor: OccurrenceReader, occurrence_id: int, other: bool = False) -> models.Curve:
    """The readings around one occurrence, made for drawing; with `other` those of the sensor that a difference compares with."""
    with web.acting_for(visitor) as connection:
        found = occurrences.find_occurrence(connection, occurrence_id)
        evidence = evidence_of(connection, visitor, found, web.clock()) if found else None
    evidence = evidence.other if evidence is not None and other else evidence
    if found is None or evidence is None:
        raise NotFound
    is_limit = found.detector == "limit"
    return _curve(
        evidence,
        unit=found.unit,
        time_zone=found.time_zone,
        began_at=found.began_at.timestamp(),
        limit=found.setpoint if is_limit else None,
        direction=found.direction if is_limit else None,
    )


@router.get("/sensors")
def list_sensors(web: Here, visitor: ReadingReader) -> list[models.Sensor]:
    """All sensors in use with their newest value."""
    with web.acting_for(visitor) as connection:
        return [models.Sensor.model_validate(row) for row in readings.list_sensors(connection)]


@router.get("/sensors/{sensor_id}/readings")
def read_readings(
    web: Here, visitor: ReadingReader, sensor_id: int, since: datetime | None = None, until: datetime | None = None
) -> models.Curve:
    """The readings of one sensor: the last hour, or from `since` to `until`, three years at most; where they are many from minutes, from twenty-five days on from hours, with their extremes."""
    end = _aware(until or web.clock())
    begin = _aware(since or end - timedelta(hours=1))
    if not timedelta(0) < end - begin <= chart.LONGEST_CURVE:
        raise Answer(422, later("The window must begin before it ends and be three years at most."))
    with web.acting_for(visitor) as connection:
        found = readings.list_sensors(connection, sensor_id)
        if not found:
            raise NotFound
        sensor = found[0]
        shown = chart.Window(begin, end, chart.bucket_seconds(begin, end, sensor.period_s))
        of = chart.grain(shown, sensor.period_s, raw=readings.raw_reaches(connection, sensor_id, begin))
        buckets = readings_of(connection, sensor_id, shown, of)
        missing = readings.losses(connection, sensor.device_id, begin, end)
    drawn = chart.curve(buckets, missing, shown, of.period_s(sensor.period_s))
    return _curve(Evidence(shown, buckets, drawn), unit=sensor.unit, time_zone=sensor.time_zone)


@router.get("/devices")
def list_devices(web: Here, visitor: DeviceReader) -> list[models.Device]:
    """All devices and their streams."""
    with web.acting_for(visitor) as connection:
        return [models.Device.model_validate(row) for row in devices.list_devices(connection, web.clock())]


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise Answer(422, later("Times need their offset, such as 2026-11-23T08:00:00Z."))
    if not 1970 <= at.year < 9999:  # at the ends of the calendar an hour more or less is out of it
        raise Answer(422, later("Something in this request is missing or has a wrong form."))
    return at


def _curve(
    evidence: Evidence,
    *,
    unit: str,
    time_zone: str,
    began_at: float | None = None,
    limit: float | None = None,
    direction: str | None = None,
) -> models.Curve:
    drawn = evidence.curve
    return models.Curve.model_validate(
        {
            "unit": unit,
            "time_zone": time_zone,
            "since": evidence.shown.since.timestamp(),
            "until": evidence.shown.until.timestamp(),
            "began_at": began_at,
            "limit": limit,
            "direction": direction,
            "times": drawn.times,
            "low": drawn.low,
            "high": drawn.high,
            "gaps": drawn.gaps,
            "losses": [
                {"since": loss.since.timestamp(), "until": loss.until.timestamp(), "messages": loss.messages}
                for loss in drawn.losses
            ],
        }
    )
