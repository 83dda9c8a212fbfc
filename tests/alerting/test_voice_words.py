"""What is said of complaints, questions and changes that are told back, to whom, in which language; and when it is not said any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from alerting.delivery import Envelope, why_unwanted
from alerting.message import compose
from alerting.voice_notice import ComplaintNotice, RequestNotice, ToldBackNotice
from tests.alerting.notices import HOUR, NOW

DAY = timedelta(days=1)
ENVELOPE: dict[str, Any] = {
    "notification_id": 1, "key": "k", "attempt": 1, "created_at": NOW, "due_at": NOW, "onset": NOW, "step": 0, "audience": "client",
    "channel": "smtp", "person_id": 3, "person_active": True, "language": "zh", "address": "a@example.invalid", "secret_ref": None,
    "company": "Alpha Petro", "company_zh": "甲石化", "site": "Tank farm", "site_zh": "罐区", "time_zone": "Asia/Shanghai", "zone": None, "zone_zh": None,
}  # fmt: skip


def complaint(**words: Any) -> ComplaintNotice:
    told: dict[str, Any] = {
        **ENVELOPE, "event": "solved", "complaint_id": 5, "title": "夜间误报太多", "state": "solved", "owner": "罗敏", "filed_at": NOW,
        "answer_due_at": NOW + 14 * DAY, "answered_at": NOW + DAY, "conclude_due_at": NOW + 14 * DAY, "solved_at": NOW + 2 * DAY, **words,
    }  # fmt: skip
    return ComplaintNotice(**told)


def said(notice: Envelope) -> list[str]:
    message = compose(notice, public_url="https://davy.example/")
    return [message.subject, *message.lines[:-2]]


def test_the_conclusion_to_who_complained() -> None:
    """With their own words, who sees to it, and that it stays open until they say so."""
    assert said(complaint()) == [
        "【您的投诉 5】已答复，请确认是否解决：罐区",
        "夜间误报太多。投诉时间：2026-03-01 16:00:00（中国标准时间）。甲石化 · 罐区。",
        "保险公司负责人：罗敏",
        "",
        "请确认是否已解决；您确认之前不会关闭：",
        "https://davy.example/complaints/5",
    ]


def test_what_is_overdue_to_the_insurer() -> None:
    """A number, a place and the clocks: nothing that anybody typed; for how long, where it is told to more people."""
    open_one = {
        "audience": "insurer",
        "language": "en",
        "state": "received",
        "owner": None,
        "answered_at": None,
        "solved_at": None,
    }
    late = complaint(event="answer_overdue", onset=NOW, due_at=NOW + 26 * HOUR, step=1, **open_one)
    told = said(late)
    assert told[0] == "[Complaint 5] First answer overdue: Tank farm"
    assert "It has been overdue for 26 hours." in told
    assert "夜间误报太多" not in "".join(told)
    assert "夜间误报太多" not in str(compose(late, public_url="https://davy.example/").fields)


def test_nobody_hears_of_what_is_done_meanwhile() -> None:
    """Taken on, answered, put off, concluded, said, rated: cancelled with the reason."""
    for notice, reason in (
        (complaint(event="filed", state="acknowledged"), "taken on"),
        (complaint(event="filed", state="received"), None),
        (complaint(event="answer_overdue"), "answered"),
        (complaint(event="conclusion_overdue"), "concluded"),
        (complaint(event="conclusion_overdue", solved_at=None, conclude_due_at=NOW + DAY), "extended"),
        (complaint(event="conclusion_overdue", solved_at=None, conclude_due_at=NOW), None),
        (complaint(state="closed"), "who complained has said"),
        (complaint(), None),
    ):
        assert why_unwanted(notice, NOW) == reason


def test_a_question_and_a_change_that_is_told_back() -> None:
    """Each in the reader's language, with the way to where it is answered, or to all that was changed."""
    asked = RequestNotice(
        **ENVELOPE, request_id=9, thing="service", number=4, title="粉尘防爆培训", title_zh="粉尘防爆培训", rated=False
    )
    assert said(asked)[0] == "【服务回访】粉尘防爆培训，罐区：有用吗？"
    assert said(asked)[-1] == "https://davy.example/services/4#rate"
    told = ToldBackNotice(
        **{**ENVELOPE, "language": "en"}, told_back_id=2, change="limit_changed", title="Gas at pump 3", title_zh="3号泵燃气", said_at=NOW,
        changed_at=NOW + DAY, complained=False,
    )  # fmt: skip
    assert said(told) == [
        "[Your word changed something] Gas at pump 3: the limit of this alarm was changed",
        "Gas at pump 3. Alpha Petro, Tank farm.",
        "You said on 2026-03-01 16:00:00 (China Standard Time) that it was not of use.",
        "Since then the limit of this alarm was changed: 2026-03-02 16:00:00 (China Standard Time).",
        "",
        "All that your word changed:",
        "https://davy.example/voice#changed",
    ]
