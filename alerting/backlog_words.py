"""What the message about a backlog says: from which gateway, how many alarms between when, the worst first."""

from __future__ import annotations

from datetime import datetime

from alerting.backlog import NAMES, Backlog, Kind
from alerting.notice import BacklogNotice
from alerting.reader import Fields, Reader
from core.model import Priority
from core.occasion import Subject


class BacklogWords:
    """One backlog in one language."""

    def __init__(self, notice: BacklogNotice) -> None:
        self.of: Backlog = notice.backlog
        self.reader = Reader(notice.language)
        self._ = self.reader.gettext

    def subject(self) -> str:
        parts = {"times": self.of.times, "device": self.of.device, "site": self._site()}
        return self._("[Learnt late] %(times)s alarms from gateway %(device)s, %(site)s") % parts

    def brief(self) -> str:
        """The subject: names of devices and sites, and a number."""
        return self.subject()

    def lines(self) -> tuple[str, ...]:
        _, of = self._, self.of
        late = _(
            "Gateway %(device)s at %(site)s sent at %(learnt)s what it had measured before: %(times)s alarms from %(since)s to %(until)s."
        ) % {
            "device": of.device,
            "site": self._site(),
            "learnt": self._instant(of.learnt_at),
            "times": of.times,
            "since": self.reader.instant(of.first_at, of.time_zone),
            "until": self.reader.instant(of.last_at, of.time_zone),
        }
        told = [
            late,
            _(
                "Davy learnt of them more than 15 minutes late, so nobody was called when they began. Life safety was told at once, with how late it was, and what still held when it was learnt was called then."
            ),
            "",
            *(f"- {self._kind(kind)}" for kind in of.kinds[:NAMES]),
        ]
        if len(of.kinds) > NAMES:
            told.append("- " + _("and %(n)s other alarms") % {"n": len(of.kinds) - NAMES})
        return (*told, "", _("The gateway, its gaps and its curves; the occurrences stand in the list of alarms:"))

    def _kind(self, kind: Kind) -> str:
        return self._("%(priority)s: %(alarm)s, %(times)s×, last at %(when)s") % {
            "priority": self._priority(kind.priority),
            "alarm": self.reader.own(kind.title, kind.title_zh),
            "times": kind.times,
            "when": self._instant(kind.last_at),
        }

    def _priority(self, priority: str) -> str:
        _ = self._
        return {
            Priority.LIFE_SAFETY: _("Life safety"),
            Priority.HIGH: _("High"),
            Priority.MEDIUM: _("Medium"),
            Priority.LOW: _("Low"),
        }[Priority(priority)]

    def _site(self) -> str:
        return self.reader.own(self.of.site, self.of.site_zh)

    def _instant(self, at: str) -> str:
        return self.reader.instant(datetime.fromisoformat(at), self.of.time_zone)

    def fields(self) -> Fields:
        of = self.of
        return {
            "about": Subject.BACKLOG.value,
            "device": of.device,
            "site": self._site(),
            "since": of.first_at.isoformat(),
            "until": of.last_at.isoformat(),
            "learnt_at": of.learnt_at,
            "alarms": of.times,
            "worst": self.reader.own(of.kinds[0].title, of.kinds[0].title_zh),
            "worst_priority": of.kinds[0].priority,
        }
