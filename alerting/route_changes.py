"""What people do to the steps of a route: propose a change, approve it, refuse or withdraw it.

Each runs inside the caller's transaction, under the web role and the person's own principal. What is typed becomes the mapping that a site
file has for a route, and is read and checked by the same code, so that neither takes what the other refuses. Who may do what is held by the
owner's functions of 0031 too, which alone write a step.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from alerting.routing import Call, plan
from alerting.store import routes as store
from alerting.store.limits import notify
from alerting.store.routes import OpenRouteChange, RouteInForce
from core.errors import Refused
from core.limit_rule import Vocabulary
from core.model import Priority, Role
from core.portfolio import Portfolio, RouteRow, Step
from core.route_strictness import carries_life, loosened
from core.site_references import check
from core.site_routes import read_route
from core.store.people import Actor, actor
from core.yaml_lines import Reading, read_block

LONGEST_WORDS: Final = 1000  # characters, as route_change.reason
CHANGERS: Final = frozenset({Role.SAFETY_OFFICER, Role.INTEGRATOR})


@dataclass(frozen=True, slots=True)
class Standing:
    """An open proposal and what it waits for.

    Args:
        wanted: the route as it would be.
        later: calls that would come later or no more.
        two_people: it needs a second person.
        outdated: the route is another than its proposer saw.
        mistake: why it can no longer be put in force: somebody of it has left, or lost their address.
    """

    change: OpenRouteChange
    wanted: RouteRow
    later: list[tuple[Step, Step | None]]
    two_people: bool
    outdated: bool
    mistake: str | None


def read_typed(
    found: RouteInForce, steps: Sequence[Mapping[str, Any]], among: Portfolio, words: Vocabulary
) -> RouteRow:
    """The route as somebody has typed its steps.

    Args:
        steps: as a site file has them; all else is as it was.
        among: whom it may name.

    Raises:
        Refused: with the first mistake.
    """
    old = found.row
    mapping = {
        "key": old.key, "audience": old.audience, "priorities": list(old.priorities), "hears": list(old.hears), "steps": list(steps)
    }  # fmt: skip
    reading, wanted = Reading(), Portfolio()
    block = read_block(json.dumps(mapping, ensure_ascii=False).replace("${", "$${"), reading)
    if block is not None:
        block.where = "the route"
        read_route(block, wanted, old.company or "", old.site, words)
    mistakes = [sentence for _, sentence in reading.mistakes] or _unsound(wanted.routes[0], among)
    if mistakes:
        raise Refused(mistakes[0])
    return wanted.routes[0]


def _unsound(row: RouteRow, among: Portfolio) -> list[str]:
    return [sentence.replace(row.subject, "the route") for _, sentence in check(Portfolio(routes=[row]), among)]


def propose(
    connection: Connection[Any],
    route_id: int,
    *,
    person_id: int,
    now: datetime,
    was: str,
    steps: Sequence[Mapping[str, Any]],
    reason: str,
    words: Vocabulary,
) -> int:
    """Writes a proposal down, and puts it in force at once where one person is enough. Gives its id.

    Args:
        was: what `mark` gave of the route as the proposer saw it.

    Raises:
        Refused: a mistake, no reason, nothing changed, somebody was faster, or not for this person to do.
    """
    found, who = _route(connection, route_id, person_id)
    store.take_turns(connection, route_id)
    why = _words(reason)
    if not why:
        raise Refused("Say why the route changes: the reason is kept with the change for good.")
    if was != mark(found.row):
        raise Refused("Somebody has changed this route since you opened the form; look at it again.")
    if store.open_change(connection, route_id) is not None:
        raise Refused("A change of this route is proposed already; settle that one first.")
    wanted = read_typed(found, steps, store.side(connection, found), words)
    if mark(wanted) == mark(found.row):
        raise Refused("That is so already: nothing was changed.")
    change_id = store.insert_change(connection, found, wanted.steps, reason=why, person_id=person_id, now=now)
    if not needs_two(found.row, wanted):
        approve(connection, change_id, route_id=route_id, person_id=who.person_id, now=now)
    notify(connection, found.company_id)
    return change_id


def approve(
    connection: Connection[Any], change_id: int, *, route_id: int, person_id: int, now: datetime, words: str = ""
) -> None:
    """Puts a proposal in force: by its proposer where one person is enough, else by a second one.

    Raises:
        Refused: settled already, outdated, it reaches somebody no more, or not for this person to approve.
    """
    found, who = _route(connection, route_id, person_id)
    said = _words(words)
    open_one = standing(connection, found)
    if open_one is None or open_one.change.change_id != change_id:
        raise Refused("This proposal is settled already.")
    if open_one.mistake is not None:
        raise Refused(open_one.mistake)
    if open_one.two_people:
        if open_one.change.proposed_by == person_id:
            raise Refused("A second person must approve this: you proposed it.")
        proposer = actor(connection, open_one.change.proposed_by)
        if proposer is None or not proposer.active:
            raise Refused(
                "Whoever proposed this is no longer active and answers for nothing; refuse it and propose it anew."
            )
        if Role.SAFETY_OFFICER not in (who.role, proposer.role):
            raise Refused("One of the two must be a safety officer of the company.")
    if open_one.outdated or not store.apply_change(connection, change_id, words=said, now=now):
        raise Refused(
            "The route was changed since this was proposed. Withdraw the proposal, look at the route and propose again."
        )
    notify(connection, found.company_id)


def settle(
    connection: Connection[Any], change_id: int, *, route_id: int, person_id: int, now: datetime, words: str
) -> None:
    """Withdraws one's own proposal, or refuses somebody else's, which needs a reason.

    Raises:
        Refused: settled already, or no reason.
    """
    found, _ = _route(connection, route_id, person_id)
    said, change = _words(words), store.open_change(connection, route_id)
    if change is None or change.change_id != change_id:
        raise Refused("This proposal is settled already.")
    if change.proposed_by != person_id and not said:
        raise Refused("Say why you refuse the change.")
    if not store.settle_change(connection, change_id, words=said, now=now):
        raise Refused("This proposal is settled already.")
    notify(connection, found.company_id)


def standing(connection: Connection[Any], found: RouteInForce) -> Standing | None:
    """The open proposal of a route and what it waits for; None where there is none that the principal may see."""
    change = store.open_change(connection, found.route_id)
    if change is None:
        return None
    wanted = replace(found.row, steps=store.steps_of(change.proposed))
    wrong = _unsound(wanted, store.side(connection, found))
    return Standing(
        change,
        wanted,
        loosened(found.row.steps, wanted.steps),
        needs_two(found.row, wanted),
        store.steps_of(change.old) != found.row.steps,
        wrong[0] if wrong else None,
    )


def needs_two(old: RouteRow, new: RouteRow) -> bool:
    """Whether two people answer for it: the client's own people hear of life safety later by it, or less."""
    return carries_life(old) and bool(loosened(old.steps, new.steps))


