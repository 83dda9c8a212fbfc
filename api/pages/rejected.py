"""For the integrator: what was not taken, by reason and device; one message as it came; taking in again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from api.acts import rejected as acts
from api.gate import OurForm, RejectedReader, RejectedReplayer
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.raw_view import WHOLE, as_text, hex_rows, raw_view
from api.store import rejected as store
from api.visitor import Visitor
from api.web import Here, Web
from api.words.sentences import translated
from api.words.texts import NotFound
from core.errors import Refused
from core.i18n import translations
from core.wire_rules import MENDABLE

router = APIRouter()

Text = Annotated[str, Form(max_length=64)]
# As bytes and nothing else: whatever a device sent, no browser runs it or guesses what it is.
DOWNLOAD = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "no-store"}


@router.get("/rejected")
def group_list(web: Here, visitor: RejectedReader) -> Response:
    """What each device sent wrong, by reason, the newest first."""
    return _groups(web, visitor)


@router.post("/rejected/replay", dependencies=[OurForm])
def replay(
    web: Here, visitor: RejectedReplayer, site: Annotated[int, Form()], device: Text = "", reason: Text = ""
) -> Response:
    """Ingest is to take a group in again."""
    try:
        acts.ask(web, visitor, site_id=site, device=device, reason=reason)
    except Refused as refused:
        return _groups(web, visitor, translated(translations(visitor.language), str(refused)), 409)
    return RedirectResponse("/rejected#replays", 303)


@router.get("/rejected/messages")
def message_list(
    web: Here,
    visitor: RejectedReader,
    site: int | None = None,
    device: str | None = None,
    reason: str | None = None,
    before: int | None = None,
) -> Response:
    """The messages of a group."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        rows = store.messages(connection, site_id=site, device=device, reason=reason, before=before)
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "rejected_messages.html",
        frame=frame,
        rejected=[(row, raw_view(row.start, row.length)) for row in rows],
        older=rows[-1].rejected_id if len(rows) == store.PAGE else None,
        asked={"site": site, "device": device, "reason": reason},
    )


@router.get("/rejected/messages/{rejected_id}")
def message_page(web: Here, visitor: RejectedReader, rejected_id: int) -> Response:
    """One message as it came: text where it is text, bytes beside it."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = store.messages(connection, rejected_id=rejected_id, shown=WHOLE)
        frame = frame_of(connection, now)
    if not found:
        raise NotFound
    row = found[0]
    return person_page(
        web,
        visitor,
        "rejected_message.html",
        frame=frame,
        r=row,
        text=as_text(row.start, row.length),
        rows="\n".join(hex_rows(row.start)),
        more=row.kept - len(row.start[:WHOLE]),
        mendable=row.reason in MENDABLE,
    )


@router.get("/rejected/messages/{rejected_id}/payload")
def payload(web: Here, visitor: RejectedReader, rejected_id: int) -> Response:
    """What was kept of a message, as a file."""
    with web.acting_for(visitor) as connection:
        found = store.messages(connection, rejected_id=rejected_id, shown=2**30)
    if not found:
        raise NotFound
    part = "" if found[0].kept == found[0].length else "-beginning"
    name = f'attachment; filename="rejected-{rejected_id}{part}.bin"'
    return Response(
        found[0].start, media_type="application/octet-stream", headers={**DOWNLOAD, "Content-Disposition": name}
    )


def _groups(web: Web, visitor: Visitor, sentence: str | None = None, status: int = 200) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        rows, replays = store.groups(connection), store.replays(connection)
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "rejected.html",
        frame=frame,
        status=status,
        rows=rows,
        replays=replays,
        mendable=MENDABLE,
        may_replay=visitor.may(Right.REPLAY_REJECTED),
        sentence=sentence,
        many_companies=len({row.company for row in rows}) > 1,
    )
