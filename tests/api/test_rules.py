"""Permissions, throttling, choices: the pure rules of the web."""

import tracemalloc
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.store.status import ProcessBeat
from api.choices import Choices, choices, sees_evidence
from api.pages.devices import standing
from api.pages.frame import trouble
from api.permissions import HOME, RIGHTS, Right, may, sees_all_companies
from api.store.devices import DeviceLine
from api.store.status import IngestBeat
from api.throttle import PER_ADDRESS, PER_LOGIN, PER_LOGIN_AND_ADDRESS, WINDOW, Throttle
from api.visitor import Visitor
from core.model import Role

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
INSURERS = (Role.UNDERWRITER, Role.RISK_ENGINEER)


def test_every_role_has_rights_and_a_home() -> None:
    """A new role without a row would be a hole or a locked door."""
    assert set(RIGHTS) == set(HOME) == set(Role)


def test_only_the_client_s_safety_officer_acts() -> None:
    """Nobody at the insurer, no integrator and no operator acknowledges a client's alarm."""
    assert [role for role in Role if may(role, Right.ACT)] == [Role.SAFETY_OFFICER]


@pytest.mark.parametrize("role", INSURERS)
def test_the_insurer_sees_occurrences_and_no_live_stream(role: Role) -> None:
    """Graded and aggregated risk, not live streams of people; of duty their own desk. Who inspects sites also tries whether they can respond, and
    answers complaints."""
    engineers = (
        {Right.SEE_MODELS, Right.START_EXERCISE, Right.SEE_COMPLAINTS, Right.ANSWER_COMPLAINTS}
        if role is Role.RISK_ENGINEER
        else set()
    )
    assert RIGHTS[role] == engineers | {
        Right.SEE_OCCURRENCES,
        Right.COMMENT,
        Right.ACKNOWLEDGE_FOR_INSURER,
        Right.SEE_FINDINGS,
        Right.SEE_IMPAIRMENTS,
        Right.SEE_SUPPRESSIONS,
        Right.SEE_PORTFOLIO,
        Right.SEE_SITE,
        Right.SEE_LIMITS,
        Right.SEE_READINESS,
        Right.SEE_DUTY,
        Right.KEEP_DUTY,
        Right.SEE_VOICE,
        Right.SEE_VOICE_COUNTS,
    }


def test_only_the_operator_sees_all_companies() -> None:
    """Everybody else sees what the database names for them."""
    assert [role for role in Role if sees_all_companies(role)] == [Role.ADMIN]


def test_five_failures_then_a_wait_that_ends() -> None:
    """Guessing is slow; a person who waits comes in, and nobody is locked out for good."""
    throttle = Throttle()
    for _ in range(PER_LOGIN_AND_ADDRESS):
        assert throttle.wait("chen", "10.0.0.1", NOW) == timedelta(0)
        throttle.failed("chen", "10.0.0.1", NOW)
    assert throttle.wait("chen", "10.0.0.1", NOW) == WINDOW
    assert throttle.wait("chen", "10.0.0.2", NOW) == timedelta(0)  # the person herself, elsewhere
    assert throttle.wait("wang", "10.0.0.1", NOW) == timedelta(0)
    assert throttle.wait("chen", "10.0.0.1", NOW + WINDOW) == timedelta(0)


def test_a_subscriber_s_many_ipv6_addresses_are_one() -> None:
    """Whoever has one IPv6 address has 2^64 of them."""
    throttle = Throttle()
    for i in range(PER_ADDRESS):
        throttle.failed(f"login{i}", f"2001:db8::{i:x}", NOW)
    assert throttle.wait("another", "2001:db8::ffff", NOW) == WINDOW
    assert throttle.wait("another", "2001:db8:0:1::1", NOW) == timedelta(0)


def test_a_flood_of_long_logins_costs_little() -> None:
    """A login may be as long as a request; what is remembered of it is not."""
    throttle = Throttle()
    tracemalloc.start()
    for i in range(200):
        throttle.failed(f"{i}" + "x" * 60_000, f"10.0.0.{i}", NOW)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000_000
    long = "0" + "x" * 60_000
    for _ in range(PER_LOGIN):
        throttle.failed(long, "10.0.1.1", NOW)
    assert throttle.wait(long, "10.0.2.2", NOW) == WINDOW


