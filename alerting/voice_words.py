"""What is said to those who complain, who answer complaints, who are asked how it was, and whose word changed something.

The insurer's people read in a message what it is about and where, and nothing that somebody typed: that stands on the page.
"""

from __future__ import annotations

from datetime import datetime

from alerting.notice_words import PlacedWords
from alerting.reader import Fields
from alerting.voice_notice import ComplaintNotice, RequestNotice, ToldBackNotice
from core.occasion import Point, Subject


class ComplaintWords(PlacedWords):
    """A complaint on its way."""

    def __init__(self, notice: ComplaintNotice) -> None:
        super().__init__(notice)
        self.of = notice

    def subject(self) -> str:
        _ = self._
        parts = {"number": self.of.complaint_id, "site": self.site()}
        return {
            Point.FILED: _("[Complaint %(number)s] New, and nobody has taken it on: %(site)s"),
            Point.ACKNOWLEDGED: _("[Your complaint %(number)s] It has been taken on: %(site)s"),
            Point.ANSWERED: _("[Your complaint %(number)s] First answer: %(site)s"),
            Point.EXTENDED: _("[Your complaint %(number)s] It takes longer: %(site)s"),
            Point.SOLVED: _("[Your complaint %(number)s] Answered: is it settled? %(site)s"),
            Point.REOPENED: _("[Complaint %(number)s] Opened again: %(site)s"),
            Point.ANSWER_OVERDUE: _("[Complaint %(number)s] First answer overdue: %(site)s"),
            Point.CONCLUSION_OVERDUE: _("[Complaint %(number)s] Conclusion overdue: %(site)s"),
        }[Point(self.of.event)] % parts

    def brief(self) -> str:
        """The subject: nobody typed it."""
        return self.subject()

    def lines(self) -> tuple[str, ...]:
        _, of = self._, self.of
        first = _("Filed: %(when)s. %(place)s.") % {"when": self._when(of.filed_at), "place": self.place()}
        if not self.insurer:
            first = _("%(title)s. %(first)s") % {"title": self.reader.own(of.title, of.title), "first": first}
        return (first, *self._clocks(), "", self._what_to_do())

    def _clocks(self) -> tuple[str, ...]:
        _, of = self._, self.of
        told = []
        if of.owner is not None and of.event in (Point.ACKNOWLEDGED, Point.ANSWERED, Point.EXTENDED, Point.SOLVED):
            told.append(_("Who sees to it at the insurer: %(who)s") % {"who": self.reader.own(of.owner, of.owner)})
        if of.answered_at is None and of.event not in (Point.SOLVED, Point.CONCLUSION_OVERDUE):
            told.append(_("First answer due by: %(when)s") % {"when": self._when(of.answer_due_at)})
        if of.solved_at is None:
            told.append(_("Conclusion due by: %(when)s") % {"when": self._when(of.conclude_due_at)})
        if of.event in (Point.ANSWER_OVERDUE, Point.CONCLUSION_OVERDUE) and (waited := self.escalated()) is not None:
            told.append(_("It has been overdue for %(waited)s.") % {"waited": waited})
        return tuple(told)

    def _what_to_do(self) -> str:
        _, of = self._, self.of
        if self.insurer:
            return _("Take it on, name the cause, and tell the company what is changed:")
        if of.event == Point.SOLVED:
            return _("Say whether it is settled. It is not closed until you do:")
        return _("Your complaint, with all that was said:")

    def _when(self, at: datetime) -> str:
        return self.reader.instant(at, self.of.time_zone)

    def fields(self) -> Fields:
        of = self.of
        return {
            "about": Subject.COMPLAINT.value,
            "event": of.event,
            "complaint": of.complaint_id,
            "state": of.state,
            "answer_due_at": of.answer_due_at.isoformat(),
            "conclude_due_at": of.conclude_due_at.isoformat(),
            **self.shared_fields(),
        }


class RequestWords(PlacedWords):
    """How was it? One tap answers."""

    def __init__(self, notice: RequestNotice) -> None:
        super().__init__(notice)
        self.of = notice

    def title(self) -> str:
        return self.reader.own(self.of.title, self.of.title_zh)

    def subject(self) -> str:
        return self._("[Was it of use?] %(title)s, %(site)s") % {"title": self.title(), "site": self.site()}

    def brief(self) -> str:
        """The place: a title may be typed."""
        return self._("[Was it of use?] %(site)s") % {"site": self.site()}

    def lines(self) -> tuple[str, ...]:
        _, of = self._, self.of
        first = {
            "occurrence": _("You dealt with this alarm: %(title)s. %(place)s."),
            "finding": _("This finding is closed: %(title)s. %(place)s."),
            "impairment": _("This protection is back in service: %(title)s. %(place)s."),
        }.get(of.thing, _("This service was given: %(title)s. %(place)s."))
        return (
            first % {"title": self.title(), "place": self.place()},
            _("Was it of use, and why? One tap. You are asked at most twice a week, and you are told what is changed."),
            "",
            _("Say so here:"),
        )

    def fields(self) -> Fields:
        of = self.of
        return {
            "about": Subject.RATING_REQUEST.value,
            "event": Point.ASKED.value,
            "thing": of.thing,
            "number": of.number,
            "title": self.title(),
            **self.shared_fields(),
        }


class ToldBackWords(PlacedWords):
    """What their word changed."""

    def __init__(self, notice: ToldBackNotice) -> None:
        super().__init__(notice)
        self.of = notice

    def title(self) -> str:
        return self.reader.own(self.of.title, self.of.title_zh)

    def _change(self) -> str:
        _ = self._
        return {
            "limit_changed": _("the limit of this alarm was changed"),
            "limit_retired": _("this alarm was taken away"),
            "route_changed": _("who is told of the site's alarms was changed"),
            "finding_closed": _("the finding was put right and verified"),
            "own_finding_settled": _("the insurer has done something about too many messages"),
        }[self.of.change]

    def subject(self) -> str:
        parts = {"change": self._change(), "title": self.title() or self.site()}
        return self._("[Your word changed something] %(title)s: %(change)s") % parts

    def brief(self) -> str:
        """Without the title: one may be typed."""
        return self._("[Your word changed something] %(site)s") % {"site": self.site()}

    def lines(self) -> tuple[str, ...]:
        _, of = self._, self.of
        when = self.reader.instant(of.said_at, of.time_zone)
        said = _("You complained on %(when)s.") if of.complained else _("You said on %(when)s that it was not of use.")
        changed = {"change": self._change(), "when": self.reader.instant(of.changed_at, of.time_zone)}
        return (
            _("%(title)s. %(place)s.") % {"title": self.title(), "place": self.place()}
            if of.title
            else f"{self.place()}",
            said % {"when": when},
            _("Since then %(change)s: %(when)s.") % changed,
            "",
            _("All that your word changed:"),
        )

    def fields(self) -> Fields:
        of = self.of
        return {
            "about": Subject.TOLD_BACK.value,
            "event": Point.CHANGED.value,
            "change": of.change,
            "title": self.title(),
            "said_at": of.said_at.isoformat(),
            "changed_at": of.changed_at.isoformat(),
            **self.shared_fields(),
        }
