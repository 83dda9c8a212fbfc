"""What is said to somebody to whom another person has given an occurrence. It is no call: who is to act on the alarm is called by its
route."""

from __future__ import annotations

from alerting.notice import AssignmentNotice
from alerting.notice_words import PlacedWords
from alerting.reader import Fields
from core.occasion import Point, Subject


class AssignmentWords(PlacedWords):
    """An occurrence that is somebody's to see to from now on."""

    def __init__(self, notice: AssignmentNotice) -> None:
        super().__init__(notice)
        self.of = notice

    def title(self) -> str:
        return self.reader.own(self.of.title, self.of.title_zh)

    def subject(self) -> str:
        _ = self._
        return _("[Alarm assigned to you] %(title)s, %(site)s") % {"title": self.title(), "site": self.site()}

    def brief(self) -> str:
        """The subject: what alarm it is and where, and nobody's name."""
        return self.subject()

    def lines(self) -> tuple[str, ...]:
        _, of = self._, self.of
        sensor = self.reader.own(of.sensor, of.sensor_zh)
        told = [
            _("%(title)s: %(sensor)s. %(place)s.") % {"title": self.title(), "sensor": sensor, "place": self.place()},
            _("Began: %(when)s") % {"when": self.reader.instant(of.began_at, of.time_zone)},
        ]
        if of.by is not None:
            told.append(_("Given to you by: %(who)s") % {"who": self.reader.own(of.by, of.by)})
        return (*told, "", _("See to it, and resolve it with what was done:"))

    def fields(self) -> Fields:
        of = self.of
        return {
            "about": Subject.OCCURRENCE.value,
            "event": Point.ASSIGNED.value,
            "occurrence": of.occurrence_id,
            "priority": of.priority,
            "began_at": of.began_at.isoformat(),
            "title": self.title(),
            "place": self.place(),
            **self.shared_fields(),
        }
