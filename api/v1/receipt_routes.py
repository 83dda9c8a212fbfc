"""What gateways call back to say what became of a text or a call. Written down for alerting, which takes it within a second.

No session: Twilio signs what it sends, over the address that it was given; Aliyun signs nothing, so its address ends in a secret.
Neither can do more than say of a number that only it and Davy know whether it arrived. What is said twice is one; what is of no
message of ours is answered the same way, and forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request, Response

from alerting.channels.twilio import REPORTS, signature
from alerting.store.receipts import keep_report
from api.cookies import same
from api.v1.call_routes import form_of
from api.visitor import token_for_gateway
from api.web import Here, Web
from api.words.texts import Answer, later

router = APIRouter(prefix="/receipts")

# What Twilio calls the end of a text and of a call. Everything else is on its way still, or is of another channel.
ENDS = {
    "delivered": True,
    "undelivered": False,
    "failed": False,
    "completed": True,  # somebody, or something, picked up
    "busy": False,
    "no-answer": False,
    "canceled": False,
}
MOST = 1000  # reports of one callback; the bound of a body allows fewer
_LONGEST_NUMBER = 40  # as `alerting.receipts` keeps them


@dataclass(frozen=True, slots=True)
class _Report:
    number: str
    said: str
    arrived: bool


@router.post("/twilio", response_class=Response, status_code=204)
def twilio_reports(request: Request, web: Here, form: Annotated[dict[str, str], Depends(form_of)]) -> Response:
    """A text or call of ours came to an end, or to a step on its way."""
    calls = web.calls
    expected = None if calls is None else signature(calls.token, f"{calls.public_url}{REPORTS}", form)
    if expected is None or not same(request.headers.get("x-twilio-signature", ""), expected):
        raise Answer(403, later("This is not signed by the gateway that Davy sends through."))
    state = form.get("MessageStatus") or form.get("CallStatus", "")
    number = form.get("MessageSid") or form.get("CallSid", "")
    if state in ENDS:
        code = form.get("ErrorCode", "")
        said = f"{state} {code}" if code.isascii() and code.isdigit() else state
        _keep(web, "Twilio", [_Report(number, said, arrived=ENDS[state])])
    return Response(status_code=204)


def knows_the_secret(web: Here, secret: str) -> None:
    """Who does not is told what is told of every address that is none."""
    if web.aliyun_receipts is None or not same(secret, web.aliyun_receipts):
        raise Answer(404, later("There is nothing here, or nothing that you may see."))


@router.post("/aliyun/{secret}", dependencies=[Depends(knows_the_secret)])
def aliyun_reports(web: Here, reports: Annotated[list[Any], Body(max_length=MOST)]) -> dict[str, Any]:
    """Texts of ours came to an end: several at once, as its SmsReport sends them; the answer is what it asks for."""
    found = []
    for report in reports:
        if isinstance(report, dict) and isinstance(report.get("success"), bool):
            number, said = str(report.get("biz_id", "")), str(report.get("err_code", ""))
            found.append(_Report(number, said if _is_code(said) else "?", arrived=report["success"]))
    _keep(web, "Aliyun", found)
    return {"code": 0, "msg": "OK"}


def _keep(web: Web, gateway: str, reports: Sequence[_Report]) -> None:
    """All of one callback at once; what has no number that could be ours is passed over."""
    ours = [each for each in reports if _is_number(each.number)]
    if not ours:
        return
    with web.acting_as(token_for_gateway(web.principal_key, web.clock())) as connection:
        for each in sorted(
            ours, key=lambda one: one.number
        ):  # two callbacks that say the same never wait for each other
            keep_report(connection, f"{gateway} {each.number}", each.said, web.clock(), arrived=each.arrived)


def _is_number(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_NUMBER and text.isascii() and text.isprintable() and " " not in text


def _is_code(said: str) -> bool:
    """A code, not words: words may name a number."""
    return 0 < len(said) <= 60 and said.isascii() and all(each.isalnum() or each in "_.:-" for each in said)
