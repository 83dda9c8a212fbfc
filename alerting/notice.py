"""Messages about what is no alarm, as they are claimed: a finding, an impairment, an occurrence given to somebody, a day's digest, a week,
a backlog, a person who is cut off, a storm. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alerting.backlog import Backlog
from alerting.delivery import Envelope
from alerting.digest import Tally
from alerting.weekly import Week
from core.occasion import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed(Envelope):
    """A message about something at one site: where it is, in both languages.

    Args:
        zone: None where it is about the whole site.
    """

    company: str
    company_zh: str
    site: str
    site_zh: str
    time_zone: str
    zone: str | None
    zone_zh: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingNotice(Placed):
    """A finding that has been assigned or is overdue, as it stands at this moment.

    Args:
        title: in people's words; the insurer does not read it.
        graded: a named person has graded it; else the grade is suspected.
        deadline: until when it is to be put right; None: nobody has put it in hand.
    """

    event: str
    finding_id: int
    title: str
    grade: str
    graded: bool
    state: str
    owner_id: int | None
    deadline: datetime | None

    def settled(self) -> str | None:
        """It is verified, has another owner, or more time. That somebody says it is done stops no clock (risk/finding.py)."""
        if self.state == "closed":
            return "closed"
        if self.event == Point.ASSIGNED:
            if self.state == "claimed_done":
                return "reported as done"
            return "assigned to somebody else" if self.owner_id != self.person_id else None
        if self.deadline is None:
            return None if self.grade == "major" else "general, and not put in hand yet"
        return "extended" if self.deadline > self.onset else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpairmentNotice(Placed):
    """A protection that is out of service, is so for longer than expected, or works again, as it stands at this moment.

    Args:
        kind: which protection, one of the table's words.
        what: in people's words; the insurer does not read it.
    """

    event: str
    impairment_id: int
    kind: str
    what: str
    began_at: datetime
    expected_until: datetime
    restored_at: datetime | None

    def settled(self) -> str | None:
        """It works again, or is expected back later than was said."""
        if self.event == Point.RESTORED:
            return None
        if self.restored_at is not None:
            return "restored"
        if self.event == Point.OVERRUN and self.expected_until > self.onset:
            return "extended"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentNotice(Placed):
    """An occurrence that somebody else has given to this person, as it stands at this moment.

    Args:
        by: who gave it to them; None: their name is not known any more.
    """

    occurrence_id: int
    title: str
    title_zh: str
    sensor: str
    sensor_zh: str
    priority: str
    began_at: datetime
    by: str | None
    assignee_id: int | None
    resolved_at: datetime | None

    def settled(self) -> str | None:
        """It is resolved, or somebody else sees to it by now."""
        if self.resolved_at is not None:
            return "resolved"
        return "assigned to somebody else" if self.assignee_id != self.person_id else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestNotice(Envelope):
    """What a day brought at the companies one of the insurer's people looks after."""

    tally: Tally

    def settled(self) -> str | None:
        """The past stays as it is."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyNotice(Envelope):
    """How the alarms went in a week at the sites of one duty position, or at those one of the insurer's people looks after."""

    week: Week

    def settled(self) -> str | None:
        """The past stays as it is."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogNotice(Envelope):
    """Which alarms a gateway's backlog brought, of which nobody was called."""

    backlog: Backlog

    def settled(self) -> str | None:
        """The past stays as it is."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class StormNotice(Envelope):
    """A digest of a storm at a site: what of it calls nobody by itself, told together.

    Args:
        event: "begun", "going_on" or "ended".
        storm_id: of the storm; alarms: how many it has had.
        told: messages to this person that its digests told of before.
        every_s: how often one comes.
    """

    event: str
    storm_id: int
    storm_began_at: datetime
    storm_ended_at: datetime | None
    alarms: int
    told: int
    every_s: float
    site_key: str
    site: str
    site_zh: str
    time_zone: str

    @property
    def alone(self) -> bool:
        """It is a message of many itself."""
        return True

    @property
    def loud(self) -> bool:
        """What waits in it may be high."""
        return True

    def settled(self) -> str | None:
        """A digest that says how it goes on is overtaken by the end, which has one of its own."""
        return "the storm is over" if self.event == "going_on" and self.storm_ended_at is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreachableNotice(Envelope):
    """That a person whom a route names can be reached by nothing any more.

    Args:
        person: their name; None where the reader may not know it.
        company: None for one of the insurer's own people.
        broken: (channel, why it does not lead to them); the channel is None where there is no address at all.
    """

    person: str | None
    company: str | None
    company_zh: str | None
    broken: tuple[tuple[str | None, str], ...]

    def settled(self) -> str | None:
        """It was so when it was written; who reads it sees whether it still is."""
        return None
