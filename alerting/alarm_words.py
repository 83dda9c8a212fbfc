"""What a call for an alarm says: to the client's people seconds, place and instructions; to the insurer's only what concerns them.

The insurer's text has no live value, no sensor or zone and nobody's name.
"""

from __future__ import annotations

import math
from datetime import datetime

from alerting.alarm import State
from alerting.delivery import Claimed
from alerting.number_words import LASTING, PHRASES, unit_of
from alerting.reader import Fields, Reader
from alerting.routing import is_historic
from core.model import Priority
from core.numbers import quantity
from core.sensor_faults import OF_SENSOR


class AlarmWords:
    """The sentences about one alarm in one language."""

    def __init__(self, claimed: Claimed) -> None:
        self.of = claimed
        self.reader = Reader(claimed.language)
        self._ = self.reader.gettext
        self.historic = is_historic(claimed.onset, claimed.created_at)

    def title(self) -> str:
        return self.own(self.of.title, self.of.title_zh)

    def site(self) -> str:
        return self.own(self.of.site, self.of.site_zh)

    def priority(self) -> str:
        _ = self._
        return {
            Priority.LIFE_SAFETY: _("Life safety"),
            Priority.HIGH: _("High"),
            Priority.MEDIUM: _("Medium"),
            Priority.LOW: _("Low"),
        }[Priority(self.of.priority)]

    def subject(self) -> str:
        said = self._subject()
        if self.of.exercise is not None:  # first of all, where nothing cuts it off
            return self._("EXERCISE, not a real alarm: %(subject)s") % {"subject": said}
        return self._("Replayed data: %(subject)s") % {"subject": said} if self.of.replayed else said

    def _subject(self) -> str:
        _ = self._
        parts = {"priority": self.priority(), "title": self.title(), "site": self.site(), "waited": self._waited()}
        if self.historic:
            return _("[%(priority)s] Learnt %(waited)s late: %(title)s, %(site)s") % parts
        if self.escalated():
            return _("[%(priority)s] Nobody has acknowledged for %(waited)s: %(title)s, %(site)s") % parts
        if self.latched():
            return _("[%(priority)s] Latched, waits for a person: %(title)s, %(site)s") % parts
        if self.holds() or self.of.untold or self.of.again:
            return _("[%(priority)s] Still active after %(waited)s: %(title)s, %(site)s") % parts
        return _("[%(priority)s] %(title)s, %(site)s") % parts

    def for_client(self) -> tuple[str, ...]:
        _ = self._
        of = self.of
        return (
            *self._exercise(),
            self._first_line(),
            *self._missing(),
            *self._how_long(),
            *self._latches(),
            *self._played(),
            *self._drill(),
            *self._effects(),
            *self._of_sensor(),
            _("%(place)s, since %(when)s")
            % {"place": self._listed(self._company(), self.site()), "when": self._since()},
            "",
            _("Possible consequence: %(text)s") % {"text": self.own(of.consequence, of.consequence_zh)},
            _("What to do: %(text)s") % {"text": self.own(of.response, of.response_zh)},
            _("Time to respond: %(time)s") % {"time": self._duration(of.respond_within_s)},
            "",
            *self._exercise(),
            _("Acknowledge, and say what was done:") if self.of.occurrence_id is not None else self._not_yet(),
        )

    def without_login(self, acknowledge_at: str) -> tuple[str, ...]:
        """The reader's own link; none where it is empty."""
        if not acknowledge_at:
            return ()
        return ("", self._("Only to acknowledge, without logging in (yours alone, works once):"), acknowledge_at)

    def for_insurer(self) -> tuple[str, ...]:
        _ = self._
        where = self._listed(self._company(), self.site())
        return (
            *self._exercise(),
            _("%(priority)s: %(title)s. %(place)s.")
            % {"priority": self.priority(), "title": self.title(), "place": where},
            *self._missing(),
            *self._how_long(),
            *self._latches(),
            *self._played(),
            *self._drill(),
            *self._effects(),
            _("Since: %(when)s") % {"when": self._since()},
            "",
            _("The occurrence:") if self.of.occurrence_id is not None else self._no_page_yet(),
        )

    def _effects(self) -> tuple[str, ...]:
        """How many alarms call nobody because this one does."""
        if not self.of.effects:
            return ()
        return (
            self._("%(count)s alarms follow from it: they stand in the list and call nobody by themselves.")
            % {"count": self.of.effects},
        )

    def _of_sensor(self) -> tuple[str, ...]:
        """That nobody is warned by it meanwhile, and that what it shows is no all-clear."""
        if self.of.detector not in OF_SENSOR:
            return ()
        return (
            self._(
                "This is about the sensor itself: until it has been checked, do not rely on it, neither to warn you nor to give the all-clear."
            ),
        )

    def _not_yet(self) -> str:
        """Who reads it must not think that somebody else will see their acknowledgement."""
        return self._(
            "Davy's database is away or behind: this alarm cannot be acknowledged yet. Call by telephone and agree who takes it"
            " on; acknowledge it once it stands in the list of alarms:"
        )

    def _no_page_yet(self) -> str:
        return self._("Davy's database is away or behind: the occurrence has no page yet. The list of occurrences:")

    def place(self) -> str:
        return self._listed(self._company(), self.site(), self._zone(), self._sensor())

    def escalated(self) -> bool:
        return self.of.due_at > self.of.onset

    def holds(self) -> bool:
        """Whether it began long before anybody was called: learnt of late, or shelved till now."""
        return not self.historic and is_historic(self._began(), self.of.onset)

    def latched(self) -> bool:
        """Whether its condition is over, and it stands until a person has acknowledged it."""
        return State(self.of.state) is State.LATCHED_UNACKNOWLEDGED and not self.historic

    def _first_line(self) -> str:
        """What, where, and the number against its limit: what a phone shows of it must be enough."""
        _ = self._
        parts = {
            "priority": self.priority(),
            "title": self.title(),
            "place": self._listed(self._zone(), self._sensor()),
        }
        number = self._number()
        if number is None:
            return _("%(priority)s: %(title)s. %(place)s.") % parts
        return _("%(priority)s: %(title)s. %(place)s: %(number)s.") % {**parts, "number": number}

    def _how_long(self) -> tuple[str, ...]:
        """What is not usual about the time, if anything is."""
        _ = self._
        waited = {"waited": self._waited()}
        if self.historic:
            return (_("This happened %(waited)s before Davy learnt of it: the readings came late.") % waited,)
        if self.escalated():
            return (_("Nobody has acknowledged this alarm for %(waited)s.") % waited,)
        if self.of.again:
            return (
                _("It was acknowledged. It began %(waited)s ago and still holds, so it is announced again.") % waited,
            )
        if self.of.untold:
            told_at = self.reader.instant(self.of.onset, self.of.time_zone)
            return (
                (
                    _(
                        "It began at %(when)s. Davy's database was away or behind: nobody could be told until %(told_at)s."
                    )
                    if self.latched()
                    else _(
                        "Active since %(when)s. Davy's database was away or behind: nobody could be told until %(told_at)s."
                    )
                )
                % {"when": self._since(), "told_at": told_at},
            )
        if self.holds() and not self.latched():
            return (_("It began %(waited)s ago and still holds.") % waited,)
        return ()

    def _latches(self) -> tuple[str, ...]:
        """That it is over, and a person is wanted all the same."""
        if not self.latched():
            return ()
        return (
            self._(
                "The condition has ended, but the alarm is latched: it waits for a person to make sure and acknowledge it."
                " The condition may come back."
            ),
        )

    def _played(self) -> tuple[str, ...]:
        """That the readings say of themselves that they are history. Any device can say so: it is no all-clear."""
        if not self.of.replayed:
            return ()
        return (
            self._(
                "The readings that raised it are marked as history that is being replayed. "
                "If nobody at the plant is replaying anything, treat it as real."
            ),
        )

    def _missing(self) -> tuple[str, ...]:
        """At which leg the daily delivery test stayed away."""
        _ = self._
        if self.of.missing is None:
            return ()
        return (
            {
                "published": _(
                    "The broker did not take the test reading: readings of the plant may not arrive either."
                ),
                "stored": _("The test reading was not stored: readings of the plant may not be judged either."),
                "alarm": _("The test reading is stored and raised no alarm: limits may not be judged."),
                "sent": _("The test alarm came and its message was not sent: nobody may be called."),
                "receipt": _("The test message was sent and its receiver did not take it."),
            }[self.of.missing],
        )

    def _exercise(self) -> tuple[str, ...]:
        """That nothing has happened, and what is wanted all the same: before and after all that reads like the real thing."""
        _ = self._
        if self.of.exercise is None:
            return ()
        if self.of.exercise == "delivery":
            return (_("EXERCISE: the daily delivery test. Nothing has happened, and nobody need do anything."),)
        if self.of.exercise == "roll_call":
            return (
                _(
                    "EXERCISE: nothing has happened. This is a roll call: acknowledge it now, as you would a real alarm."
                ),
            )
        return (
            _(
                "EXERCISE: nothing has happened. What follows is what a real alarm would say. Acknowledge it as you would a real one;"
                " switch nothing and send nobody."
            ),
        )

    def _drill(self) -> tuple[str, ...]:
        """That a drill is announced. A fire may be real in one: it is no all-clear."""
        if not self.of.drill:
            return ()
        return (
            self._(
                "A drill is announced here at this time. Treat this as real unless who leads the drill says otherwise."
            ),
        )

    def _number(self) -> str | None:
        """The number that decided it, against its limit; None where it is not known or says nothing to a person."""
        _ = self._
        of = self.of
        if of.value is None or not math.isfinite(of.value):
            return None
        if of.detector in LASTING:
            parts = {"value": self._duration(of.value), "limit": self._duration(of.setpoint)}
            if of.detector == "stale" and of.by_period:  # the setpoint is the least of all
                return _("no reading for %(value)s, longer than is usual for it") % parts
            return _(LASTING[of.detector]) % parts
        if of.unit == "1" and of.detector == "limit" and of.value in (0, 1) and 0 <= of.setpoint <= 1:
            return None  # a contact: that it is off, or the connection lost, the title says
        unit = unit_of(of.detector, of.unit)
        parts = {
            "value": quantity(of.value, unit, self.reader.locale),
            "limit": quantity(of.setpoint, unit, self.reader.locale),
        }
        if of.detector in PHRASES:
            return _(PHRASES[of.detector]) % parts
        return _("%(value)s, limit %(limit)s") % parts

    def _company(self) -> str:
        return self.own(self.of.company, self.of.company_zh)

    def _zone(self) -> str:
        return self.own(self.of.zone, self.of.zone_zh or self.of.zone) if self.of.zone else ""

    def _sensor(self) -> str:
        return self.own(self.of.sensor, self.of.sensor_zh)

    def _listed(self, *parts: str) -> str:
        return self.reader.listed(*parts)

    def _began(self) -> datetime:
        return self.of.raised_at or self.of.onset

    def _waited(self) -> str:
        """How long ago it began when learnt of, for the past; when called, for what holds; how long nobody answered."""
        of = self.of
        if self.historic:
            return self._duration((of.created_at - of.onset).total_seconds())
        if self.escalated():
            return self._duration((of.due_at - of.onset).total_seconds())
        return self._duration((of.onset - self._began()).total_seconds())

    def _duration(self, seconds: float) -> str:
        return self.reader.duration(seconds)

    def _since(self) -> str:
        return self.reader.instant(self._began(), self.of.time_zone)

    def own(self, english: str | None, chinese: str | None) -> str:
        """A text of the plant in the reader's language."""
        return self.reader.own(english, chinese)


