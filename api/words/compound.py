"""What a compound was made of, in sentences: each part with its number and its instants. Pure."""

from __future__ import annotations

from datetime import datetime
from gettext import NullTranslations
from typing import Any

from api.store.compound_evidence import CompoundEvidence, PartEvidence
from api.words.alarms import reading
from api.words.numbers import instant


def parts_told(
    texts: NullTranslations,
    raised: CompoundEvidence,
    language: str,
    locale: str,
    zone: str,
    now: datetime | None = None,
) -> list[tuple[bool, str]]:
    """(whether it counted, its sentence) of each part, in the order they are written."""
    return [(part.counts, _told(texts, part, raised.at, language, locale, zone, now)) for part in raised.parts]


def _told(
    texts: NullTranslations,
    part: PartEvidence,
    at: datetime,
    language: str,
    locale: str,
    zone: str,
    now: datetime | None,
) -> str:
    _ = texts.gettext
    fired: Any = part  # its unit and detector are all that `reading` asks for
    words = {
        "part": part.name_zh if language == "zh" else part.name,
        "sensor": part.sensor_name_zh if language == "zh" else part.sensor_name,
        "value": reading(texts, fired, part.value, locale),
        "limit": f"{'≤' if part.direction == 'low' else '≥'} {reading(texts, fired, part.setpoint, locale)}",
        "since": "" if part.began_at is None else instant(part.began_at, zone, now),
        "until": "" if part.ended_at is None else instant(part.ended_at, zone, now),
    }
    if part.began_at is None or part.began_at > at:
        return _("%(part)s: %(sensor)s had not reached %(limit)s") % words
    if part.ended_at is None or part.ended_at > at:
        return _("%(part)s: %(sensor)s, %(value)s (%(limit)s) since %(since)s") % words
    return _("%(part)s: %(sensor)s, beyond %(limit)s from %(since)s to %(until)s, then %(value)s") % words