def rehearse(
    connection: Connection[Any], found: RouteInForce, steps: Sequence[Step], now: datetime
) -> dict[Priority, list[Call]]:
    """Whom an alarm that began now, and that nobody acknowledged, would call with these steps: by priority, every route of the site."""
    routes = store.routes_with(connection, found, steps, now)
    return {
        priority: plan(priority, routes, onset=now, now=now)
        for priority in Priority
        if priority in found.row.priorities
    }


def mark(row: RouteRow) -> str:
    """The same for the same steps: what a form was filled in against."""
    kept = json.dumps(store.kept_steps(row.steps), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(kept.encode()).hexdigest()[:32]


def _route(connection: Connection[Any], route_id: int, person_id: int) -> tuple[RouteInForce, Actor]:
    found = store.route_in_force(connection, route_id)
    if found is None:
        raise Refused("There is no such route.")
    who = actor(connection, person_id)
    if who is None or not who.active or who.company_id != found.company_id or who.role not in CHANGERS:
        raise Refused("Only the company's own safety officers and integrators change its routes.")
    if found.row.audience != "client":
        raise Refused("Whom the insurer calls of its own people is written in the site file.")
    return found, who


def _words(text: str) -> str:
    if len(text.strip()) > LONGEST_WORDS:
        raise Refused(f"The text has {len(text.strip())} characters; it may have {LONGEST_WORDS}.")
    return text.strip()
