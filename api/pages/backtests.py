"""Back-tests: the form, how far one is, and what came of it beside what is in force."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query
from fastapi.responses import RedirectResponse, Response

from api import typed
from api.acts import backtests as acts
from api.backtest_picture import picture
from api.gate import BacktestAsker, BacktestReader, OurForm
from api.once import FormKey
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import backtests as store
from api.visitor import Visitor
from api.web import Here, Web
from api.words.backtests import COUNTS, FIELDS, SIGNS
from api.words.sentences import translated
from api.words.texts import NotFound
from core.errors import Refused
from core.i18n import translations

router = APIRouter()

Text = Annotated[str, Form(max_length=100)]
Asked = Annotated[str, Query(max_length=100)]
NUMBERS: Final = ("setpoint", "deadband", "on_delay_s", "off_delay_s", "votes", "votes_of")
USUAL: Final = timedelta(days=7)  # of raw readings, which are kept at least so long
GOING: Final = ("waiting", "running")


@router.get("/backtests")
def backtest_list(
    web: Here,
    visitor: BacktestReader,
    definition: int | None = None,
    deadband: Asked = "",
    on_delay_s: Asked = "",
    off_delay_s: Asked = "",
) -> Response:
    """The newest first, and the form for another one.

    Args:
        definition: that is chosen in the form.
        deadband, on_delay_s, off_delay_s: that stand in it, as what is proposed for a nuisance comes here.
    """
    return _list(
        web,
        visitor,
        limit=str(definition or ""),
        deadband=deadband,
        on_delay_s=on_delay_s,
        off_delay_s=off_delay_s,
    )


@router.post("/backtests", dependencies=[OurForm])
def ask(
    web: Here,
    visitor: BacktestAsker,
    sending: FormKey,
    limit: Text = "",
    begin: Text = "",
    end: Text = "",
    setpoint: Text = "",
    deadband: Text = "",
    on_delay_s: Text = "",
    off_delay_s: Text = "",
    votes: Text = "",
    votes_of: Text = "",
    priority: Text = "",
) -> Response:
    """The risk process is to try it."""
    filled = {
        "setpoint": setpoint,
        "deadband": deadband,
        "on_delay_s": on_delay_s,
        "off_delay_s": off_delay_s,
        "votes": votes,
        "votes_of": votes_of,
        "priority": priority,
    }
    told = {name: text.strip() for name, text in filled.items() if text.strip()}
    try:
        with web.acting_for(visitor) as connection:
            now = web.clock()
            found = acts.limit_of(connection, typed.number(limit))
            since, until = typed.moment(begin, found.time_zone), typed.moment(end, found.time_zone) or now
            if since is None:
                raise Refused("Say from when until when.")
            proposed = acts.checked(connection, found, told, since, until, now)
            made = acts.ask(connection, visitor, found, proposed, (since, until), now, sending)
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return _list(web, visitor, said, 409, limit=limit, begin=begin, end=end, **filled)
    return RedirectResponse(f"/backtests/{made}", 303)


@router.get("/backtests/{backtest_id}")
def backtest_page(web: Here, visitor: BacktestReader, backtest_id: int) -> Response:
    """One of them: how far it is, or its answer."""
    return _show(web, visitor, backtest_id)


@router.post("/backtests/{backtest_id}/cancel", dependencies=[OurForm])
def cancel(web: Here, visitor: BacktestAsker, backtest_id: int) -> Response:
    """It is not wanted any more."""
    try:
        acts.call_off(web, visitor, backtest_id)
    except Refused as refused:
        return _show(web, visitor, backtest_id, translated(translations(visitor.language), str(refused)), 409)
    return RedirectResponse(f"/backtests/{backtest_id}", 303)


def _list(web: Web, visitor: Visitor, sentence: str | None = None, status: int = 200, **kept: str) -> Response:
    now, may_ask = web.clock(), visitor.may(Right.ASK_BACKTEST)
    with web.acting_for(visitor) as connection:
        rows = store.backtests(connection)
        limits = store.choices(connection) if may_ask else []
        frame = frame_of(connection, now)
    chosen = next((each for each in limits if str(each.definition_id) == kept.get("limit")), None)
    zone = chosen.time_zone if chosen else frame.time_zone
    nothing = {
        "limit": "",
        "priority": "",
        **dict.fromkeys(NUMBERS, ""),
        "begin": _typed(now - USUAL, zone),
        "end": _typed(now, zone),
    }
    return person_page(
        web,
        visitor,
        "backtests.html",
        frame=frame,
        status=status,
        rows=rows,
        limits=limits,
        chosen=chosen,
        NUMBERS=NUMBERS,
        may_ask=may_ask,
        sentence=sentence,
        typed={**nothing, **kept},
        many_companies=visitor.everything,
        going=GOING,
    )


def _show(web: Web, visitor: Visitor, backtest_id: int, sentence: str | None = None, status: int = 200) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = store.backtests(connection, backtest_id)
        frame = frame_of(connection, now)
    if not found:
        raise NotFound
    row = found[0]
    parts: list[dict[str, Any]] = row.result["definitions"] if row.result else []
    return person_page(
        web,
        visitor,
        "backtest.html",
        frame=frame,
        status=status,
        b=row,
        r=row.result,
        part=parts[0] if len(parts) == 1 else None,
        parts=parts,
        drawn=picture(parts[0], row.from_at, row.to_at) if len(parts) == 1 else None,
        incidents=_by_shape(parts[0]) if len(parts) == 1 else [],
        going=row.state in GOING,
        may_cancel=row.state in GOING and row.asked_by_id == visitor.person_id and visitor.may(Right.ASK_BACKTEST),
        may_ask=visitor.may(Right.ASK_BACKTEST),
        sentence=sentence,
        COUNTS=COUNTS,
        FIELDS=FIELDS,
        SIGNS=SIGNS,
        moment=datetime.fromisoformat,
    )


def _by_shape(part: dict[str, Any]) -> list[dict[str, Any]]:
    """A line a shape and size: how often each version tells of it, and how much later the proposal does."""
    each = part["injected"]["each"] if part["injected"] else []
    found = []
    for shape, size in dict.fromkeys((one["shape"], one["size"]) for one in each):
        these = [one for one in each if (one["shape"], one["size"]) == (shape, size)]
        both = [
            one["proposed_s"] - one["in_force_s"] for one in these if None not in (one["proposed_s"], one["in_force_s"])
        ]
        found.append(
            {
                "shape": shape,
                "size": size,
                "times": len(these),
                "in_force": sum(one["in_force_s"] is not None for one in these),
                "proposed": sum(one["proposed_s"] is not None for one in these),
                "later": max(both, default=None),
                "counts": all(one["counts"] for one in these),
            }
        )
    return found


def _typed(at: datetime, zone: str) -> str:
    """As a form's field for a time wants it."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")
