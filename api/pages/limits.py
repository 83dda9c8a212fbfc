"""Limits (报警限值): those of a site, one of them with every version it had, and the forms that change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response
from psycopg import Connection

from alerting import limit_changes as rules
from alerting.limit_changes import Mistaken
from alerting.limit_lint import lint
from alerting.lint_words import Remark
from alerting.store.limits import LimitInForce, limit_in_force, limits_of_site
from api import typed as read
from api.acts.limits import Do, TypedFields, act, propose
from api.gate import LimitChanger, LimitReader, OurForm
from api.once import FormKey
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import limits as store
from api.visitor import Visitor
from api.web import Here, Web
from api.words.sentences import translated
from api.words.texts import NotFound
from core.errors import Refused
from core.i18n import translations
from core.limit_form import fields_of, typed_of
from core.portfolio import DefinitionRow, SensorRow
from core.sensor_faults import OF_SENSOR
from core.strictness import loosened

router = APIRouter()

Text = Annotated[str, Form()]
MOST_CHOICES: Final = 200  # sensors that are offered to compare with; any other is typed
# Tabs of the list: what people set first; the watch over signals and Davy is long, and seldom changed.
SORTS: Final[dict[str, dict[str, bool]]] = {
    "values": {"of_signals": False},
    "signals": {"of_signals": True},
    "retired": {"retired": True},
}


@router.get("/limits")
def limit_list(web: Here, visitor: LimitReader, site: str = "", of: str = "", after: int = 0) -> Response:
    """The limits of one site: the one asked for, else the first; those on values, on signals, or out of use."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        sites = store.sites(connection)
        chosen = next((each for each in sites if each.key == site), None if site else next(iter(sites), None))
        if chosen is None and sites:
            raise NotFound
        after = max(min(after, 1_000_000), 0)
        of = of if of in SORTS else next(iter(SORTS))
        asked = SORTS[of]
        rows = store.list_limits(connection, chosen.key, **asked, after=after) if chosen else []
        remarks, ids = _remarks(web, visitor, connection, chosen.key) if chosen else ([], {})
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "limits.html",
        frame=frame,
        sites=sites,
        chosen=chosen,
        rows=rows,
        of=of,
        remarks=remarks,
        ids=ids,
        after=after,
        next_after=after + len(rows) if len(rows) == store.PAGE else None,
        many_companies=len({each.company for each in sites}) > 1,
        sees_people=visitor.may(Right.SEE_PEOPLE),
    )


@router.get("/limits/{definition_id}")
def limit_page(web: Here, visitor: LimitReader, definition_id: int) -> Response:
    """One limit."""
    return _show(web, visitor, definition_id)


@router.post("/limits/{definition_id}/changes", dependencies=[OurForm])
def propose_change(
    web: Here,
    visitor: LimitChanger,
    sending: FormKey,
    definition_id: int,
    typed: TypedFields,
    base_version: Text = "",
    reason: Text = "",
    overruling: Text = "",
) -> Response:
    """Proposes a change, and applies it where one person is enough."""
    kept: dict[str, Any] = {"action": "propose", "values": typed, "reason": reason, "overruling": overruling}
    try:
        propose(
            web, visitor, sending, definition_id, base_version=read.number(base_version) or 0, typed=typed, reason=reason,
            overruling=overruling,
        )  # fmt: skip
    except Refused as refused:
        return _refused(web, visitor, definition_id, refused, **kept)
    return RedirectResponse(f"/limits/{definition_id}", 303)


@router.post("/limits/{definition_id}/changes/{change_id}/approve", dependencies=[OurForm])
def approve(web: Here, visitor: LimitChanger, definition_id: int, change_id: int, words: Text = "") -> Response:
    """Applies a proposal."""
    who = visitor.person_id
    return _done(
        web, visitor, definition_id,
        lambda c, now: rules.approve(c, change_id, definition_id=definition_id, person_id=who, now=now, words=words),
        action="approve", words=words,
    )  # fmt: skip


@router.post("/limits/{definition_id}/changes/{change_id}/overrule", dependencies=[OurForm])
def overrule(web: Here, visitor: LimitChanger, definition_id: int, change_id: int, words: Text = "") -> Response:
    """Its proposer says why it should be applied all the same."""
    who = visitor.person_id
    return _done(
        web, visitor, definition_id,
        lambda c, _: rules.overrule(c, change_id, definition_id=definition_id, person_id=who, words=words),
        action="overrule", words=words,
    )  # fmt: skip


@router.post("/limits/{definition_id}/changes/{change_id}/backtest", dependencies=[OurForm])
def ask_backtest(web: Here, visitor: LimitChanger, definition_id: int, change_id: int) -> Response:
    """Has a proposal tried on the site's own history."""
    who = visitor.person_id
    return _done(
        web, visitor, definition_id,
        lambda c, now: rules.ask_backtest(c, change_id, definition_id=definition_id, person_id=who, now=now),
        action="backtest",
    )  # fmt: skip


