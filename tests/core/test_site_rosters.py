"""Duty positions in a site file: right ones into rows, wrong ones into a sentence with its line."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from alerting.coverage import told_holes, with_holes
from core.portfolio import Portfolio
from core.site_hearers import unreached_on_duty
from core.site_references import check
from core.site_rosters import check_rosters
from tests.core.sites import SMALL, read

SECOND = "      - {key: so, name: 王,"
PEOPLE = "      - {key: li, name: 李, role: safety_officer, channels: {smtp: li@acme.invalid}}\n" + SECOND
ROSTERS = """\
        rosters:
          - key: duty
            name: {en: Duty, zh: 值班}
            holidays: [2026-10-01]
            layers:
              - {key: week, people: [so, li], begins_on: 2026-01-05}
              - key: feast
                people: [li]
                begins_on: 2026-01-05
                turn_days: 1
                hours: {from: "08:00", until: "20:00"}
                on_holidays: true
          - key: desk
            name: {en: Duty desk, zh: 值班台}
            audience: insurer
            time_zone: Asia/Shanghai
            layers: [{key: all, people: [uw], begins_on: 2026-01-01, hand_over: "00:00", turn_days: 1}]
"""
STEPS = """\
              - {after_s: 0, repeat: {times: 2, every_s: 60}, to: [{roster: duty}]}
              - {after_s: 300, to: [{roster: desk, channel: smtp}]}
"""
PLAIN = "              - {after_s: 0, to: [{person: so, channel: smtp}]}\n"
TEXT = SMALL.replace(SECOND, PEOPLE).replace("        routes:\n", ROSTERS + "        routes:\n").replace(PLAIN, STEPS)
AT = datetime(2026, 3, 1, tzinfo=UTC)


def told(text: str) -> list[str]:
    found = read(text)
    wrong = [*found.mistakes, *check(found.portfolio, Portfolio())]
    return [sentence for _, sentence in wrong or with_holes(found.portfolio, AT)]


def test_a_roster_is_a_row_and_a_repeated_step_is_as_many_steps() -> None:
    """What goes out is plain rows; each repetition asks for the person's next channel."""
    found = read(TEXT)
    assert told(TEXT) == []
    duty, desk = found.portfolio.rosters
    assert (duty.time_zone, duty.audience, desk.audience) == ("Asia/Shanghai", "client", "insurer")
    route = next(row for row in found.portfolio.routes if row.key == "all")
    assert [(s.position, s.after_s, s.roster, s.channel) for s in route.steps] == [
        (0, 0, "duty", "preferred"), (1, 60, "duty", "preferred-2"), (2, 120, "duty", "preferred-3"), (3, 300, "desk", "smtp"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("people: [so, li]", "people: []", "is a rotation of nobody; name 1 to 60."),
        ("people: [so, li]", "people: [so, uw]", "names uw, who is not of them; one roster is of one company."),
        ("people: [so, li]", "people: [so, no]", "names no, who is nobody."),
        ("people: [uw]", "people: [so]", "is for the insurer and names so, who is not of them"),
        ("time_zone: Asia/Shanghai\n            layers", "time_zone: Asia/Shangai\n            layers", "Asia/Shangai"),
        ("begins_on: 2026-01-05}", "begins_on: 2026-01-05, turn_days: 0}", "it must be 1 to 56 whole days."),
        ("begins_on: 2026-01-05}", "begins_on: 2026-01-05, hand_over: 8}", 'it must be an hour such as "08:00", in quotes.'),
        ("begins_on: 2026-01-05}", "begins_on: Monday}", "it must be a date such as 2026-01-31."),
        ("begins_on: 2026-01-05}", "begins_on: 9026-01-05}", "is '9026-01-05'; it must be a date such as 2026-01-31."),
        ("holidays: [2026-10-01]", "holidays: [9026-10-01]", "'9026-10-01' in holidays of roster duty must be a date such as 2026-10-01."),
        ("holidays: [2026-10-01]", "holidays: [0026-10-01]", "'0026-10-01' in holidays of roster duty must be a date such as 2026-10-01."),
        ('until: "20:00"', 'until: "08:00"', "begin when they end; leave hours out for all day."),
        ("holidays: [2026-10-01]", "holidays: [May]", "must be a date such as 2026-10-01."),
        ("key: feast", "key: week", "has two layers of one key"),
        ("to: [{roster: duty}]", "to: [{roster: night}]", "tells the duty position night, which there is not"),
        ("to: [{roster: duty}]", "to: [{roster: duty, person: so}]", "names both person so and roster duty"),
        ("to: [{roster: duty}]", "to: [{roster: desk}]", "before the last step; the desk comes last."),
        ("times: 2", "times: 50", "it must be a whole number from 1 to 20."),
        ("after_s: 300", "after_s: 100", "comes after 100 s, the one before it after 120 s; steps come in rising order."),
        ("priorities: [high, life-safety]", "priorities: [high]\n            hears: [findings]", "give that a route of its own"),
        ("name: {en: Duty, zh: 值班}", "name: {en: Duty, zh: 值班}\n            retired: true", "which is retired; name another."),
        (", channels: {smtp: li@acme.invalid}", "", "duty, in which li takes turns, who has no channel; add one to their channels"),
        ("roster: duty}]", "roster: duty, channel: sms}]", "duty, in which so takes turns, who has no address for sms; add one"),
    ],
)  # fmt: skip
def test_what_cannot_be_gets_a_sentence(old: str, new: str, sentence: str) -> None:
    """Whatever is wrong is said, with what would be right."""
    assert old in TEXT
    assert any(sentence in each for each in told(TEXT.replace(old, new, 1))), told(TEXT.replace(old, new, 1))


