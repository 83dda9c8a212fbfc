"""What is kept of a night, told on the command line: the same rows and words as the page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from api.second import Seen, read_nights
from api.words.second import agreement, left_out, not_looked_at, unusual
from core.i18n import locale_of, translations
from davy.second.store import Site


@dataclass(frozen=True, slots=True)
class Told:
    """A night as it is kept.

    Args:
        not_looked_at: of its `signals`, that night; missed: the same in a sentence.
        windows: the most unusual first, each with its words.
        left_out: what was not judged, and why.
    """

    site: str
    day: str
    subjects: int
    ranked: int
    signals: int
    not_looked_at: int
    missed: str
    windows: list[dict[str, Any]]
    left_out: list[str]

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a person."""
        head = f"{self.site}, {self.day}: {self.ranked} windows of {self.subjects} signals and machines were ranked."
        found = [
            f"{each['place']}. {each['name']}, {each['from']} to {each['until']}"
            + (f", {each['alarms']} alarms then" if each["alarms"] else ", no alarm then")
            + "".join(f"\n   {sentence}" for sentence in each["sentences"])
            for each in self.windows
        ]
        return [head, *found, *([self.missed] if self.missed else []), *self.left_out]


def told(connection: Connection[Any], site: Site, day: date, language: str) -> Told:
    """The night that is kept of that day."""
    nights, names = read_nights(connection, datetime.now(UTC), site.key, day)
    texts, locale = translations(language), locale_of(language)
    found = nights[0]
    zone = ZoneInfo(site.time_zone)

    def window(seen: Seen) -> dict[str, Any]:
        of = seen.window
        name, machine = (of.sensor_zh, of.asset_zh) if language == "zh" else (of.sensor, of.asset)
        return {
            "place": of.place,
            "kind": of.kind,
            "name": machine if of.kind == "asset" else name,
            "sensor_id": of.sensor_id,
            "asset_id": of.asset_id,
            "from": of.from_at.astimezone(zone).isoformat(),
            "until": of.until_at.astimezone(zone).isoformat(),
            "rank": of.rank,
            "models": of.models,
            "alarms": len(seen.alarms),
            "said": of.said,
            "sentences": [*unusual(texts, of, names, language, locale), agreement(texts, of)],
        }

    return Told(
        site=site.key,
        day=day.isoformat(),
        subjects=found.night.subjects or 0,
        ranked=found.night.windows or 0,
        signals=found.night.signals or 0,
        not_looked_at=found.night.not_looked_at or 0,
        missed=not_looked_at(texts, found.night.signals or 0, found.night.not_looked_at or 0, locale),
        windows=[window(seen) for seen in found.windows],
        left_out=[left_out(texts, each, names, language, locale) for each in found.night.left_out or []],
    )
