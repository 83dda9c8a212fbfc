"""What people do to limits: propose a change, approve it, overrule its back-test, refuse or withdraw it.

Each runs inside the caller's transaction, under the web role and the person's own principal. The rules here give sentences;
who may do what is held by the owner's functions of 0015 too, which alone write a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection, DataError, IntegrityError

from alerting.limit_gate import LEAST_HISTORY, Gate, Proof, gate, worst
from alerting.proposal import MOST_WAITING
from alerting.store import limits as store
from alerting.store.limits import LimitInForce, OpenChange
from core.errors import Refused
from core.limit_form import read_change
from core.limit_rule import PackLimit, Vocabulary
from core.model import Priority, Role
from core.packs import standard_of
from core.portfolio import DefinitionRow, SensorRow
from core.site_changes import journalled
from core.site_difference_check import wrong_neighbour
from core.store.people import Actor, actor

LONGEST_WORDS: Final = 1000  # characters, as limit_change.reason
CHANGERS: Final = frozenset({Role.SAFETY_OFFICER, Role.INTEGRATOR})


class Mistaken(Refused):
    """What was typed cannot be a limit: every mistake as (field, sentence)."""

    def __init__(self, mistakes: list[tuple[str, str]]) -> None:
        super().__init__(" ".join(sentence for _, sentence in mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Standing:
    """An open proposal and what it waits for.

    Args:
        wanted: the limit as it would be.
        proof: the back-test that speaks for or against it; None: none has finished.
        outdated: the limit is another than its proposer saw.
    """

    change: OpenChange
    wanted: DefinitionRow
    gate: Gate
    proof: Proof | None
    outdated: bool


def propose(
    connection: Connection[Any],
    definition_id: int,
    *,
    person_id: int,
    now: datetime,
    base_version: int,
    typed: Mapping[str, str],
    reason: str,
    overruling: str = "",
    words: Vocabulary,
    packs: Mapping[str, PackLimit],
) -> int:
    """Writes a proposal down, and applies it at once where it needs neither a proof nor a second person. Gives its id.

    Args:
        base_version: of the limit, as the proposer saw it.
        typed: fields by the names of `core.limit_form.FIELDS`.

    Raises:
        Mistaken: the values cannot be a limit.
        Refused: no reason, nothing changed, another version or another proposal, or not for this person to do.
    """
    limit = _limit(connection, definition_id)
    who = _changer(connection, person_id, limit.company_id)
    why = _required(reason, "Say why the limit changes: the reason is kept with the change for good.")
    overruling = _words(overruling)
    store.take_turns(connection, definition_id)
    if limit.is_own:
        raise Refused("This limit watches Davy itself and comes with it; it does not change here.")
    if base_version != limit.version:
        raise Refused(
            f"This limit was changed meanwhile: version {limit.version} is in force, and you saw version {base_version}. "
            "Look at it as it is now and propose again."
        )
    if store.open_change(connection, definition_id=definition_id) is not None:
        raise Refused("A change of this limit is proposed already; settle that one first.")
    wanted, mistakes = read_change(
        limit.row, typed, limit.sensor, words, standard_of(limit.row, limit.sensor.unit, packs), limit.other,
        neighbours(connection, limit),
    )  # fmt: skip
    if mistakes:
        raise Mistaken(mistakes)
    old, proposed = differences(limit.row, wanted)
    if not proposed:
        raise Refused("Nothing would change: every value is as it is in force.")
    if proposed.get("retired") is False and limit.sensor.retired:
        raise Refused("The sensor of this limit is retired; a limit cannot come back without it.")
    change_id = store.insert_change(
        connection, limit, old=old, proposed=proposed, reason=why, overruling=overruling or None, person_id=person_id, now=now
    )  # fmt: skip
    _, demands = _demands(connection, limit, wanted, proposed, now)
    if not demands.two_people and demands.unproven is None and not overruling:
        approve(connection, change_id, definition_id=definition_id, person_id=who.person_id, now=now)
    store.notify(connection, limit.company_id)
    return change_id


def approve(
    connection: Connection[Any], change_id: int, *, definition_id: int, person_id: int, now: datetime, words: str = ""
) -> int:
    """Applies a proposal: by its proposer where one person is enough, else by a second one. Gives the definitions' version.

    Raises:
        Refused: settled already, outdated, not proven, or not for this person to approve.
    """
    limit = _limit(connection, definition_id)
    who = _changer(connection, person_id, limit.company_id)
    said = _words(words)
    found = standing(connection, limit, now)
    if found is None or found.change.change_id != change_id:
        raise Refused("This proposal is settled already.")
    change = found.change
    if found.outdated:
        raise Refused(
            "The limit was changed since this was proposed. Withdraw the proposal, look at the limit and propose again."
        )
    if "other" in change.proposed:  # what was a sensor in use when it was proposed may be none by now
        for sentence in wrong_neighbour(found.wanted, neighbours(connection, limit)):
            raise Refused(sentence)
    overruled = change.overruling is not None
    if found.gate.unproven is not None and not overruled:
        raise Refused(found.gate.unproven)
    if found.gate.two_people or overruled:
        if change.proposed_by == person_id:
            raise Refused("A second person must approve this: you proposed it.")
        proposer = actor(connection, change.proposed_by)
        if proposer is None or not proposer.active:
            raise Refused(
                "Whoever proposed this is no longer active and answers for nothing; refuse it and propose it anew."
            )
        if Role.SAFETY_OFFICER not in (who.role, proposer.role):
            raise Refused("One of the two must be a safety officer of the company.")
        if overruled and not said:
            raise Refused("You overrule the back-test with your approval: say why.")
    try:
        moved = store.apply_change(
            connection, change_id, words=said, proof=None if found.proof is None else found.proof.backtest_id, now=now
        )
    except (DataError, IntegrityError) as error:  # written past the page: it can be read, and is no limit
        raise Refused("These values cannot be a limit; withdraw the proposal, or refuse it.") from error
    if moved is None:
        raise Refused(
            "The limit was changed since this was proposed. Withdraw the proposal, look at the limit and propose again."
        )
    store.notify(connection, limit.company_id)
    return moved


def overrule(connection: Connection[Any], change_id: int, *, definition_id: int, person_id: int, words: str) -> None:
    """Its proposer says why it should be applied without, or in spite of, a back-test; a second person must say so too.

    Raises:
        Refused: no words, settled already, or somebody else's.
    """
    limit = _limit(connection, definition_id)
    _changer(connection, person_id, limit.company_id)
    why = _required(words, "Overruling a back-test needs your reason in writing.")
    if not store.write_overruling(connection, change_id, why):
        raise Refused(
            "Only its proposer overrules the back-test of an open proposal; the second person does so by approving."
        )
    store.notify(connection, limit.company_id)


def ask_backtest(
    connection: Connection[Any], change_id: int, *, definition_id: int, person_id: int, now: datetime
) -> None:
    """Has the open proposal tried on the last week of the site's own history, in the background.

    Raises:
        Refused: settled already, it changes nothing that a back-test could try, or so many wait that this one would be forgotten.
    """
    limit = _limit(connection, definition_id)
    _changer(connection, person_id, limit.company_id)
    change = store.open_change(connection, definition_id=definition_id)
    if change is None or change.change_id != change_id:
        raise Refused("This proposal is settled already.")
    tried = judged(change.proposed)
    if not tried or "retired" in tried:
        raise Refused("A back-test tries numbers; this change has none to try.")
    if store.backtests_waiting(connection) >= MOST_WAITING:
        raise Refused("Twenty back-tests wait already; call one off, or wait until some are done.")
    until = now.replace(second=0, microsecond=0)
    store.ask_backtest(connection, limit, tried, since=until - LEAST_HISTORY, until=until, person_id=person_id, now=now)
    store.notify(connection, limit.company_id)


def settle(
    connection: Connection[Any], change_id: int, *, definition_id: int, person_id: int, now: datetime, words: str
) -> None:
    """Withdraws one's own proposal, or refuses somebody else's, which needs a reason.

    Raises:
        Refused: settled already, or no reason.
    """
    limit = _limit(connection, definition_id)
    _changer(connection, person_id, limit.company_id)
    change = store.open_change(connection, definition_id=definition_id)
    if change is None or change.change_id != change_id:
        raise Refused("This proposal is settled already.")
    said = _words(words)
    if change.proposed_by != person_id and not said:
        raise Refused("Say why you refuse the change.")
    if not store.settle_change(connection, change_id, words=said, now=now):
        raise Refused("This proposal is settled already.")
    store.notify(connection, limit.company_id)


def standing(connection: Connection[Any], limit: LimitInForce, now: datetime) -> Standing | None:
    """The open proposal of a limit and what it waits for; None where there is none that the principal may see."""
    change = store.open_change(connection, definition_id=limit.definition_id)
    if change is None:
        return None
    wanted = as_proposed(limit.row, change.proposed)
    proof, demands = _demands(connection, limit, wanted, change.proposed, now)
    in_force = journalled(limit.row.columns())
    outdated = change.base_version != limit.version or any(in_force[name] != was for name, was in change.old.items())
    return Standing(change, wanted, demands, proof, outdated)


def _demands(
    connection: Connection[Any], limit: LimitInForce, wanted: DefinitionRow, proposed: Mapping[str, Any], now: datetime
) -> tuple[Proof | None, Gate]:
    proof = worst(store.proofs_of(connection, limit, judged(proposed)), limit.heard_since, now=now)
    demands = gate(
        limit.row,
        wanted,
        proof,
        limit.heard_since,
        now=now,
        for_life=limit.for_life,
        on_life=limit.on_life,
        last=limit.last,
    )
    return proof, demands


def differences(old: DefinitionRow, new: DefinitionRow) -> tuple[dict[str, Any], dict[str, Any]]:
    """(as it is, as it would be) of the fields that differ, as the journal keeps them."""
    before, after = journalled(old.columns()), journalled(new.columns())
    names = [name for name in after if after[name] != before[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def judged(proposed: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a change that are judged by."""
    return {name: value for name, value in proposed.items() if name in DefinitionRow.judging}