def test_what_a_file_leaves_behind_in_routes_that_it_does_not_name_is_said() -> None:
    """Somebody on duty loses their address, or the position is retired: the route would call nobody, and nobody could change it."""
    current = read(TEXT).portfolio
    assert [*unreached_on_duty(Portfolio(), current), *check_rosters(Portfolio(), current)] == []
    li = next(row for row in current.people if row.key == "li")
    said = [sentence for _, sentence in unreached_on_duty(Portfolio(people=[li]), current)]
    assert any("in which li takes turns, who has no channel" in each for each in said)
    retired = replace(current.rosters[0], retired=True)
    said = [sentence for _, sentence in check_rosters(Portfolio(rosters=[retired]), current)]
    assert said == [
        "roster north/duty is retired, and route north/all still tells it; name somebody else in its steps, in this file."
    ]


def test_a_hole_in_the_next_days_is_refused_unless_it_is_meant() -> None:
    """It says from when until when, on the roster's clock."""
    late = TEXT.replace("begins_on: 2026-01-05}", "begins_on: 2026-03-09}")
    said = (
        "roster north/duty has nobody on duty at times in the next 90 days: 2026-03-01 08:00 to 2026-03-09 08:00. "
        "Fill them, or write `may_be_empty: true` where that is meant: a call then goes to everybody of it."
    )
    assert told(late) == [said]
    meant = late.replace("holidays: [2026-10-01]", "holidays: [2026-10-01]\n            may_be_empty: true")
    assert told(meant) == []


def test_somebody_who_leaves_makes_a_hole_that_is_named() -> None:
    """Their weeks are holes, with whose they were."""
    row = read(TEXT).portfolio.rosters[0]
    assert "2026-03-02 08:00 to 2026-03-09 08:00 (so is not active)" in told_holes(row, AT, frozenset({"so"}))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("{times: 99}", "times of roll_calls of roster duty is 99; it must be 0 to 12 whole times in 30 days."),
        ("{times: 1.5}", "times of roll_calls of roster duty is 1.5; it must be 0 to 12 whole times in 30 days."),
        ('{times: 1, hours: {from: "08:00", until: "08:00"}}', "begin when they end"),
        ("{often: 2}", "often"),
    ],
)
def test_roll_calls_that_cannot_be_get_a_sentence(asked: str, said: str) -> None:
    """What was wrong, where, and what would be right."""
    text = TEXT.replace("holidays: [2026-10-01]", f"holidays: [2026-10-01]\n            roll_calls: {asked}")
    assert text != TEXT
    assert any(said in sentence for sentence in told(text)), told(text)