@router.post("/limits/{definition_id}/changes/{change_id}/settle", dependencies=[OurForm])
def settle(web: Here, visitor: LimitChanger, definition_id: int, change_id: int, words: Text = "") -> Response:
    """Withdraws one's own proposal, refuses another's."""
    who = visitor.person_id
    return _done(
        web, visitor, definition_id,
        lambda c, now: rules.settle(c, change_id, definition_id=definition_id, person_id=who, now=now, words=words),
        action="settle", words=words,
    )  # fmt: skip


def _done(web: Web, visitor: Visitor, definition_id: int, do: Do, **kept: Any) -> Response:
    try:
        act(web, visitor, definition_id, do)
    except Refused as refused:
        return _refused(web, visitor, definition_id, refused, **kept)
    return RedirectResponse(f"/limits/{definition_id}", 303)


def _refused(web: Web, visitor: Visitor, definition_id: int, refused: Refused, **kept: Any) -> Response:
    texts = translations(visitor.language)
    if isinstance(refused, Mistaken):
        wrong = [(name, translated(texts, sentence)) for name, sentence in refused.mistakes]
    else:
        wrong = [("", translated(texts, str(refused)))]
    return _show(web, visitor, definition_id, wrong=wrong, status=409, **kept)


def _show(
    web: Web,
    visitor: Visitor,
    definition_id: int,
    *,
    wrong: list[tuple[str, str]] | None = None,
    status: int = 200,
    **kept: Any,
) -> Response:
    """The page; after a refused act with the sentences that say why, and what was typed."""
    now, sees_people = web.clock(), visitor.may(Right.SEE_PEOPLE)
    with web.acting_for(visitor) as connection:
        found = store.find_limit(connection, definition_id)
        limit = limit_in_force(connection, definition_id)
        if found is None or limit is None:
            raise NotFound
        versions = store.versions_of(connection, definition_id)
        proposals = store.proposals_of(connection, definition_id) if sees_people else []
        standing = rules.standing(connection, limit, now) if sees_people else None
        remarks, _ = _remarks(web, visitor, connection, found.site_key)
        then, _ = _remarks(web, visitor, connection, found.site_key, standing.wanted) if standing else (remarks, {})
        judged = rules.judged(standing.change.proposed) if standing else {}
        trial = store.trial_of(connection, found.site_key, found.key, judged) if judged else None
        beside = rules.neighbours(connection, limit) if visitor.may(Right.CHANGE_LIMITS) else {}
        frame = frame_of(connection, now)
    may_change = visitor.may(Right.CHANGE_LIMITS) and not limit.is_own
    return person_page(
        web,
        visitor,
        "limit.html",
        frame=frame,
        status=status,
        d=found,
        versions=_numbered(versions, found.version),
        open_change=next((each for each in proposals if each.state == "proposed"), None),
        closed=[each for each in proposals if each.state != "proposed"],
        standing=standing,
        remarks=[each for each in remarks if each.limit == found.key],
        new_remarks=[each for each in then if each not in remarks],
        trial=trial,
        may_try=bool(judged) and "retired" not in judged and (trial is None or trial.state in ("done", "failed")),
        looser=bool(standing and loosened(limit.row, standing.wanted, limit.last)),
        sees_people=sees_people,
        may_change=may_change,
        fields=fields_of(limit.row) if may_change else (),
        choices=_comparable(limit, beside),
        values={**typed_of(limit.row), **kept.get("values", {})},
        wrong=wrong or [],
        typed={"action": "", "reason": "", "overruling": "", "words": "", **kept},
        two_people=_needs_two(limit),
        fault_of_life=limit.on_life and limit.row.detector in OF_SENSOR,
    )


def _comparable(limit: LimitInForce, beside: Mapping[str, SensorRow]) -> dict[str, SensorRow]:
    """What a limit may be compared with, by `device/sensor`: those of its own device first."""
    own = f"{limit.row.device}/{limit.row.sensor}"
    fits = [
        place
        for place, each in beside.items()
        if place != own and each.unit == limit.sensor.unit and not each.retired and not each.is_virtual
    ]
    fits.sort(key=lambda place: (beside[place].device != limit.row.device, place))
    return {place: beside[place] for place in fits[:MOST_CHOICES]}


def _remarks(
    web: Web, visitor: Visitor, connection: Connection[Any], site: str, wanted: DefinitionRow | None = None
) -> tuple[list[Remark], dict[str, int]]:
    """What there is to mend in the limits of a site, and the limits' ids; who hears, only for who may know people.

    Args:
        wanted: a limit as it would be, in the place of the one in force.
    """
    portfolio, ids = limits_of_site(connection, site)
    if wanted is not None:
        same = [wanted if each.key == wanted.key else each for each in portfolio.definitions]
        portfolio = replace(portfolio, definitions=same)
    return lint(portfolio, web.limits().packs, with_routes=visitor.may(Right.SEE_PEOPLE)), ids


def _needs_two(limit: LimitInForce) -> bool:
    return limit.row.priority == "life-safety" or limit.for_life


def _numbered(versions: list[store.Version], newest: int) -> list[tuple[int, store.Version]]:
    """Each with the version it began: that rises where what is judged by changed."""
    found = []
    for each in versions:
        found.append((newest, each))
        newest -= each.old is None or any(name in DefinitionRow.judging for name in each.new or {})
    return found