def test_many_addresses_and_many_logins_are_slowed_too() -> None:
    """Neither spreading over addresses nor over logins goes round the throttle."""
    throttle = Throttle()
    for i in range(PER_LOGIN):
        throttle.failed("chen", f"10.0.1.{i}", NOW)
    assert throttle.wait("chen", "10.9.9.9", NOW) == WINDOW
    for i in range(PER_ADDRESS):
        throttle.failed(f"login-{i}", "10.0.0.9", NOW)
    assert throttle.wait("somebody", "10.0.0.9", NOW) == WINDOW


def test_success_forgets_one_s_own_failures() -> None:
    """Four typing mistakes and a success leave five more tries."""
    throttle = Throttle()
    for _ in range(PER_LOGIN_AND_ADDRESS - 1):
        throttle.failed("chen", "10.0.0.1", NOW)
    throttle.succeeded("chen", "10.0.0.1")
    throttle.failed("chen", "10.0.0.1", NOW)
    assert throttle.wait("chen", "10.0.0.1", NOW) == timedelta(0)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 600)), max_size=80))
def test_a_wait_is_never_longer_than_the_window(tries: list[tuple[str, str, int]]) -> None:
    """Whatever happens, five minutes are enough."""
    throttle = Throttle()
    now = NOW
    for login, address, seconds in tries:
        now += timedelta(seconds=seconds)
        throttle.failed(login, address, now)
        assert throttle.wait(login, address, now) <= WINDOW


def visitor(role: Role) -> Visitor:
    return Visitor(
        person_id=1,
        name="x",
        role=role,
        company_id=1,
        companies=(1,),
        language="en",
        secret=bytes(32),
        expires_at=NOW,
    )


@dataclass(frozen=True)
class Standing:
    state: str = "B"
    active: bool = True
    suppression: str = "none"
    is_open: bool = True
    resolved_at: datetime | None = None
    shared: bool = False
    exercise: bool = False


@pytest.mark.parametrize(
    ("stands", "offered"),
    [
        (Standing("B"), Choices(acknowledge=True, shelve=True, comment=True)),
        (Standing("C"), Choices(shelve=True, comment=True)),
        (Standing("D", active=False), Choices(acknowledge=True, shelve=True, comment=True)),
        (Standing("E", active=False), Choices(acknowledge=True, shelve=True, comment=True)),
        (Standing("F", active=False), Choices(reset=True, shelve=True, comment=True)),
        (Standing("A", active=False), Choices(resolve=True, comment=True)),
        (Standing("B", suppression="shelved"), Choices(acknowledge=True, unshelve=True, comment=True)),
        (Standing("A", active=False, is_open=False, resolved_at=NOW), Choices(comment=True)),
    ],
)
def test_the_page_offers_what_the_state_allows(stands: Standing, offered: Choices) -> None:
    """A form that can only be refused is not shown. Photos may be added at any time, and somebody named while it is open."""
    always = replace(offered, photo=True, assign=stands.is_open)
    assert choices(visitor(Role.SAFETY_OFFICER), stands) == always
    for role in INSURERS:
        assert choices(visitor(role), stands) == Choices(comment=True, insurer=True)
    assert choices(visitor(Role.INTEGRATOR), stands) == Choices(comment=True)
    assert choices(visitor(Role.ADMIN), stands) == Choices()


@pytest.mark.parametrize("role", INSURERS)
def test_the_insurer_sees_evidence_once_resolved_or_shared(role: Role) -> None:
    """Not before."""
    assert not sees_evidence(visitor(role), Standing())
    assert sees_evidence(visitor(role), Standing(resolved_at=NOW))
    assert sees_evidence(visitor(role), Standing(shared=True))
    assert sees_evidence(visitor(Role.SAFETY_OFFICER), Standing())


def test_a_late_beat_is_said_with_its_instant() -> None:
    """A page over a dead ingest must not look quiet."""
    assert trouble([IngestBeat("w", NOW - timedelta(seconds=3), "judging")], NOW) is None
    late = trouble([IngestBeat("w", NOW - timedelta(seconds=11), "judging"), IngestBeat("v", NOW, "judging")], NOW)
    assert late is not None
    assert late.since == NOW - timedelta(seconds=11)
    assert "not being stored since" in late.text
    away = trouble([IngestBeat("w", NOW, "broker_away")], NOW)
    assert away is not None
    assert "broker" in away.text
    never = trouble([], NOW)
    assert never is not None
    assert never.since is None


