"""Duty (值班): who is on duty now and in the next two weeks, who takes over, what one shift leaves to the next; and one's own wishes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from alerting import duty as acts
from alerting.duty import Wanted
from alerting.preference import IN_QUIET
from alerting.store.duty import reachable
from api import typed
from api.acts.duty import act, read_positions
from api.gate import DutyKeeper, DutyReader, OurForm, Somebody
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import duty as store
from api.visitor import Visitor
from api.web import Here, Web
from api.words.sentences import translated
from api.words.texts import NotFound
from core.errors import Refused
from core.i18n import translations

router = APIRouter()

Text = Annotated[str, Form()]
NOBODY: Final = "nobody"
_NOTHING_TYPED: Final = dict.fromkeys(("form", "person", "begins", "until", "reason", "hand_over", "body", "url"), "")
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?")


@router.get("/duty")
def duty_page(web: Here, visitor: DutyReader) -> Response:
    """Every duty position the visitor may see."""
    return _show(web, visitor)


@router.post("/duty/{roster_id}/take-over", dependencies=[OurForm])
def take_over(
    web: Here,
    visitor: DutyKeeper,
    roster_id: int,
    person: Text = "",
    begins: Text = "",
    until: Text = "",
    reason: Text = "",
) -> Response:
    """Somebody, or nobody, is on duty for a while."""
    kept = {
        "form": "take-over",
        "roster": roster_id,
        "person": person,
        "begins": begins,
        "until": until,
        "reason": reason,
    }

    def do(connection: Any, line: store.RosterLine, now: datetime) -> None:
        ends = typed.moment(until, line.time_zone)
        if ends is None:
            raise Refused("Say until when.")
        acts.take_over(
            connection, roster_id, by=visitor.person_id, person_id=_person(person), ends_at=ends, now=now, reason=reason,
            begins_at=typed.moment(begins, line.time_zone) or now,
        )  # fmt: skip

    return _done(web, visitor, roster_id, do, kept)


@router.post("/duty/{roster_id}/overrides/{override_id}/withdraw", dependencies=[OurForm])
def withdraw(web: Here, visitor: DutyKeeper, roster_id: int, override_id: int) -> Response:
    """The rotation holds again."""
    return _done(
        web, visitor, roster_id,
        lambda connection, _, now: acts.withdraw(connection, roster_id, override_id, by=visitor.person_id, now=now), {},
    )  # fmt: skip


@router.post("/duty/{roster_id}/notes", dependencies=[OurForm])
def leave_note(web: Here, visitor: DutyKeeper, roster_id: int, hand_over: Text = "", body: Text = "") -> Response:
    """What the shift that begins then should know."""
    kept = {"form": "note", "roster": roster_id, "hand_over": hand_over, "body": body}

    def do(connection: Any, _: store.RosterLine, now: datetime) -> None:
        at = _instant(hand_over)
        acts.leave_note(connection, roster_id, by=visitor.person_id, hand_over_at=at, body=body, now=now)

    return _done(web, visitor, roster_id, do, kept)


@router.post("/duty/{roster_id}/calendar", dependencies=[OurForm])
def follow_calendar(web: Here, visitor: DutyKeeper, roster_id: int, url: Text = "", reason: Text = "") -> Response:
    """A calendar of the company's own says who is on duty; none: the rotation alone."""
    kept = {"form": "calendar", "roster": roster_id, "url": url, "reason": reason}
    return _done(
        web, visitor, roster_id,
        lambda connection, _, now: acts.follow(connection, roster_id, by=visitor.person_id, url=url, now=now, reason=reason), kept,
    )  # fmt: skip


@router.get("/preferences")
def preference_page(web: Here, visitor: Somebody, saved: bool = False) -> Response:
    """How the visitor wants to be told."""
    return _preferences(web, visitor, saved=saved)


@router.post("/preferences", dependencies=[OurForm])
def keep_preferences(
    web: Here,
    visitor: Somebody,
    language: Text = "",
    time_zone: Text = "",
    urgent: Annotated[list[str] | None, Form()] = None,
    other: Annotated[list[str] | None, Form()] = None,
    quiet_from: Text = "",
    quiet_until: Text = "",
    quiet_high: Text = "",
    in_quiet: Text = "",
) -> Response:
    """Keeps it; from the next call on."""
    first, second = [each for each in urgent or [] if each], [each for each in other or [] if each]
    kept = {
        "language": language, "time_zone": time_zone, "urgent": first, "other": second,
        "quiet_from": quiet_from, "quiet_until": quiet_until, "quiet_high": bool(quiet_high), "in_quiet": in_quiet,
    }  # fmt: skip
    try:
        begins, ends = _hour(quiet_from), _hour(quiet_until)
        if (begins is None) != (ends is None):
            raise Refused("Quiet hours need both: from when, and until when.")
        wanted = Wanted(
            language=language,
            time_zone=time_zone.strip(),
            urgent=first,
            other=second,
            quiet=None if begins is None or ends is None else (begins, ends),
            quiet_high=bool(quiet_high),
            in_quiet=in_quiet,
        )
        with web.acting_for(visitor) as connection:
            acts.prefer(connection, wanted, by=visitor.person_id, now=web.clock())
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return _preferences(web, visitor, sentence=said, status=409, kept=kept)
    return RedirectResponse("/preferences?saved=1", 303)


def _show(web: Web, visitor: Visitor, sentence: str | None = None, status: int = 200, **kept: Any) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        positions = read_positions(connection, now)
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "duty.html",
        frame=frame,
        status=status,
        positions=positions,
        may_keep=visitor.may(Right.KEEP_DUTY),
        sees_routes=visitor.may(Right.SEE_ROUTES),
        many_companies=len({each.line.company_id for each in positions}) > 1,
        sentence=sentence,
        typed={**_NOTHING_TYPED, "roster": None, **kept},
    )


def _done(web: Web, visitor: Visitor, roster_id: int, do: Any, kept: dict[str, Any]) -> Response:
    try:
        act(web, visitor, roster_id, do)
    except Refused as refused:
        return _show(web, visitor, translated(translations(visitor.language), str(refused)), 409, **kept)
    return RedirectResponse(f"/duty#d{roster_id}", 303)


def _preferences(
    web: Web, visitor: Visitor, *, saved: bool = False, sentence: str | None = None, status: int = 200, kept: Any = None
) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        wishes, channels = store.find_wishes(connection, visitor.person_id), reachable(connection, visitor.person_id)
        frame = frame_of(connection, now)
    if wishes is None:
        raise NotFound
    return person_page(
        web,
        visitor,
        "preferences.html",
        frame=frame,
        status=status,
        channels=channels,
        w=kept or wishes,
        places={name: _padded(kept[name] if kept else getattr(wishes, name), channels) for name in ("urgent", "other")},
        in_quiet=IN_QUIET,
        saved=saved,
        sentence=sentence,
    )


def _padded(chosen: list[str], channels: list[str]) -> list[str]:
    return [*chosen, *[""] * len(channels)][: len(channels)]


def _person(text: str) -> int | None:
    if text == NOBODY:
        return None
    number = typed.number(text)
    if number is None:
        raise Refused("Choose one of the people of this duty position's own side.")
    return number


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused("A note is for a shift that begins now or later.") from error
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _hour(text: str) -> time | None:
    """An hour of the clock; None where nothing was typed.

    >>> _hour("22:00"), _hour(" ")
    (datetime.time(22, 0), None)
    """
    if not text.strip():
        return None
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise Refused(f"The hour {text.strip()[:40]} cannot be read; write it as 22:00.")
    return time(int(found[1]), int(found[2]))
