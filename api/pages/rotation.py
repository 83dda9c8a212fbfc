"""A rotation on the page: whose turn it is in which order, looked at for the next two weeks before it is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from psycopg import Connection

from alerting import coverage, roster_editing
from alerting.duty import kept
from alerting.roster import spans
from alerting.store.duty import side_of
from api import roster_form
from api.duty import AHEAD, Turn
from api.gate import DutyKeeper, OurForm
from api.pages.frame import frame_of, person_page
from api.roster_form import RosterForm
from api.store import duty as store
from api.visitor import Visitor
from api.web import Here, Web
from api.words.sentences import translated
from api.words.texts import NotFound
from core.errors import Refused
from core.i18n import translations
from core.portfolio import PersonRow
from core.site_rosters import RosterRow

router = APIRouter()


async def typed_fields(request: Request) -> dict[str, list[str]]:
    """The fields of the form, each as often as it stands there."""
    form = await request.form()
    fields: dict[str, list[str]] = {}
    for name, text in form.multi_items():
        if isinstance(text, str):
            fields.setdefault(name, []).append(text)
    return fields


TypedFields = Annotated[dict[str, list[str]], Depends(typed_fields)]


@router.get("/duty/{roster_id}/rotation")
def rotation_page(web: Here, visitor: DutyKeeper, roster_id: int) -> Response:
    """The rotation as it is."""
    return _show(web, visitor, roster_id)


@router.post("/duty/{roster_id}/rotation", dependencies=[OurForm])
def change_rotation(web: Here, visitor: DutyKeeper, roster_id: int, fields: TypedFields) -> Response:
    """Shows what it would be, or keeps it."""
    form = roster_form.typed_form(fields)
    was, reason = (fields.get("was") or [""])[0], (fields.get("reason") or [""])[0]
    if "keep" not in fields:
        return _show(web, visitor, roster_id, form=form, was=was, reason=reason, previews=True)
    try:
        with web.acting_for(visitor) as connection:
            _line(connection, roster_id)
            roster_editing.edit(
                connection,
                roster_id,
                by=visitor.person_id,
                typed=form.mapping(),
                was=was,
                reason=reason,
                now=web.clock(),
            )
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return _show(web, visitor, roster_id, form=form, was=was, reason=reason, sentence=said, status=409)
    return RedirectResponse(f"/duty#d{roster_id}", 303)


def _line(connection: Connection[Any], roster_id: int) -> store.RosterLine:
    line = next((each for each in store.list_rosters(connection) if each.roster_id == roster_id), None)
    if line is None or line.audience != "client":
        raise NotFound
    return line


def _show(
    web: Web,
    visitor: Visitor,
    roster_id: int,
    *,
    form: RosterForm | None = None,
    was: str | None = None,
    reason: str = "",
    sentence: str | None = None,
    status: int = 200,
    previews: bool = False,
) -> Response:
    now = web.clock()
    turns: list[Turn] | None = None
    with web.acting_for(visitor) as connection:
        line = _line(connection, roster_id)
        head, _ = kept(connection, roster_id, visitor.person_id)
        old, people = roster_editing.find_row(connection, head), side_of(connection, head)
        frame = frame_of(connection, now)
    if previews and form is not None:
        try:
            turns = _turns(roster_editing.read_typed(old, form.mapping(), people, now), people, now)
        except Refused as refused:
            sentence, status = translated(translations(visitor.language), str(refused)), 409
    return person_page(
        web,
        visitor,
        "rotation.html",
        frame=frame,
        status=status,
        d=line,
        f=form or roster_form.form_of(old),
        was=roster_editing.mark(old) if was is None else was,
        reason=reason,
        people=[(each.key, each.name) for each in people if each.active],
        turns=turns,
        sentence=sentence,
    )


def _turns(row: RosterRow, people: list[PersonRow], now: datetime) -> list[Turn]:
    """Whose turn it would be in the next two weeks."""
    roster, keys = coverage.roster_of(row)
    names = {each.key: each.name for each in people}
    return [
        Turn(
            span.begins_at, span.ends_at, span.duty.person_id,
            None if span.duty.person_id is None else names.get(keys[span.duty.person_id]), span.duty.by.value, span.duty.layer,
        )
        for span in spans(roster, now, now + AHEAD)
    ]  # fmt: skip
