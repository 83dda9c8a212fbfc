"""What is said of findings, impairments and days, to whom, in which language; and when it is not said any more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerting.delivery import Envelope, why_unwanted
from alerting.message import compose
from tests.alerting.notices import BUSY, HOUR, NOW, QUIET, assignment, digest, finding, impairment

URL = "https://davy.example/"


def said(notice: Envelope) -> list[str]:
    """Subject and lines, but for the last sentence, which every message has."""
    message = compose(notice, public_url=URL)
    assert message.lines[-1].startswith(("Davy is a second pair of eyes", "Davy 只是多一双眼睛"))
    return [message.subject, *message.lines[:-2]]


def test_an_overdue_finding_to_the_client() -> None:
    """What, where, until when it was to be done, and what to do now."""
    assert said(finding()) == [
        "[Major finding overdue] 陈安全 left the hatch open, Tank farm",
        "Major finding: 陈安全 left the hatch open. Alpha Petro, Tank farm, Pumps.",
        "It was to be put right by: 2026-03-01 16:00:00 (China Standard Time)",
        "",
        "Put it right and report it done, or have the deadline extended with a reason:",
        "https://davy.example/findings/5",
    ]


def test_an_overdue_finding_to_the_insurer_in_chinese() -> None:
    """Grade, company, site and deadline: nothing that anybody typed."""
    assert said(finding(audience="insurer", language="zh", step=1, due_at=NOW + 26 * HOUR)) == [
        "【重大隐患逾期】罐区",
        "重大隐患。甲石化 · 罐区。",
        "整改期限：2026-03-01 16:00:00（中国标准时间），已逾期",
        "已逾期26小时。",
        "",
        "隐患详情：",
        "https://davy.example/findings/5",
    ]


def test_an_assigned_finding() -> None:
    """Its owner hears that it is theirs; a major one that nobody has graded yet is called suspected."""
    told = said(finding(event="assigned", graded=False, deadline=NOW + 24 * HOUR))
    assert told[0] == "[Finding assigned to you] 陈安全 left the hatch open, Tank farm"
    assert told[1].startswith("Suspected major finding:")
    assert told[2] == "To be put right by: 2026-03-02 16:00:00 (China Standard Time)"


def test_an_impairment_that_overruns_to_the_client() -> None:
    """The interim measures stay, and the clock is named."""
    assert said(impairment()) == [
        "[Impairment] Out of service for longer than expected: fire pump, Tank farm",
        "Impaired: fire pump (Pump 2, see 陈安全). Alpha Petro, Tank farm, Pumps.",
        "Out of service since: 2026-03-01 11:00:00 (China Standard Time)",
        "It was expected back: 2026-03-01 16:00:00 (China Standard Time)",
        "",
        "Keep the interim measures up. Restore it and record the proof, or state a new time with a reason:",
        "https://davy.example/impairments/7",
    ]


def test_an_impairment_begins_and_ends_for_the_insurer() -> None:
    """What kind of protection, where, since when, and how long it was out."""
    begun = said(impairment(event="begun", audience="insurer", onset=NOW - 5 * HOUR))
    assert begun[:2] == [
        "[Impairment] Out of service: fire pump, Tank farm",
        "Impaired: fire pump. Alpha Petro, Tank farm.",
    ]
    assert begun[3] == "Expected back: 2026-03-01 16:00:00 (China Standard Time)"
    ended = said(impairment(event="restored", audience="insurer", language="zh", restored_at=NOW - 2 * HOUR))
    assert ended[0] == "【防护恢复】消防泵已恢复，罐区"
    assert ended[3] == "恢复时间：2026-03-01 14:00:00（中国标准时间），共失效3小时"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("notice", [finding(audience="insurer"), impairment(audience="insurer"), digest()])
def test_the_insurer_reads_nothing_that_was_typed(notice: Any, language: str) -> None:
    """Free text can hold anybody's name: neither words nor fields carry it, nor the zone, nor a recipient's name."""
    message = compose(type(notice)(**{**_as_dict(notice), "language": language}), public_url=URL)
    everything = f"{message.subject} {message.text} {message.fields}"
    for secret in ("陈安全", "hatch", "Pump 2", "Pumps", "泵区", "chen@"):
        assert secret not in everything


def _as_dict(notice: Any) -> dict[str, Any]:
    names = [name for part in type(notice).__mro__ for name in getattr(part, "__slots__", ())]
    return {name: getattr(notice, name) for name in names}


def test_who_is_given_an_alarm_reads_what_it_is_and_who_gave_it() -> None:
    """It is theirs from now on; not once it is resolved, or somebody else's."""
    assert said(assignment()) == [
        "[Alarm assigned to you] Bearing hot, Tank farm",
        "Bearing hot: Bearing 1. Alpha Petro, Tank farm, Pumps.",
        "Began: 2026-03-01 15:00:00 (China Standard Time)",
        "Given to you by: 陈安全",
        "",
        "See to it, and resolve it with what was done:",
        "https://davy.example/occurrences/9",
    ]
    assert said(assignment(language="zh"))[0] == "【报警已交由您处理】轴承过热，罐区"
    assert assignment(resolved_at=NOW).settled() == "resolved"
    assert assignment(assignee_id=4).settled() == "assigned to somebody else"


