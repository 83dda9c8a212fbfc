"""What gateways call back: signed, or at an address that ends in a secret; nothing else is believed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting.channels.twilio import REPORTS, signature
from alerting.links import Links
from tests.api.conftest import House, app_of, served
from tests.api.test_calls import PUBLIC, TOKEN

pytestmark = pytest.mark.db

SECRET = "s" * 40


@pytest.fixture
def url(timescale_house: House) -> Iterator[str]:
    """A web process with both gateways."""
    links = Links({"k1": b"k" * 32}, timedelta(hours=1))
    app = app_of(
        timescale_house.plant.database, public_url=PUBLIC, call_token=TOKEN, aliyun_receipts=SECRET, links=links
    )
    with served(app) as found:
        yield found


def kept(house: House) -> list[tuple[Any, ...]]:
    with house.plant.owner() as connection:
        return connection.execute(
            "SELECT sent_as, arrived, said FROM gateway_receipt ORDER BY sent_as, arrived"
        ).fetchall()


def twilio(url: str, token: str = TOKEN, **form: str) -> httpx.Response:
    signed = signature(token, f"{PUBLIC}{REPORTS}", form)
    return httpx.post(f"{url}{REPORTS}", data=form, headers={"x-twilio-signature": signed}, timeout=30)


def test_twilio_says_how_texts_and_calls_ended(url: str, timescale_house: House) -> None:
    """The end counts, steps on the way do not; the same twice is one; fields that it adds are signed over and not kept."""
    more = {"To": "+8613800000000", "ErrorMessage": "Unknown error for +8613800000000", "RawDlrDoneDate": "2611261300"}
    for state in ("queued", "sent", "delivered", "delivered", "read"):
        assert twilio(url, MessageSid="SM1", MessageStatus=state, **more).status_code == 204
    assert twilio(url, MessageSid="SM2", MessageStatus="undelivered", ErrorCode="30003", **more).status_code == 204
    assert twilio(url, CallSid="CA1", CallStatus="no-answer", **more).status_code == 204
    assert twilio(url, CallSid="CA2", CallStatus="completed", **more).status_code == 204
    assert kept(timescale_house) == [
        ("Twilio CA1", False, "no-answer"),
        ("Twilio CA2", True, "completed"),
        ("Twilio SM1", True, "delivered"),
        ("Twilio SM2", False, "undelivered 30003"),
    ]


def test_what_twilio_did_not_sign_is_refused(url: str, timescale_house: House) -> None:
    """No signature, another's, a changed field, no gateway in the settings; and what it signed of nothing is nothing."""
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    assert twilio(url, token="f" * 32, **form).status_code == 403
    assert httpx.post(f"{url}{REPORTS}", data=form, timeout=30).status_code == 403
    signed = signature(TOKEN, f"{PUBLIC}{REPORTS}", form)
    changed = {**form, "MessageSid": "SM2"}
    header = {"x-twilio-signature": signed}
    assert httpx.post(f"{url}{REPORTS}", data=changed, headers=header, timeout=30).status_code == 403
    assert httpx.get(f"{url}{REPORTS}").status_code == 405
    assert twilio(timescale_house.url, **form).status_code == 403
    for number in ("", "x" * 41, "SM 1", "SM\u0001"):
        assert twilio(url, MessageSid=number, MessageStatus="delivered").status_code == 204
    assert kept(timescale_house) == []


def aliyun(url: str, body: Any, secret: str = SECRET) -> httpx.Response:
    return httpx.post(f"{url}/api/v1/receipts/aliyun/{secret}", json=body, timeout=30)


def of(number: str, success: object, code: object = "DELIVERED") -> dict[str, Any]:
    return {
        "phone_number": "13800000000", "send_time": "2026-11-26 13:00:00", "report_time": "2026-11-26 13:00:09", "success": success,
        "err_code": code, "err_msg": "用户接收成功", "sms_size": "1", "biz_id": number, "out_id": "abc",
    }  # fmt: skip


def test_aliyun_reports_several_texts_at_once(url: str, timescale_house: House) -> None:
    """As SmsReport lays them out, answered as it asks; no number and no words of a person's telephone are kept."""
    answer = aliyun(
        url,
        [of("900^0", True), of("901^0", False, "UNDELIV"), of("902^0", False, "13800000000 is off"), of("900^0", True)],
    )
    assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "OK"})
    assert kept(timescale_house) == [
        ("Aliyun 900^0", True, "DELIVERED"),
        ("Aliyun 901^0", False, "UNDELIV"),
        ("Aliyun 902^0", False, "?"),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [([], 200), ([1, None, {}, {"success": "yes", "biz_id": "1"}, of("", True), of("x" * 99, True)], 200), ({}, 422), ("text", 422)],
)  # fmt: skip
def test_what_is_no_report_is_nothing(url: str, timescale_house: House, body: Any, status: int) -> None:
    """A list of whatever is passed over, since it would come again for days; what is no list is refused with a sentence."""
    assert aliyun(url, body).status_code == status
    assert kept(timescale_house) == []


def test_aliyuns_address_ends_in_a_secret(url: str, timescale_house: House) -> None:
    """It signs nothing: another end leads nowhere, and without the setting every end does."""
    assert aliyun(url, [of("900^0", True)], "t" * 40).status_code == 404
    assert aliyun(timescale_house.url, [of("900^0", True)]).status_code == 404
    answer = aliyun(url, [of("900^0", True)])
    assert answer.headers["referrer-policy"] == "no-referrer"
