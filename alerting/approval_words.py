"""What is said to those who may approve what waits for a second person, and to whoever asked for it. The client's people read their own words."""

from __future__ import annotations

from datetime import datetime

from alerting.approval import ApprovalNotice
from alerting.notice_words import PlacedWords
from alerting.reader import Fields
from core.occasion import Point, Subject


class ApprovalWords(PlacedWords):
    """It waits, lapses before long, or somebody has answered."""

    def __init__(self, notice: ApprovalNotice) -> None:
        super().__init__(notice)
        self.of = notice

    def what(self) -> str:
        """Which of the three, without a word that somebody typed."""
        _ = self._
        return {
            Subject.ORDER: _("alarms out of service"),
            Subject.LIMIT_CHANGE: _("change of a limit"),
            Subject.ROUTE_CHANGE: _("change of whom a route calls"),
        }[Subject(self.of.subject)]

    def subject(self) -> str:
        _ = self._
        parts = {"what": self.what(), "site": self.site()}
        return {
            Point.WAITS: _("[Waits for a second person] %(what)s, %(site)s"),
            Point.LAPSES: _("[Lapses unanswered before long] %(what)s, %(site)s"),
            Point.APPROVED: _("[What you asked for: approved] %(what)s, %(site)s"),
            Point.REFUSED: _("[What you asked for: refused] %(what)s, %(site)s"),
            Point.ENDED: _("[What you asked for: ended by somebody else] %(what)s, %(site)s"),
            Point.LAPSED: _("[What you asked for: lapsed, nobody answered] %(what)s, %(site)s"),
        }[Point(self.of.event)] % parts

    def brief(self) -> str:
        """The subject: nobody typed it."""
        return self.subject()

    def lines(self) -> tuple[str, ...]:
        _, of = self._, self.of
        about = {"title": self.reader.own(of.title, of.title_zh), "more": of.alarms - 1, "place": self.place()}
        first = _("%(title)s and %(more)s more. %(place)s.") if of.alarms > 1 else _("%(title)s. %(place)s.")
        asked = {"when": self._when(of.asked_at), "reason": self._typed(of.reason)}
        asks = self.of.event in (Point.WAITS, Point.LAPSES)
        if asks and of.asked is not None:
            said = _("Asked for by %(who)s on %(when)s: %(reason)s") % {**asked, "who": self._typed(of.asked)}
        else:
            said = _("Asked for on %(when)s: %(reason)s") % asked
        return (first % about, said, *(self._end() if asks else self._answer()), "", self._what_to_do())

    def _end(self) -> tuple[str, ...]:
        _, of = self._, self.of
        calm = _("Until somebody answers, everything calls as before.")
        if of.lapses_at is None:
            return (calm,)
        return (_("Without an answer it lapses: %(when)s") % {"when": self._when(of.lapses_at)}, calm)

    def _answer(self) -> tuple[str, ...]:
        _, of = self._, self.of
        if of.settled_at is None:
            return (_("Nobody answered before it was over. Everything has called as before."),)
        said = _("Answered on %(when)s.") % {"when": self._when(of.settled_at)}
        if of.settled_by is not None:
            said = _("Answered by %(who)s on %(when)s.") % {
                "who": self._typed(of.settled_by),
                "when": self._when(of.settled_at),
            }
        return (said, *([_("Their words: %(words)s") % {"words": self._typed(of.answer)}] if of.answer else []))

    def _what_to_do(self) -> str:
        _ = self._
        if self.of.event in (Point.WAITS, Point.LAPSES):
            return _("Look at it, and approve it or say why not:")
        return _("What became of it:")

    def _when(self, at: datetime) -> str:
        return self.reader.instant(at, self.of.time_zone)

    def _typed(self, text: str) -> str:
        return self.reader.own(text, text)

    def fields(self) -> Fields:
        of = self.of
        return {
            "about": of.subject,
            "event": of.event,
            "number": of.number,
            "title": self.reader.own(of.title, of.title_zh),
            "asked_at": of.asked_at.isoformat(),
            "lapses_at": None if of.lapses_at is None else of.lapses_at.isoformat(),
            **self.shared_fields(),
        }
