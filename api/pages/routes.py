"""Routes (通知路线): who is told in which order, whom an alarm now would call, and the form that changes the steps."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from alerting import route_changes as rules
from alerting.store import routes as kept
from api import route_form
from api.acts.routes import Do, act, find, propose
from api.gate import OurForm, RouteChanger, RouteReader
from api.once import FormKey
from api.pages.frame import frame_of, person_page
from api.pages.rotation import TypedFields
from api.permissions import Right
from api.route_form import StepForm
from api.route_look import look
from api.store import routes as store
from api.visitor import Visitor
from api.web import Here, Web
from api.words.routes import told_steps
from api.words.sentences import translated
from api.words.texts import NotFound
from core.errors import Refused
from core.i18n import translations
from core.portfolio import Portfolio, RouteRow
from core.wish import WISHES

router = APIRouter()
Text = Annotated[str, Form()]
_SIDE: Final = "client"


@router.get("/duty/routes")
def route_list(web: Here, visitor: RouteReader, site: str = "") -> Response:
    """The routes of every site that the visitor sees, or of one."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        rows = store.list_routes(connection, site or None)
        frame = frame_of(connection, now)
    if site and not rows:
        raise NotFound
    return person_page(web, visitor, "routes.html", frame=frame, rows=rows)


@router.get("/duty/routes/{route_id}")
def route_page(web: Here, visitor: RouteReader, route_id: int) -> Response:
    """One route."""
    return _show(web, visitor, route_id)


@router.post("/duty/routes/{route_id}/changes", dependencies=[OurForm])
def propose_change(web: Here, visitor: RouteChanger, sending: FormKey, route_id: int, fields: TypedFields) -> Response:
    """Shows whom it would call; or proposes the change, and puts it in force where one person is enough."""
    form = route_form.typed_form(fields)
    was, reason = (fields.get("was") or [""])[0], (fields.get("reason") or [""])[0]
    typed: dict[str, Any] = {"form": form, "was": was, "reason": reason}
    if "keep" not in fields:
        return _show(web, visitor, route_id, previews=True, **typed)
    try:
        propose(web, visitor, sending, route_id, was=was, steps=route_form.mappings(form), reason=reason)
    except Refused as refused:
        return _show(web, visitor, route_id, refused=refused, **typed)
    return RedirectResponse(f"/duty/routes/{route_id}", 303)


@router.post("/duty/routes/{route_id}/changes/{change_id}/approve", dependencies=[OurForm])
def approve(web: Here, visitor: RouteChanger, route_id: int, change_id: int, words: Text = "") -> Response:
    """Puts a proposal in force."""
    who = visitor.person_id
    return _done(
        web, visitor, route_id,
        lambda c, now: rules.approve(c, change_id, route_id=route_id, person_id=who, now=now, words=words),
        words,
    )  # fmt: skip


@router.post("/duty/routes/{route_id}/changes/{change_id}/settle", dependencies=[OurForm])
def settle(web: Here, visitor: RouteChanger, route_id: int, change_id: int, words: Text = "") -> Response:
    """Withdraws one's own proposal, refuses another's."""
    who = visitor.person_id
    return _done(
        web, visitor, route_id,
        lambda c, now: rules.settle(c, change_id, route_id=route_id, person_id=who, now=now, words=words),
        words,
    )  # fmt: skip


def _done(web: Web, visitor: Visitor, route_id: int, do: Do, words: str) -> Response:
    try:
        act(web, visitor, route_id, do)
    except Refused as refused:
        return _show(web, visitor, route_id, refused=refused, words=words)
    return RedirectResponse(f"/duty/routes/{route_id}", 303)


def _show(
    web: Web,
    visitor: Visitor,
    route_id: int,
    *,
    form: list[StepForm] | None = None,
    was: str | None = None,
    reason: str = "",
    words: str = "",
    refused: Refused | None = None,
    previews: bool = False,
) -> Response:
    """The page; after a refused act with the sentence that says why, and what was typed."""
    now, known = web.clock(), web.limits().words
    with web.acting_for(visitor) as connection:
        line = find(connection, route_id)
        found = kept.route_in_force(connection, route_id)
        if found is None:
            raise NotFound
        side = kept.side(connection, found)
        standing = rules.standing(connection, found) if line.audience == _SIDE else None
        proposals = store.proposals_of(connection, route_id)
        versions = store.versions_of(connection, line)
        names = store.names_by_key(connection, line)
        looked = None
        if previews and form is not None:
            try:
                wanted = rules.read_typed(found, route_form.mappings(form), side, known)
                looked = look(connection, found, wanted, now)
            except Refused as mistake:
                refused = mistake
        in_force = look(connection, found, found.row, now)
        proposed = look(connection, found, standing.wanted, now) if standing else None
        frame = frame_of(connection, now)
    may_change = visitor.may(Right.CHANGE_ROUTES) and line.audience == _SIDE
    language = visitor.language
    return person_page(
        web,
        visitor,
        "route.html",
        frame=frame,
        status=409 if refused is not None else 200,
        d=line,
        steps=told_steps(found.row.steps, names, language),
        in_force=in_force,
        looked=looked,
        proposed=proposed,
        standing=standing,
        later=[
            (told_steps([step], names, language)[0], None if then is None else then.after_s)
            for step, then in (standing.later if standing else ())
        ],
        open_change=next((each for each in proposals if each.state == "proposed"), None),
        wanted_steps=told_steps(standing.wanted.steps, names, language) if standing else [],
        closed=[
            (c, told_steps(kept.steps_of(c.proposed), names, language)) for c in proposals if c.state != "proposed"
        ],
        versions=[(v, told_steps(v.old, names, language), told_steps(v.new, names, language)) for v in versions],
        may_change=may_change,
        f=[*(form if form is not None else route_form.form_of(found.row)), StepForm()],
        opened=form is not None,
        was=rules.mark(found.row) if was is None else was,
        reason=reason,
        words=words,
        whoms=_choices(side, found.row, language),
        channels=[*WISHES, *known.channels],
        sentence=None if refused is None else translated(translations(language), str(refused)),
    )


def _choices(side: Portfolio, row: RouteRow, language: str) -> list[tuple[str, str, str]]:
    """Whom a step may tell: (how the form names it, kind, name)."""
    rosters = [
        (f"roster:{each.key}", each.audience, each.name_zh if language == "zh" else each.name)
        for each in side.rosters
        if not each.retired and not row.hears
    ]
    return [*rosters, *((f"person:{each.key}", "person", each.name) for each in side.people if each.active)]
