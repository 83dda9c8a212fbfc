"""What a telephone says back: the key that somebody pressed during a call of ours.

No session, no form token: the gateway signs what it sends with the account's token, over the address it was given, and that
address names the call. So a key acknowledges the alarm of that call, as of that onset, in the name of the person who was
called, and nothing else; once it is acknowledged, or has begun anew, the same request does nothing.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.requests import ClientDisconnect

from alerting import actions
from alerting.channels.twilio import response, say, signature
from alerting.ledger import CallOf, call_of
from alerting.store.calls import lock_onset
from api.cookies import same
from api.gate import without_session
from api.permissions import Right
from api.visitor import Visitor
from api.web import Here, Web
from api.words.answering import BY_KEY
from api.words.texts import Answer, later
from core.errors import Refused
from core.i18n import translations

router = APIRouter()
ACKNOWLEDGE = "1"


async def form_of(request: Request) -> dict[str, str]:
    """Every field of the form: the signature is over all of them, and the gateway adds new ones as it likes."""
    try:
        form = await request.form()
    except ClientDisconnect:  # whoever it was does not wait for an answer
        return {}
    return {name: text for name, text in form.items() if isinstance(text, str)}


@router.post("/calls/{key}", response_class=Response)
def key_pressed(request: Request, web: Here, key: str, form: Annotated[dict[str, str], Depends(form_of)]) -> Response:
    """The answer is what the telephone says next, in the person's language."""
    calls = web.calls
    expected = None if calls is None else signature(calls.token, f"{calls.public_url}/api/v1/calls/{key}", form)
    if expected is None or not same(request.headers.get("x-twilio-signature", ""), expected):
        raise Answer(403, later("This is not signed by the gateway that Davy calls through."))
    call = call_of(key)
    visitor = None if call is None else without_session(web, call.person_id)
    if call is None or visitor is None:
        raise Answer(404, later("There is no such call."))
    _ = translations(visitor.language).gettext
    if form.get("Digits") != ACKNOWLEDGE:
        said = _("That key does not acknowledge: nothing was done. Open Davy.")
    elif visitor.may(Right.ACT) and _acknowledged(web, visitor, call):
        said = _("Acknowledged. Nobody else is called about this alarm. Open Davy to see what to do.")
    else:
        said = _(
            "Nothing was done: this alarm is acknowledged already, has begun anew, or is not for you to acknowledge. Open Davy."
        )
    return Response(response(say(said, visitor.language)), media_type="application/xml")


def _acknowledged(web: Web, visitor: Visitor, call: CallOf) -> bool:
    """Whether this request has done it; an old call says nothing of an alarm that has begun anew."""
    try:
        with web.acting_for(visitor) as connection:
            if lock_onset(connection, call.alarm) != call.onset:
                return False
            actions.acknowledge(connection, call.alarm, person_id=visitor.person_id, now=web.clock(), reason=BY_KEY)
    except Refused:
        return False
    return True