def alarm_fields(claimed: Claimed, words: AlarmWords, link: str) -> Fields:
    """The same for machines; the insurer's have no live value and no place within the site."""
    shared: Fields = {
        "key": claimed.key,
        "occurrence": claimed.occurrence_id,
        "audience": claimed.audience,
        "definition": claimed.definition_key,
        "priority": claimed.priority,
        "title": words.title(),
        "company": words.own(claimed.company, claimed.company_zh),
        "site": words.site(),
        "onset": claimed.onset.isoformat(),
        "step": claimed.step,
        "historic": words.historic,
        "replayed": claimed.replayed,
        "drill": claimed.drill,
        "exercise": claimed.exercise is not None,
        "link": link,
        "database_away": claimed.occurrence_id is None,
        "effects": claimed.effects,
    }
    if claimed.audience == "insurer":
        return shared
    return shared | {
        "place": words.place(),
        "value": claimed.value if claimed.value is not None and math.isfinite(claimed.value) else None,
        "setpoint": claimed.setpoint,
        "unit": claimed.unit if claimed.detector == "limit" else None,
        "consequence": words.own(claimed.consequence, claimed.consequence_zh),
        "response": words.own(claimed.response, claimed.response_zh),
        "respond_within_s": claimed.respond_within_s,
    }
