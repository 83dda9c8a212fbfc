"""The JSON API of rejected messages. The call that changes something carries X-Form-Token."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.acts import rejected as acts
from api.gate import OurCall, RejectedReader, RejectedReplayer
from api.raw_view import raw_view
from api.store import rejected as store
from api.v1 import rejected_models as models
from api.web import Here
from api.words.rejected import advice
from api.words.texts import NotFound
from core.i18n import translations
from core.wire_rules import MENDABLE

router = APIRouter()

Before = Annotated[int | None, Query(description="The last id of the page before.")]


@router.get("/rejected-groups")
def list_groups(web: Here, visitor: RejectedReader) -> list[models.RejectedGroup]:
    """What each device sent wrong, by reason, the newest first."""
    texts = translations(visitor.language)
    with web.acting_for(visitor) as connection:
        rows = store.groups(connection)
    made = ("advice", "mendable")
    return [
        models.RejectedGroup(
            **{name: getattr(row, name) for name in models.RejectedGroup.model_fields if name not in made},
            advice=advice(texts, row.reason),
            mendable=row.reason in MENDABLE,
        )
        for row in rows
    ]


@router.get("/rejected-messages")
def list_rejected(
    web: Here,
    visitor: RejectedReader,
    device: int | None = None,
    site_id: int | None = None,
    device_key: str | None = None,
    reason: str | None = None,
    before: Before = None,
) -> list[models.RejectedMessage]:
    """Messages that were not taken, the newest first, fifty at a time."""
    with web.acting_for(visitor) as connection:
        rows = store.messages(
            connection, device_id=device, site_id=site_id, device=device_key, reason=reason, before=before
        )
    return [models.RejectedMessage(**_said(row)) for row in rows]


@router.get("/rejected-messages/{rejected_id}")
def read_rejected(web: Here, visitor: RejectedReader, rejected_id: int) -> models.RejectedPayload:
    """One message with all that was kept of it."""
    with web.acting_for(visitor) as connection:
        found = store.messages(connection, rejected_id=rejected_id, shown=2**30)
    if not found:
        raise NotFound
    return models.RejectedPayload(**_said(found[0]), hex=found[0].start.hex())


@router.get("/rejected-replays")
def list_replays(web: Here, visitor: RejectedReader) -> list[models.Replay]:
    """Requests to take messages in again, the newest first."""
    with web.acting_for(visitor) as connection:
        return [models.Replay.model_validate(row) for row in store.replays(connection)]


@router.post("/rejected-replays", status_code=201, dependencies=[OurCall])
def ask(web: Here, visitor: RejectedReplayer, wanted: models.NewReplay) -> models.Replay:
    """Ingest is to take these messages in again; asked while the same is under way, it is that one."""
    number = acts.ask(web, visitor, site_id=wanted.site_id, device=wanted.device, reason=wanted.reason)
    with web.acting_for(visitor) as connection:
        return models.Replay.model_validate(store.replays(connection, number)[0])


def _said(row: store.Rejected) -> dict[str, Any]:
    made = ("sha256", "raw")
    said = {name: getattr(row, name) for name in models.RejectedMessage.model_fields if name not in made}
    start = row.start[: store.SHOWN_BYTES]
    return {**said, "sha256": row.sha256.hex(), "raw": raw_view(start, row.length)}