def test_a_digest_says_what_there_is_to_say() -> None:
    """A paragraph a company with news, a line a subject that has any; the quiet ones are named in one line."""
    assert said(digest()) == [
        "[Daily digest] 2026-03-01: something to report at 1 of 2 companies",
        "From 2026-02-28 16:00:00 (China Standard Time) to 2026-03-01 16:00:00 (China Standard Time).",
        "",
        "Alpha Petro",
        "- Alarms: 3, of which 1 of life safety",
        "- Acknowledged within: 45 seconds for half of them, 3 minutes for nine in ten",
        "- Waiting for an acknowledgement: 1",
        "- Findings: 1 new, 0 closed, 4 open",
        "- Findings overdue: 2, of which 1 major",
        "- Protection out of service: 1 at the end, 5 h in this period",
        "- Sensors heard from: 12 of 14",
        "",
        "Nothing to report: Beta Coal",
        "",
        "More in Davy:",
        "https://davy.example/",
    ]


@pytest.mark.parametrize(
    ("half", "language", "line"),
    [
        (
            45.0,
            "en",
            "- Acknowledged within: 45 seconds for half of them; more than one in ten were not acknowledged (2 of 9)",
        ),
        (45.0, "zh", "- 确认用时：半数在45秒内；超过一成未确认（9 起中 2 起）"),
        (None, "en", "- More than half were not acknowledged (2 of 9)"),
        (None, "zh", "- 过半报警未确认（9 起中 2 起）"),
    ],
)
def test_alarms_that_nobody_acknowledged_are_not_told_as_a_time(half: float | None, language: str, line: str) -> None:
    """Where too many are missing, the words say so; a count of none says nothing."""
    company = replace(BUSY, answered_p50_s=half, answered_p90_s=None, counted=9, unanswered=2)
    assert said(digest(company, language=language))[5] == line
    assert not any("cknowledged" in text for text in said(digest(replace(company, answered_p50_s=None, counted=0))))


def test_a_digest_in_chinese() -> None:
    """As an underwriter would write it."""
    assert said(digest(BUSY, language="zh"))[:9] == [
        "【每日摘要】2026-03-01：1 家企业中 1 家有情况",
        "统计时段：2026-02-28 16:00:00（中国标准时间）至2026-03-01 16:00:00（中国标准时间）。",
        "",
        "甲石化",
        "- 报警：3 起，其中人身安全 1 起",
        "- 确认用时：半数在45秒内，九成在3分钟内",
        "- 待确认报警：1 条",
        "- 隐患：新增 1 项，销号 0 项，未销号 4 项",
        "- 逾期未整改隐患：2 项，其中重大隐患 1 项",
    ]


def test_open_findings_in_time_are_no_news() -> None:
    """A digest that says the same every day is not read."""
    assert not QUIET.says_something
    assert BUSY.says_something


LATER = NOW + HOUR


@pytest.mark.parametrize(
    ("notice", "reason"),
    [
        (finding(), None),
        (finding(state="closed"), "closed"),
        (finding(state="claimed_done"), None),  # the clock runs until another person has looked
        (finding(deadline=LATER), "extended"),
        (finding(event="assigned"), None),
        (finding(event="assigned", owner_id=4), "assigned to somebody else"),
        (impairment(), None),
        (impairment(restored_at=NOW), "restored"),
        (impairment(expected_until=LATER), "extended"),
        (impairment(event="begun", expected_until=LATER), None),
        (impairment(event="begun", restored_at=NOW), "restored"),
        (impairment(event="restored", restored_at=NOW), None),
        (digest(), None),
        (digest(person_active=False), "the person is no longer active"),
        (impairment(restored_at=NOW, attempt=2), "restored; an earlier attempt may have arrived"),
    ],
)
def test_when_it_is_not_wanted_any_more(notice: Envelope, reason: str | None) -> None:
    """Looked at again just before sending."""
    assert why_unwanted(notice, NOW) == reason