def as_proposed(row: DefinitionRow, proposed: Mapping[str, Any]) -> DefinitionRow:
    """The row with a proposal's values."""
    values = {name: Priority(value) if name == "priority" else value for name, value in proposed.items()}
    return DefinitionRow(**{**row.columns(), **values})


def neighbours(connection: Connection[Any], limit: LimitInForce) -> dict[str, SensorRow]:
    """The sensors of its site by `device/sensor`, of a limit that is compared with one; of any other there are none to choose."""
    return {} if limit.row.other is None else store.sensors_of_site(connection, limit.site_id)


def _limit(connection: Connection[Any], definition_id: int) -> LimitInForce:
    found = store.limit_in_force(connection, definition_id)
    if found is None:
        raise Refused("There is no such limit.")
    return found


def _changer(connection: Connection[Any], person_id: int, company_id: int) -> Actor:
    who = actor(connection, person_id)
    if who is None or not who.active or who.company_id != company_id or who.role not in CHANGERS:
        raise Refused("Only the company's own safety officers and integrators change its limits.")
    return who


def _required(text: str, missing: str) -> str:
    if not text.strip():
        raise Refused(missing)
    return _words(text)


def _words(text: str) -> str:
    if len(text.strip()) > LONGEST_WORDS:
        raise Refused(f"The text has {len(text.strip())} characters; it may have {LONGEST_WORDS}.")
    return text.strip()
