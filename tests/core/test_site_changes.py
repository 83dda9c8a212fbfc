"""What an import changes, found by comparing values."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

from core.portfolio import Portfolio, Step
from core.site_changes import ADDED, CHANGED, REMOVED, RESTORED, RETIRED, compare, journalled, left_alone
from core.site_defaults import with_defaults
from core.site_hearers import left_unheard
from core.site_references import check
from core.site_rosters import RosterLayer, RosterRow
from davy.site.importing import shipped_limits
from tests.core.sites import SMALL, read


def full(text: str = SMALL) -> Portfolio:
    """The rows of a file with Davy's own."""
    found = read(text)
    assert found.mistakes == []
    return with_defaults(found.portfolio, shipped_limits())


def test_everything_is_new_to_an_empty_database_and_nothing_the_second_time() -> None:
    """Idempotent: the second import changes nothing."""
    rows = full()
    assert {change.action for change in compare(rows, Portfolio())} == {ADDED}
    assert compare(full(), rows) == []


def test_a_changed_limit_is_a_new_version_and_needs_a_reason() -> None:
    """Changing a limit can be a crime: old value, new value, why."""
    (change,) = compare(full(SMALL.replace("setpoint: 15", "setpoint: 18")), full())
    assert (change.action, change.old, change.new) == (CHANGED, {"setpoint": 15.0}, {"setpoint": 18.0})
    assert change.needs_reason
    assert change.new_version
    assert str(change) == "limit north/ch4.warm: changed: setpoint 15 -> 18"


def test_a_changed_text_is_no_new_version() -> None:
    """A better sentence does not make conditions start afresh."""
    (change,) = compare(full(SMALL.replace("zh: 查看。", "zh: 去看看。")), full())
    assert not change.needs_reason
    assert not change.new_version


def test_what_vanished_stays_and_what_is_retired_is_retired_with_all_that_hangs_on_it() -> None:
    """Half a file never switches a plant's alarms off."""
    text = SMALL.replace("            gateway: gw-1\n", "            gateway: gw-1\n            retired: true\n")
    changes = compare(full(text), full())
    assert {change.action for change in changes} == {RETIRED}
    assert {change.subject for change in changes} >= {
        "device gas-1", "sensor gas-1/ch4", "limit north/ch4.lel-1", "limit north/ch4.stale",
        "sensor _davy.north/_gateway.gas-1", "limit north/_gateway.gas-1.lost",
    }  # fmt: skip
    assert {change.action for change in compare(full(), full(text))} == {RESTORED}
    without = SMALL.replace("          - key: gw-1\n            kind: gateway\n", "").replace(
        "            gateway: gw-1\n", ""
    )
    assert [c.subject for c in compare(full(without), full())] == ["device gas-1"]
    assert "device gw-1" in {row.subject for row in left_alone(full(without), full())}


def test_an_address_that_is_gone_is_removed() -> None:
    """A person's channels are a value of the person: who has left a number is not called there."""
    text = SMALL.replace(", channels: {smtp: so@acme.invalid}", "").replace(
        "{person: so, channel: smtp}", "{person: uw, channel: smtp}"
    )
    removed = [change for change in compare(full(text), full()) if change.action == REMOVED]
    assert [change.subject for change in removed] == ["address so/smtp"]


def test_the_journal_keeps_no_key_of_a_web_address() -> None:
    """The path of a robot's address is its key: host and digest are enough to see a change."""
    shown = journalled({"address": "https://user:pw@robot.example/send?key=secret", "channel": "webhook"})
    assert "secret" not in str(shown)
    assert "pw" not in str(shown)
    assert shown["address"].startswith("https://robot.example/... (")
    assert journalled({"address": "a@b.example"}) == {"address": "a@b.example"}


def test_a_mandatory_sensor_has_staleness_unless_the_file_states_its_own() -> None:
    """Silence of a mandatory detector is a hazard in itself."""
    assert "ch4.stale" in {d.key for d in full().definitions}
    own = SMALL.replace(
        "- gas.lel-1", "- gas.lel-1\n                  - {limit: signal.stale, key: silent, setpoint: 30}"
    )
    keys = {d.key: d.setpoint for d in full(own).definitions if d.detector == "stale"}
    assert keys == {"ch4.silent": 30.0}


def test_a_plants_own_limit_without_a_ceiling_has_the_usual_one() -> None:
    """So it does not let a detector for life safety be silent for three hours; one that goes by no periods is what it says."""
    texts = "title: {en: Silent, zh: 无数据}, consequence: {en: Unseen., zh: 无人察觉。}, response: {en: Check., zh: 检查。}"
    own = "detector: stale, setpoint: 10, priority: high, respond_within_s: 600, source: plant, " + texts
    for parameters, ceiling_s in (("{periods: 5}", 60.0), ("{periods: 5, ceiling_s: 30}", 30.0), ("{}", None)):
        line = f"- gas.lel-1\n                  - {{key: silent, {own}, parameters: {parameters}}}"
        (silence,) = [d for d in full(SMALL.replace("- gas.lel-1", line)).definitions if d.detector == "stale"]
        assert silence.parameters.get("ceiling_s") == ceiling_s


