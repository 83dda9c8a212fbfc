"""What waits for a second person: who is told that it does, that it lapses before long, and what became of it. Pure.

Three things need two people: alarms that go out of service, a limit, a route. Where they lie in the books they are rows of one view (0033), and
whoever may approve hears of them in one way: once when it waits, once more when it is about to lapse, over the channel that does not hurry and
not in their quiet hours. While it waits people are called as before, so there is nothing to wake anybody for; but a change that
would call them sooner to save lives waits for no morning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from alerting.notice import Placed
from core.occasion import Occasion, Point, Subject

# So long before the end of what was never answered it is told once more; of what is shorter, at half of its time. Half a shift. Ours.
BEFORE_THE_END: Final = timedelta(hours=4)
NEWS_FOR: Final = timedelta(days=1)  # what became of it is told so late at most, as risk/occasions.py has it
_PAGES: Final = {Subject.ORDER: "suppressions", Subject.LIMIT_CHANGE: "limits", Subject.ROUTE_CHANGE: "duty/routes"}
_BECAME: Final = {
    "authorised": Point.APPROVED,
    "applied": Point.APPROVED,
    "refused": Point.REFUSED,
    "ended": Point.ENDED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow:
    """What waits, or has waited until a short while ago.

    Args:
        lapses_at: when it is over, answered or not; None: never.
        waits: for a second person and nothing else; whether it has lapsed is not in it.
        guards_life: it would call people sooner to save lives.
        outcome: "authorised", "applied", "refused", "withdrawn" or "ended"; None: nobody has settled it.
        approvers: who may approve it, but for whoever asked.
    """

    subject: str
    number: int
    company_id: int
    site_id: int
    asked_by: int
    asked_at: datetime
    lapses_at: datetime | None
    waits: bool
    guards_life: bool
    outcome: str | None
    settled_at: datetime | None
    settled_by: int | None
    approvers: list[int]


def said_again_at(asked_at: datetime, lapses_at: datetime) -> datetime:
    """When it is told once more that nobody has answered.

    >>> from datetime import UTC
    >>> at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    >>> [str(said_again_at(at, at + timedelta(hours=n)).time()) for n in (2, 24)]
    ['09:00:00', '04:00:00']
    """
    return max(asked_at + (lapses_at - asked_at) / 2, lapses_at - BEFORE_THE_END)


def of_approvals(rows: Iterable[ApprovalRow], now: datetime) -> Iterator[Occasion]:
    """To whom what is to be told. Who settled it themselves knows."""
    for row in rows:
        if row.settled_at is not None:
            point = _BECAME.get(row.outcome or "")
            if point is not None and row.settled_by != row.asked_by and now - row.settled_at < NEWS_FOR:
                yield _occasion(row, point, row.settled_at, row.asked_by)
        elif row.lapses_at is not None and row.lapses_at <= now:
            if now - row.lapses_at < NEWS_FOR:
                yield _occasion(row, Point.LAPSED, row.lapses_at, row.asked_by)
        elif row.waits:
            again_at = None if row.lapses_at is None else said_again_at(row.asked_at, row.lapses_at)
            again_at = None if again_at is None or again_at > now else again_at
            for person_id in row.approvers:
                yield _occasion(row, Point.LAPSES if again_at else Point.WAITS, again_at or row.asked_at, person_id)


def _occasion(row: ApprovalRow, point: Point, about: datetime, reader: int) -> Occasion:
    return Occasion(
        Subject(row.subject), point, row.number, row.company_id, row.site_id, about, owner_id=reader, by_day=not row.guards_life
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalNotice(Placed):
    """What waits for a second person, or what became of it, as it stands at this moment.

    Args:
        page: number in the address of its page.
        title: of the first alarm, or the route's key; alarms: how many an order names.
        asked, settled: names of who asked and who settled it; None: not known any more.
        reason, answer: in people's words.
    """

    event: str
    subject: str
    number: int
    page: int
    title: str
    title_zh: str
    alarms: int
    asked: str | None
    asked_at: datetime
    reason: str
    lapses_at: datetime | None
    waits: bool
    settled_by: str | None
    settled_at: datetime | None
    answer: str

    @property
    def path(self) -> str:
        """Where one answers."""
        return f"{_PAGES[Subject(self.subject)]}/{self.page}"

    def settled(self) -> str | None:
        """Somebody has answered, or it waits for nobody any more."""
        if self.event not in (Point.WAITS, Point.LAPSES):
            return None
        if self.settled_at is not None:
            return "answered"
        return None if self.waits else "it waits for no second person any more"

    def overtaken(self, now: datetime) -> str | None:
        """What has lapsed is asked of nobody; what is told once more is told in that message."""
        if self.lapses_at is None or self.event not in (Point.WAITS, Point.LAPSES):
            return None
        if now >= self.lapses_at:
            return "lapsed"
        again = self.event == Point.WAITS and now >= said_again_at(self.asked_at, self.lapses_at)
        return "told once more instead" if again else None
