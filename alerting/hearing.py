"""Who hears of findings and impairments, when, over which channel, and why: a pure function of an occasion and its site's routes.

The client's people hear what they have to act on; the insurer's hear what bears on the risk. A finding's owner hears of it
wherever it stands in the routes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from alerting.routing import Call, Route
from core.occasion import BY_NAME, Occasion, Point, Subject
from core.portfolio import HEARS_FINDINGS, HEARS_IMPAIRMENTS

DEFAULT_CHANNEL: Final = "smtp"  # for who owns a finding: it does not hurry
# The order in which what is due goes out, after `alerting.routing.URGENCY`: a closed valve before a late report.
URGENCY: Final = {
    Point.BEGUN: 1,
    Point.OVERRUN: 1,
    Point.OVERDUE: 2,
    Point.ANSWER_OVERDUE: 2,
    Point.CONCLUSION_OVERDUE: 2,
    **dict.fromkeys(
        (Point.ASSIGNED, Point.RESTORED, Point.FILED, Point.ACKNOWLEDGED, Point.ANSWERED, Point.EXTENDED, Point.SOLVED),
        3,
    ),
    **dict.fromkeys((Point.REOPENED, Point.ASKED, Point.CHANGED), 3),
    **dict.fromkeys((Point.WAITS, Point.LAPSES, Point.APPROVED, Point.REFUSED, Point.ENDED, Point.LAPSED), 3),
}
DIGEST_URGENCY: Final = 3
_RULES: Final = {
    Subject.COMPLAINT: "has to do with the complaint",
    Subject.RATING_REQUEST: "dealt with it, and is asked how it was",
    Subject.TOLD_BACK: "said something, and it was changed",
}
_OF_APPROVAL: Final = dict.fromkeys((Point.WAITS, Point.LAPSES), "may approve what waits for a second person")


def hearers(
    occasion: Occasion, routes: Sequence[Route], owners_channels: Sequence[str], *, now: datetime
) -> list[Call]:
    """The messages about one occasion, the earliest first; one a person, channel and step.

    Steps count from the occasion; what is overdue by `now` is due at once.

    Args:
        routes: of its site, their steps naming only people who may hear of the company.
        owners_channels: over which the finding's owner, who sees to the occurrence, or who is told by name can be reached.
    """
    if occasion.subject in BY_NAME:
        return _by_name(occasion, owners_channels, now)
    calls: dict[tuple[int, int, str], Call] = {}
    for call in [*_to_owner(occasion, owners_channels), *_by_route(occasion, routes)]:
        calls.setdefault((call.position, call.person_id, call.channel), replace(call, at=max(call.at, now)))
    return sorted(calls.values(), key=lambda call: (call.at, call.position, call.person_id, call.channel))


def _to_owner(occasion: Occasion, channels: Sequence[str]) -> list[Call]:
    if occasion.owner_id is None or occasion.point not in (Point.ASSIGNED, Point.OVERDUE):
        return []
    channel = _quiet_channel(channels)
    rule = "sees to the occurrence" if occasion.subject is Subject.OCCURRENCE else "owner of the finding"
    return [Call(occasion.at, 0, occasion.owner_id, channel, "client", rule)]


def _by_name(occasion: Occasion, channels: Sequence[str], now: datetime) -> list[Call]:
    if occasion.owner_id is None:
        return []
    rule = _RULES.get(occasion.subject) or _OF_APPROVAL.get(occasion.point, "proposed it")
    if occasion.step:
        rule = f"{rule}, step {occasion.step}"
    return [
        Call(max(occasion.at, now), occasion.step, occasion.owner_id, _quiet_channel(channels), occasion.audience, rule)
    ]


def _quiet_channel(channels: Sequence[str]) -> str:
    return DEFAULT_CHANNEL if DEFAULT_CHANNEL in channels or not channels else min(channels)


def _by_route(occasion: Occasion, routes: Sequence[Route]) -> list[Call]:
    word = HEARS_FINDINGS if occasion.subject is Subject.FINDING else HEARS_IMPAIRMENTS
    return [
        Call(
            occasion.at + timedelta(seconds=step.after_s),
            step.position,
            step.person_id,
            step.channel,
            route.audience,
            f"route {route.key} ({route.audience}), step {step.position}: hears {word}",
        )
        for route in routes
        if word in route.hears and concerns(occasion, route.audience)
        for step in route.steps
        if step.person_id is not None
    ]


def concerns(occasion: Occasion, audience: str) -> bool:
    """Whether one side is told: the client of what it has to act on, the insurer of what bears on the risk.

    >>> at = datetime(2026, 3, 1)
    >>> concerns(Occasion(Subject.IMPAIRMENT, Point.BEGUN, 5, 1, 1, at), "client")
    False
    """
    if occasion.point is Point.OVERDUE:
        return audience == "client" or occasion.major
    if occasion.subject is Subject.IMPAIRMENT:
        return audience == "insurer" or occasion.point is Point.OVERRUN
    return False