def test_each_site_has_davys_own_sensors() -> None:
    """Every alarm has a definition and a sensor: broker and gateways too."""
    rows = full()
    virtual = {s.key: s for s in rows.sensors if s.is_virtual}
    assert set(virtual) == {"_broker", "_spool", "_clocks", "_limits", "_gateway.gw-1", "_gateway.gas-1"}
    assert {s.device for s in virtual.values()} == {"_davy.north"}
    judged = {d.sensor: (d.detector, d.direction, d.setpoint) for d in rows.definitions if d.sensor.startswith("_")}
    assert judged == {**dict.fromkeys(virtual, ("limit", "high", 1.0)), "_spool": ("limit", "high", 80.0)}


def test_what_is_in_the_database_is_checked_too() -> None:
    """A device of another site, a unit that would change what is stored, a person of another company."""
    before = full()
    moved = SMALL.replace("key: north", "key: south").replace("[north]", "[south]")
    assert any("belongs to site north, not south" in sentence for _, sentence in check(read(moved).portfolio, before))
    other = SMALL.replace("key: acme", "key: ecma").replace("[acme]", "[ecma]")
    told = [sentence for _, sentence in check(read(other).portfolio, before)]
    assert any("person so belongs to company acme" in sentence for sentence in told)
    assert any("device gas-1 belongs to company acme" in sentence for sentence in told)
    before.sensors = [replace(s, unit="%") if s.key == "ch4" else s for s in before.sensors]
    assert any("is stored in %, not %{LEL}" in sentence for _, sentence in check(read(SMALL).portfolio, before))


def test_nobody_leaves_a_route_that_the_file_does_not_name_with_nobody() -> None:
    """A file that only says who is gone, or has no address any more: refused, with the route and whom it is about."""
    before = full()
    assert before.routes
    so = next(row for row in before.people if row.key == "so")
    gone = Portfolio(
        people=[replace(so, active=False, line=7)], addresses=[a for a in before.addresses if a.person == "so"]
    )
    assert [(line, said) for line, said in check(gone, before) if "nobody whom it reaches" in said] == [
        (
            7,
            "person so leaves route north/all with nobody whom it reaches; name somebody in its steps, in this file, before they go.",
        )
    ]
    silent = Portfolio(people=[so])
    assert ["route north/all" in said for _, said in check(silent, before)] == [True]
    uw = next(row for row in before.people if row.key == "uw")
    elsewhere = Portfolio(
        people=[replace(uw, looks_after=())], addresses=[a for a in before.addresses if a.person == "uw"]
    )
    assert any("route north/insurer with nobody" in said for _, said in check(elsewhere, before))
    already = replace(so, active=False)
    left = Portfolio(people=[already], routes=before.routes)
    assert not any("nobody whom" in said for _, said in left_unheard(Portfolio(people=[already]), left)), (
        "it was so before"
    )


def test_a_duty_position_of_which_nobody_is_left_reaches_nobody() -> None:
    """Who has turns there is told, over whichever channel they have; once the last of them goes, the route has nobody."""
    before = full()
    route = next(row for row in before.routes if row.key == "all")
    so = next(row for row in before.people if row.key == "so")
    day = RosterLayer(key="day", people=("so",), begins_on=date(2026, 1, 5), hand_over=time(7), turn_days=7)
    before.rosters = [
        RosterRow(company=route.company, site=route.site, key="duty", name="Duty", name_zh="值班", audience="client",
                  time_zone="Asia/Shanghai", layers=(day,)),
    ]  # fmt: skip
    before.routes = [
        replace(route, steps=(Step(position=0, after_s=0.0, person="", channel="preferred", roster="duty"),))
    ]
    addresses = [row for row in before.addresses if row.person == "so"]
    assert list(left_unheard(Portfolio(people=[so], addresses=addresses), before)) == []
    for gone in (
        Portfolio(people=[replace(so, active=False)], addresses=addresses),
        Portfolio(people=[so]),
        Portfolio(rosters=[replace(before.rosters[0], retired=True)]),
    ):
        assert ["route north/all with nobody" in said for _, said in left_unheard(gone, before)] == [True]


def test_a_part_of_a_file_may_name_what_is_in_the_database() -> None:
    """The insurer's people and the zones need not be repeated in each plant's file."""
    part = SMALL[SMALL.index("companies:") :]
    alone = read("davy: site/1\n" + part)
    assert alone.mistakes == []
    assert check(alone.portfolio, full()) == []
    assert any("uw, who is nobody" in sentence for _, sentence in check(alone.portfolio, Portfolio()))