def test_a_message_that_waits_is_said() -> None:
    """With nobody sending, the page must not look as if people were called."""
    well = [IngestBeat("w", NOW, "judging")]
    assert trouble(well, NOW, NOW - timedelta(seconds=20)) is None
    unsent = trouble(well, NOW, NOW - timedelta(seconds=31))
    assert unsent is not None
    assert unsent.since == NOW - timedelta(seconds=31)
    assert "Call them yourself" in unsent.text


WELL = [IngestBeat("w", NOW, "judging")]


def lives(process: str, age_s: float = 0, turn_s: float = 0) -> dict[str, ProcessBeat]:
    """Signs of life, all fresh but for one."""
    fresh = {name: ProcessBeat(name, NOW, NOW) for name in ("alerting", "risk")}
    then, turned = NOW - timedelta(seconds=age_s), NOW - timedelta(seconds=turn_s)
    return {**fresh, process: ProcessBeat(process, then, turned)}


@pytest.mark.parametrize(
    ("processes", "text", "since_s", "grave"),
    [
        (lives("alerting"), None, 0, True),
        (lives("alerting", age_s=11, turn_s=11), "Nobody is being called since", 11, True),
        (lives("alerting", turn_s=44), None, 0, True),
        (lives("alerting", turn_s=46), "A message has been stuck in sending since", 46, True),
        (lives("risk", age_s=899), None, 0, True),
        (lives("risk", age_s=901), "Deadlines, impairments and digests are not looked after since", 901, False),
        (lives("detectors", age_s=119, turn_s=119), None, 0, True),
        (lives("detectors", age_s=121, turn_s=121), "Not every model judges since", 121, False),
        (lives("detectors", turn_s=121), "Not every model judges since", 121, False),
        ({}, "Nobody is being called: Davy's alerting has not run yet.", None, True),
        ({"alerting": ProcessBeat("alerting", NOW, NOW)}, "are not looked after yet", None, False),
    ],
)
def test_who_calls_nobody_is_said(
    processes: dict[str, ProcessBeat], text: str | None, since_s: float | None, grave: bool
) -> None:
    """With alerting dead and nothing waiting, the page must not look as if people were called; deadlines weigh less."""
    found = trouble(WELL, NOW, None, processes)
    if text is None:
        assert found is None
        return
    assert found is not None
    assert text in found.text
    assert found.since == (None if since_s is None else NOW - timedelta(seconds=since_s))
    assert found.grave is grave


def test_the_worst_is_said_first() -> None:
    """No readings, then nobody called, then ingest's start, then deadlines."""
    dead = lives("alerting", age_s=60)
    late = trouble([IngestBeat("w", NOW - timedelta(seconds=60), "judging")], NOW, None, dead)
    assert late is not None
    assert "not being stored" in late.text
    starting = trouble([IngestBeat("w", NOW, "starting")], NOW, None, dead)
    assert starting is not None
    assert "Nobody is being called" in starting.text


def test_unknown_is_not_safe_for_devices_either() -> None:
    """Never heard, offline and silent are abnormal, each by its name."""
    common = {
        "device_id": 1, "key": "d", "kind": "k", "site": "s", "site_zh": "s", "company": "c", "company_zh": "c",
        "time_zone": "UTC", "sensors": 1, "missing": 0, "repeated": 0, "clock_offset_ms": None, "boot": None, "seq": None,
        "rejected": 0, "restarts": 0,
        **dict.fromkeys(("clock_wrong_since", "clock_right_since", "clock_was_ms", "restarted_at", "restarted_from", "restarted_to")),
    }  # fmt: skip

    def device(heard: datetime | None, online: bool | None, period: float) -> DeviceLine:
        return DeviceLine(last_received_at=heard, online=online, period_s=period, **common)  # type: ignore[arg-type]

    assert standing(device(None, None, 1), NOW) == ("Never heard", True)
    assert standing(device(NOW, False, 1), NOW) == ("Offline", True)
    assert standing(device(NOW - timedelta(seconds=90), True, 1), NOW) == ("Silent", True)
    assert standing(device(NOW - timedelta(seconds=90), True, 60), NOW) == ("Online", False)
