"""What is said of findings and impairments. The client's people read their own words for it; the insurer's people read what
it is, where and since when, and nothing that somebody typed: no names can be in it.
"""

from __future__ import annotations

from typing import Final

from alerting.notice import FindingNotice, ImpairmentNotice, Placed
from alerting.reader import Fields, Reader
from core.occasion import Point, Subject

MAJOR: Final = "major"


class PlacedWords:
    """What all of them say alike."""

    def __init__(self, notice: Placed) -> None:
        self._placed = notice
        self.reader = Reader(notice.language)
        self._ = self.reader.gettext
        self.insurer = notice.audience == "insurer"

    def site(self) -> str:
        return self.reader.own(self._placed.site, self._placed.site_zh)

    def place(self) -> str:
        """Company and site; for the client's people the zone too."""
        of, own = self._placed, self.reader.own
        zone = "" if self.insurer else own(of.zone, of.zone_zh or of.zone)
        return self.reader.listed(own(of.company, of.company_zh), self.site(), zone)

    def escalated(self) -> str | None:
        """For how long it has stood, where this is not the first message; to the minute, as it was due."""
        of = self._placed
        return self.reader.duration((of.due_at - of.onset).total_seconds()) if of.step > 0 else None

    def shared_fields(self) -> Fields:
        of, own = self._placed, self.reader.own
        return {
            "company": own(of.company, of.company_zh),
            "site": self.site(),
            "onset": of.onset.isoformat(),
            "step": of.step,
        }


class FindingWords(PlacedWords):
    """A finding that is somebody's from now on, or was not put right in time."""

    def __init__(self, notice: FindingNotice) -> None:
        super().__init__(notice)
        self.of = notice

    def grade(self) -> str:
        """As a label: a major finding that nobody has graded yet is suspected."""
        _, of = self._, self.of
        if of.grade != MAJOR:
            return _("General finding")
        return _("Major finding") if of.graded else _("Suspected major finding")

    def subject(self) -> str:
        _, of = self._, self.of
        parts = {"grade": self.grade(), "title": self.reader.own(of.title, of.title), "site": self.site()}
        if self.insurer:
            return _("[%(grade)s overdue] %(site)s") % parts
        if of.event == Point.ASSIGNED:
            return _("[Finding assigned to you] %(title)s, %(site)s") % parts
        return _("[%(grade)s overdue] %(title)s, %(site)s") % parts

    def brief(self) -> str:
        """Grade and site: a title is typed, and may name somebody."""
        return self.reader.listed(self.grade(), self.site())

    def lines(self) -> tuple[str, ...]:
        _, of = self._, self.of
        parts = {"grade": self.grade(), "title": self.reader.own(of.title, of.title), "place": self.place()}
        first = _("%(grade)s. %(place)s.") if self.insurer else _("%(grade)s: %(title)s. %(place)s.")
        return (first % parts, *self._deadline(), "", self._what_to_do())

    def _deadline(self) -> tuple[str, ...]:
        _, of = self._, self.of
        if of.deadline is None:
            return (_("Nobody has put it in hand: it has no owner and no deadline."),)
        when = {"when": self.reader.instant(of.deadline, of.time_zone)}
        if of.event == Point.ASSIGNED:
            return (_("To be put right by: %(when)s") % when,)
        told = [_("It was to be put right by: %(when)s") % when]
        if (waited := self.escalated()) is not None:
            told.append(_("It has been overdue for %(waited)s.") % {"waited": waited})
        return tuple(told)

    def _what_to_do(self) -> str:
        _ = self._
        if self.insurer:
            return _("The finding:")
        if self.of.event == Point.ASSIGNED:
            return _("What is to be done, and by when:")
        if self.of.deadline is None:
            return _("Name who is responsible, and settle measures and deadline:")
        if self.of.state == "claimed_done":
            return _("It is said to be done: another person looks and verifies it, or sends it back:")
        return _("Put it right and report it done, or have the deadline extended with a reason:")

    def fields(self) -> Fields:
        of = self.of
        told: Fields = {
            "about": Subject.FINDING.value,
            "event": of.event,
            "finding": of.finding_id,
            "grade": of.grade,
            "graded": of.graded,
            "deadline": None if of.deadline is None else of.deadline.isoformat(),
            **self.shared_fields(),
        }
        return told if self.insurer else {**told, "title": self.reader.own(of.title, of.title), "place": self.place()}


class ImpairmentWords(PlacedWords):
    """A protection that is out of service, is so for too long, or works again."""

    def __init__(self, notice: ImpairmentNotice) -> None:
        super().__init__(notice)
        self.of = notice

    def kind(self) -> str:
        """As it is called in the middle of a sentence: the words of `impairment.kind`."""
        _ = self._
        return {
            "sprinkler_valve": _("sprinkler valve"),
            "fire_pump": _("fire pump"),
            "fire_panel": _("fire alarm panel"),
            "detector_bypass": _("bypassed detector"),
            "gas_suppression": _("gas suppression"),
        }.get(self.of.kind, _("other protection"))

    def subject(self) -> str:
        _ = self._
        parts = {"kind": self.kind(), "site": self.site()}
        return {
            Point.BEGUN: _("[Impairment] Out of service: %(kind)s, %(site)s"),
            Point.OVERRUN: _("[Impairment] Out of service for longer than expected: %(kind)s, %(site)s"),
            Point.RESTORED: _("[Impairment ended] Back in service: %(kind)s, %(site)s"),
        }[Point(self.of.event)] % parts

    def brief(self) -> str:
        """The subject: nobody typed it."""
        return self.subject()

    def lines(self) -> tuple[str, ...]:
        _, of = self._, self.of
        parts = {"kind": self.kind(), "what": self.reader.own(of.what, of.what), "place": self.place()}
        first = _("Impaired: %(kind)s. %(place)s.") if self.insurer else _("Impaired: %(kind)s (%(what)s). %(place)s.")
        return (first % parts, *self._times(), "", self._what_to_do())

    def _times(self) -> tuple[str, ...]:
        _, of, zone = self._, self.of, self.of.time_zone
        since = _("Out of service since: %(when)s") % {"when": self.reader.instant(of.began_at, zone)}
        expected = {"when": self.reader.instant(of.expected_until, zone)}
        if of.event == Point.RESTORED and of.restored_at is not None:
            lasted = self.reader.duration((of.restored_at - of.began_at).total_seconds())
            back = _("Back in service since: %(when)s, after %(lasted)s")
            return since, back % {"when": self.reader.instant(of.restored_at, zone), "lasted": lasted}
        if of.event != Point.OVERRUN:
            return since, _("Expected back: %(when)s") % expected
        told = [since, _("It was expected back: %(when)s") % expected]
        if (waited := self.escalated()) is not None:
            told.append(_("It has been out for %(waited)s longer than expected.") % {"waited": waited})
        return tuple(told)

    def _what_to_do(self) -> str:
        _ = self._
        if self.insurer:
            return _("The impairment:")
        return _("Keep the interim measures up. Restore it and record the proof, or state a new time with a reason:")

    def fields(self) -> Fields:
        of = self.of
        told: Fields = {
            "about": Subject.IMPAIRMENT.value,
            "event": of.event,
            "impairment": of.impairment_id,
            "kind": of.kind,
            "began_at": of.began_at.isoformat(),
            "expected_until": of.expected_until.isoformat(),
            "restored_at": None if of.restored_at is None else of.restored_at.isoformat(),
            **self.shared_fields(),
        }
        return told if self.insurer else {**told, "what": self.reader.own(of.what, of.what), "place": self.place()}
