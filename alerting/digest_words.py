"""What the daily digest says: a paragraph a company that has something to say, a line a subject, counts only."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal

from alerting.digest import CompanyTally, eventful
from alerting.notice import DigestNotice
from alerting.reader import Fields, Reader
from core.occasion import Subject


class DigestWords:
    """One digest in one language."""

    def __init__(self, notice: DigestNotice) -> None:
        self.of = notice
        self.reader = Reader(notice.language)
        self._ = self.reader.gettext
        self._telling = eventful(notice.tally.companies)

    def subject(self) -> str:
        tally = self.of.tally
        until = tally.until.astimezone(ZoneInfo(tally.time_zone))
        day = format_datetime(until, "yyyy-MM-dd", locale=self.reader.locale)
        parts = {"day": day, "count": len(self._telling), "all": len(tally.companies)}
        return self._("[Daily digest] %(day)s: something to report at %(count)s of %(all)s companies") % parts

    def brief(self) -> str:
        """The subject: it has numbers only."""
        return self.subject()

    def lines(self) -> tuple[str, ...]:
        _, tally = self._, self.of.tally
        period = {
            "since": self.reader.instant(tally.since, tally.time_zone),
            "until": self.reader.instant(tally.until, tally.time_zone),
        }
        quiet = [self._name(company) for company in tally.companies if not company.says_something]
        told = [_("From %(since)s to %(until)s.") % period, ""]
        for company in self._telling:
            told += [self._name(company), *(f"- {line}" for line in self._of_company(company)), ""]
        if quiet:
            told += [_("Nothing to report: %(companies)s") % {"companies": ", ".join(quiet)}, ""]
        return (*told, _("More in Davy:"))

    def _name(self, company: CompanyTally) -> str:
        return self.reader.own(company.company, company.company_zh)

    def _of_company(self, of: CompanyTally) -> Iterator[str]:
        _ = self._
        if of.occurrences:
            yield _("Alarms: %(count)s, of which %(life_safety)s of life safety") % {
                "count": of.occurrences,
                "life_safety": of.life_safety,
            }
        yield from self._answered(of)
        if of.unacknowledged:
            yield _("Waiting for an acknowledgement: %(count)s") % {"count": of.unacknowledged}
        if of.findings_new or of.findings_closed:
            yield _("Findings: %(new)s new, %(closed)s closed, %(open)s open") % {
                "new": of.findings_new,
                "closed": of.findings_closed,
                "open": of.findings_open,
            }
        if of.findings_overdue:
            yield _("Findings overdue: %(count)s, of which %(major)s major") % {
                "count": of.findings_overdue,
                "major": of.major_overdue,
            }
        if of.impairments_open or of.impairment_s > 0:
            hours = format_decimal(round(of.impairment_s / 3600, 1), locale=self.reader.locale)
            yield _("Protection out of service: %(open)s at the end, %(hours)s h in this period") % {
                "open": of.impairments_open,
                "hours": hours,
            }
        if of.heard < of.sensors:
            yield _("Sensors heard from: %(heard)s of %(sensors)s") % {"heard": of.heard, "sensors": of.sensors}

    def _answered(self, of: CompanyTally) -> Iterator[str]:
        """How soon, or that too many were not acknowledged for a time to be told."""
        _, half, most = self._, of.answered_p50_s, of.answered_p90_s
        missed = {"unanswered": of.unanswered, "counted": of.counted}
        if half is not None and most is not None:
            yield _("Acknowledged within: %(half)s for half of them, %(most)s for nine in ten") % {
                "half": self.reader.duration(half),
                "most": self.reader.duration(most),
            }
        elif half is not None:
            yield _(
                "Acknowledged within: %(half)s for half of them; more than one in ten were not acknowledged (%(unanswered)s of %(counted)s)"
            ) % {"half": self.reader.duration(half), **missed}
        elif of.counted:
            yield _("More than half were not acknowledged (%(unanswered)s of %(counted)s)") % missed

    def fields(self) -> Fields:
        of = self.of.tally.companies
        return {
            "about": Subject.DIGEST.value,
            "since": self.of.tally.since.isoformat(),
            "until": self.of.tally.until.isoformat(),
            "companies": len(of),
            "occurrences": sum(company.occurrences for company in of),
            "life_safety": sum(company.life_safety for company in of),
            "unacknowledged": sum(company.unacknowledged for company in of),
            "unanswered": sum(company.unanswered for company in of),
            "findings_open": sum(company.findings_open for company in of),
            "findings_overdue": sum(company.findings_overdue for company in of),
            "major_overdue": sum(company.major_overdue for company in of),
            "impairments_open": sum(company.impairments_open for company in of),
        }
