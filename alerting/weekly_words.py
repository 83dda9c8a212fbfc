"""What the weekly message says: a paragraph a site, what has changed since the week before, the worst alarms and what could be changed."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal

from alerting.budget import MOST_A_DAY
from alerting.notice import WeeklyNotice
from alerting.reader import Fields, Reader
from alerting.weekly import TELLS_OF, SiteWeek, WorstAlarm
from core.numbers import quantity
from core.occasion import Subject


class WeeklyWords:
    """One week in one language."""

    def __init__(self, notice: WeeklyNotice) -> None:
        self.of = notice
        self.reader = Reader(notice.language)
        self._ = self.reader.gettext
        self._telling = [site for site in notice.week.sites if site.says_something]

    def subject(self) -> str:
        week = self.of.week
        there = ZoneInfo(week.time_zone)
        parts = {
            "since": week.since.astimezone(there).date().isoformat(),
            "alarms": sum(site.announced for site in week.sites),
            "before": sum(site.announced_before for site in week.sites),
        }
        return self._("[Week of %(since)s] %(alarms)s alarms, %(before)s the week before") % parts

    def brief(self) -> str:
        """The subject: it has numbers only."""
        return self.subject()

    def lines(self) -> tuple[str, ...]:
        _, week = self._, self.of.week
        told = [
            _("From %(since)s to %(until)s.")
            % {
                "since": self.reader.instant(week.since, week.time_zone),
                "until": self.reader.instant(week.until, week.time_zone),
            },
            "",
        ]
        for site in self._telling:
            told += [self.reader.own(site.site, site.site_zh), *(f"- {line}" for line in self._of_site(site)), ""]
        quiet = [self.reader.own(each.site, each.site_zh) for each in week.sites if not each.says_something]
        if quiet:
            told += [_("No alarm: %(sites)s") % {"sites": ", ".join(quiet)}, ""]
        return (*told, _("All figures, their targets and where those come from:"))

    def _of_site(self, of: SiteWeek) -> Iterator[str]:
        _ = self._
        yield _("Alarms: %(now)s (%(change)s)") % {
            "now": of.announced,
            "change": self._change(of.announced, of.announced_before),
        }
        yield _("Alarms that called somebody: %(now)s (%(change)s), %(night)s of them at night") % {
            "now": of.told,
            "change": self._change(of.told, of.told_before),
            "night": of.night_calls,
        }
        if of.days_over:
            yield _("More than %(budget)s messages to one person: on %(days)s days, %(most)s on the worst") % {
                "budget": MOST_A_DAY,
                "days": of.days_over,
                "most": of.most_messages,
            }
        if of.against_us:
            yield _("That is a finding against Davy, not against the site: the alarms named here are where to begin.")
        yield _("Figures within their target: %(met)s of %(all)s, %(before)s the week before") % {
            "met": of.met,
            "all": of.judged,
            "before": of.met_before,
        }
        if of.floods_share > 0:
            yield _("Time in alarm flood: %(share)s") % {"share": self._share(of.floods_share)}
        if of.chattering or of.stale:
            yield _("Chattering alarms: %(chattering)s; active for more than 24 h: %(stale)s") % {
                "chattering": of.chattering,
                "stale": of.stale,
            }
        if of.nuisance_share is not None:
            yield _("Resolved as nuisance: %(share)s") % {"share": self._share(of.nuisance_share)}
        if of.answered_p50_s is not None:
            yield _("Half of them were acknowledged within %(half)s; not in time: %(unanswered)s of %(counted)s") % {
                "half": self.reader.duration(of.answered_p50_s),
                "unanswered": of.unanswered,
                "counted": of.counted,
            }
        elif of.counted:
            yield _("More than half were not acknowledged (%(unanswered)s of %(counted)s)") % {
                "unanswered": of.unanswered,
                "counted": of.counted,
            }
        if of.suppressed_hours:
            yield _("Hours under suppression: %(hours)s") % {"hours": self._number(of.suppressed_hours)}
        for worst in of.worst[:TELLS_OF]:
            yield self._worst(worst)

    def _worst(self, of: WorstAlarm) -> str:
        _ = self._
        times = _("%(alarm)s: once") if of.announced == 1 else _("%(alarm)s: %(times)s times")
        told = times % {"alarm": self.reader.own(of.title, of.title_zh), "times": of.announced}
        if of.change is None:
            return told
        if of.change == "mend" or of.now is None or of.then is None:
            return _("%(told)s. Look for the cause.") % {"told": told}
        if of.change == "deadband":
            now, then = quantity(of.now, of.unit, self.reader.locale), quantity(of.then, of.unit, self.reader.locale)
        else:
            now, then = self.reader.duration(of.now), self.reader.duration(of.then)
        what = {"deadband": _("deadband"), "off_delay": _("off-delay"), "on_delay": _("on-delay")}[of.change]
        return _("%(told)s. Try on its history: %(what)s from %(now)s to %(then)s.") % {
            "told": told,
            "what": what,
            "now": now,
            "then": then,
        }

    def _change(self, now: int, before: int) -> str:
        _ = self._
        if now == before:
            return _("as many as the week before")
        way = _("%(n)s more than the week before") if now > before else _("%(n)s fewer than the week before")
        return way % {"n": abs(now - before)}

    def _share(self, share: float) -> str:
        return f"{self._number(100 * share)} %"

    def _number(self, value: float) -> str:
        return str(format_decimal(round(value, 1), locale=self.reader.locale))

    def fields(self) -> Fields:
        week = self.of.week
        return {
            "about": Subject.WEEKLY.value,
            "since": week.since.isoformat(),
            "until": week.until.isoformat(),
            "sites": len(week.sites),
            "announced": sum(site.announced for site in week.sites),
            "announced_before": sum(site.announced_before for site in week.sites),
            "told": sum(site.told for site in week.sites),
            "night_calls": sum(site.night_calls for site in week.sites),
            "chattering": sum(site.chattering for site in week.sites),
            "stale": sum(site.stale for site in week.sites),
        }
