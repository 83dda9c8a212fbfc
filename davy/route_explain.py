"""`davy route explain`: who was, or would be, told of an occurrence, when, over what and by which rule. As the owner."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from alerting.held import with_calm
from alerting.routing import plan
from alerting.store.definitions import load_routes
from alerting.store.explaining import booked, find_call, keys_of
from core.db import connect
from core.errors import BadInput
from core.migrate import require_current


@dataclass(frozen=True, slots=True)
class ExplainedStep:
    """One message.

    Args:
        at: when it went out, or is due.
        who: key of the person.
        state: as the queue has it; None: it is not there, and the routes as they are now would send it.
        outcome: the receiver's receipt, or why it was not sent.
        held_by: "group", "storm" or "cause", where it did not go out by itself; told_in: key of the message that told of it.
    """

    at: str
    who: str
    channel: str
    rule: str
    state: str | None = None
    outcome: str | None = None
    held_by: str | None = None
    told_in: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of one call.

    Args:
        onset: from when people were called; None: nobody was.
        said: in one sentence, where the steps come from.
    """

    occurrence: int
    onset: str | None
    said: str
    steps: list[ExplainedStep]

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a person."""
        told = (f"{s.at}  {s.who}  {s.channel}  {s.state or 'would be sent'}: {s.rule}" for s in self.steps)
        return [self.said, *told]


def explain(owner_url: str, occurrence_id: int, at: datetime) -> Explanation:
    """Explains the call that ran at an instant: by the books, or, where they have none, by the routes as they are now.

    Raises:
        DatabaseAway: it does not answer.
        BadInput: no such occurrence, or it had not begun.
    """
    with closing(connect(owner_url, application="route-explain")) as connection, connection.transaction():
        require_current(connection, "davy_owner")
        call = find_call(connection, occurrence_id, at)
        if call is None:
            raise BadInput(f"There is no occurrence {occurrence_id}; its number stands in the address of its page.")
        if call.began_at > at:
            raise BadInput(f"Occurrence {occurrence_id} began at {_said(call.began_at)}, after --at {_said(at)}.")
        rows = booked(connection, occurrence_id, at)
        if rows:
            steps = [
                ExplainedStep(
                    at=_said(row.sent_at or row.due_at),
                    who=row.who,
                    channel=row.channel,
                    rule=with_calm(row.rule, row.state, row.held_by, row.told_in, row.sent_at),
                    state=row.state,
                    outcome=row.outcome,
                    held_by=row.held_by,
                    told_in=row.told_in,
                )
                for row in rows
            ]
            return Explanation(occurrence_id, _said(rows[0].onset), "As the books have it.", steps)
        routes = load_routes(connection, [call.site_id]).get(call.site_id, [])
        calls = plan(call.priority, routes, onset=call.began_at, now=call.began_at)
        keys = keys_of(connection, [each.person_id for each in calls])
        steps = [ExplainedStep(_said(c.at), keys[c.person_id], c.channel, c.rule) for c in calls]
    said = (
        "Nobody was called; by the routes as they are now it would have been so."
        if steps
        else "No route names anybody."
    )
    return Explanation(occurrence_id, None, said, steps)


def read_at(text: str, now: datetime) -> datetime:
    """The instant of `--at`: ISO 8601, UTC where it names no offset; empty: now.

    >>> str(read_at("2026-03-01T08:00+08:00", datetime(2026, 1, 1, tzinfo=UTC)))
    '2026-03-01 00:00:00+00:00'

    Raises:
        BadInput: no instant.
    """
    if not text.strip():
        return now
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadInput(f"--at {text} is no instant; write one such as 2026-03-01T08:00:00+08:00.") from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _said(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
