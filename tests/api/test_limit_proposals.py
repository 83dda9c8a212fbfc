"""Proposals of limits written past the page, with the web role and one's own token: none of them blocks a limit."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.api.conftest import House
from tests.api.test_limits import INTEGRATOR, OFFICER, as_web, in_english, of, propose, settle, values

pytestmark = pytest.mark.db

LIMIT = "temp-pump.high"
NUMBERS = (
    "setpoint",
    "deadband",
    "on_delay_s",
    "off_delay_s",
    "respond_within_s",
    "realarm_after_s",
    "votes",
    "votes_of",
)
NO_NUMBERS: tuple[Any, ...] = ("7", "NaN", True, [], {}, -(10**400), 10**400)
TOO_SMALL = (
    '{"setpoint": 1e-400}',
    '{"deadband": 1e-400}',
    '{"parameters": {"a": -1e-400}}',
)  # nothing that Davy reckons with holds it
UNREADABLE: list[dict[str, Any]] = [
    *({name: each} for name in NUMBERS for each in NO_NUMBERS),
    *({name: None} for name in NUMBERS if name != "realarm_after_s"),
    {"votes": 1.5}, {"votes": 0}, {"deadband": -1}, {"priority": "urgent"}, {"priority": None}, {"latch": "t"}, {"retired": 1}, {"title": 3},
    {"title": None}, {"standard": []}, {"verified_on": "soon"}, {"parameters": []}, {"parameters": {"a": "b"}}, {"parameters": None}, {"parameters": 3},
    {"nothing": 1}, {"sensor_id": 1}, {"detector": "none"}, {"direction": "low"}, {"kind": "x"}, {"other": 3}, {"other": None}, {"__class__": 1},
]  # fmt: skip
SENSELESS: list[dict[str, Any]] = [
    {"votes": 64}, {"verified_on": "2026-02-31"}, {"parameters": {"unheard_of": -1e15}}, {"setpoint": -1e15}, {"title": ""},
    {"title": "<script>", "standard": "<b>"}, {"on_delay_s": 1e15, "off_delay_s": 1e15, "respond_within_s": 1e15, "realarm_after_s": 1e15},
    {"retired": False}, {"realarm_after_s": None, "latch": True, "priority": "life-safety"},
]  # fmt: skip


def write(house: House, proposed: dict[str, Any] | str, old: dict[str, Any] | str | None = None) -> None:
    """A proposal in the officer's own name; text: as JSON has it and Python does not."""
    row = {**values(house), "retired": False}
    before = {name: row.get(name) for name in proposed} if old is None else old
    as_web(
        house, "officer",
        "INSERT INTO limit_change (company_id, site_id, definition_id, base_version, old, proposed, reason, proposed_by, proposed_at)"
        " SELECT company_id, site_id, definition_id, version, %s, %s, 'r', %s, now() FROM alarm_definition WHERE definition_id = %s"
        " RETURNING change_id",
        *(Jsonb(each, dumps=str if isinstance(each, str) else json.dumps) for each in (before, proposed)), house.plant.a.people["officer"], of(house, LIMIT),
    )  # fmt: skip


def test_what_nobody_could_read_is_taken_from_nobody(timescale_house: House) -> None:
    """Neither as it would be nor as it was, nor where the two are of different fields."""
    house = timescale_house
    for each in UNREADABLE:
        for proposed, old in ((each, None), (each, each), ({"setpoint": 79}, each)):
            with pytest.raises(psycopg.errors.CheckViolation):
                write(house, proposed, old)
    with pytest.raises(psycopg.errors.CheckViolation):
        write(house, {"setpoint": 79}, {})
    for text in TOO_SMALL:
        with pytest.raises(psycopg.errors.CheckViolation):
            write(house, text, text)


def test_what_can_be_read_and_is_no_limit_is_shown_and_ended(timescale_house: House) -> None:
    """By its proposer and by another; the page and its JSON open, approving says that it cannot be, and the limit changes again."""
    house = timescale_house
    limit = of(house, LIMIT)
    officer, integrator = in_english(house.visitor(OFFICER)), in_english(house.visitor(INTEGRATOR))
    for each in SENSELESS:
        for client, words, offer in ((officer, "", "Withdraw it"), (integrator, "no limit is so", "Refuse it")):
            write(house, each)
            shown = client.get(f"/limits/{limit}")
            assert shown.status_code == 200, each
            assert offer in shown.text
            assert "<script>" not in shown.text.partition("<main")[2].partition("</main")[0]
            assert client.get(f"/api/v1/limits/{limit}").status_code == 200
            assert client.get("/limits").status_code == 200
            assert settle(client, limit, "settle", words).status_code == 303
    assert propose(officer, limit, setpoint="79").status_code == 303
    assert values(house)["setpoint"] == 79.0


NO_LIMITS = [
    *SENSELESS[:2],
    *({name: 1e15} for name in ("on_delay_s", "off_delay_s", "respond_within_s", "realarm_after_s")),
]


@pytest.mark.parametrize("proposed", NO_LIMITS, ids=str)
def test_what_is_no_limit_is_put_in_force_by_nobody(timescale_house: House, proposed: dict[str, Any]) -> None:
    """Two people who overrule everything get a sentence, and the limit stays as it was."""
    house = timescale_house
    limit, before = of(house, LIMIT), values(house)
    write(house, {**proposed, "priority": "life-safety"})
    officer, integrator = in_english(house.visitor(OFFICER)), in_english(house.visitor(INTEGRATOR))
    assert settle(officer, limit, "overrule", "all the same").status_code == 303
    done = settle(integrator, limit, "approve", "yes")
    assert done.status_code == 409
    assert "These values cannot be a limit; withdraw the proposal, or refuse it." in done.text
    assert values(house) == before
