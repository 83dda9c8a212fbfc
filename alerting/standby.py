"""Who is called while the database is away: the alarms' own table and the routes, on what was last known of both. Pure.

The same functions decide as when the database is there (`ledger.work_out`, `routing.plan`), from the same inputs, so the calls have the
same keys: what was sent meanwhile is recognised when the events reach the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from alerting.alarm import Alarm, Happening, Suppression
from alerting.delivery import Claimed
from alerting.ledger import AlarmKey, Change, Entry, Standing, changes_of, notification_key, work_out
from alerting.routing import INSTEAD, Call, Route, plan, worth_calling
from alerting.snapshot import LifeSafety, Recipient, Snapshot
from alerting.suppressing import LEAVES
from core.batch import Event
from core.model import Priority

# After the end of a suppression: a database that is there has been read again by then (davy/calls/keeper.py). Ours.
ENDS_UNSEEN: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class UrgentCall:
    """A message to be sent without the database, and what the books will want to know of it.

    Args:
        message: without an address where the channel that was asked for has none that lives.
        rule: why this person gets it, as in `routing.Call`.
        ways: the person's channels that nobody has tried for it.
        order: in which the person wants them, where the step leaves that to them.
        in_place_of: key of the call that this one stands in for.
    """

    message: Claimed
    alarm: AlarmKey
    company_id: int
    rule: str
    ways: tuple[Recipient, ...] = ()
    order: tuple[str, ...] = ()
    in_place_of: str | None = None

    @property
    def asked(self) -> str:
        """The key that the queue gives to what the route asks for."""
        return self.in_place_of or self.message.key

    def over(self, way: Recipient) -> UrgentCall:
        """The same call over another channel, under the key that the queue would give it then."""
        one = self.message
        key = f"{one.key.removesuffix(f'-{one.channel}')}-{way.channel}"
        message = replace(one, key=key, channel=way.channel, address=way.address, secret_ref=way.secret_ref)
        ways = tuple(each for each in self.ways if each.channel != way.channel)
        rule = f"{self.rule}{INSTEAD}{one.channel}"
        return replace(self, message=message, rule=rule, ways=ways, in_place_of=self.asked)


class Standby:
    """How the life-safety alarms stand, kept up with what conditions say.

    One thread uses it. What people do meanwhile is seen with the next snapshot.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._defined: list[LifeSafety] | None = None
        self._definitions: Mapping[AlarmKey, LifeSafety] = {}
        self._take(snapshot)
        self._standings = self._standings_in(snapshot)

    @property
    def snapshot(self) -> Snapshot:
        """The newest."""
        return self._snapshot

    def fresh(self, snapshot: Snapshot, *, behind: bool) -> None:
        """A newer snapshot.

        Args:
            behind: batches still wait in the spool, so the database does not know yet what is known here: only what people
                changed (definitions, routes, addresses, suppression) is taken over.
        """
        before = self._standings
        self._take(snapshot)
        found = self._standings_in(snapshot)
        if not behind:
            self._standings = found
            return
        self._standings = {}
        for key in before.keys() | found.keys():
            if key not in self._definitions:
                continue
            ours, theirs = before.get(key), found.get(key)
            standing = ours or theirs
            assert standing is not None
            now = theirs.alarm if theirs is not None else Alarm()
            alarm = replace(standing.alarm, suppression=now.suppression, until=now.until)
            self._standings[key] = replace(standing, alarm=alarm)

    def concerns(self, events: Sequence[Event]) -> list[Event]:
        """Those of life-safety alarms."""
        return [event for event in events if AlarmKey(event.definition_id, event.sensor_id) in self._definitions]

    def hear(self, events: Sequence[Event], now: datetime) -> list[UrgentCall]:
        """What these events make people need to know, the most urgent first.

        Args:
            events: of one batch, in their order.
            now: when the batch was judged: the same as `apply_events` gets.
        """
        changes = changes_of(self.concerns(events))
        if not changes:
            return []
        standings = {change.alarm: self._standing(change.alarm, now) for change in changes}
        entries = work_out(standings, changes, now=now)
        calls = []
        for entry in entries:
            self._standings[entry.before.key] = entry.after
            for onset in worth_calling(entry.onsets, now):
                calls += self._calls(entry, onset, now)
        return sorted(calls, key=lambda call: (call.message.due_at, call.message.key))

    def sweep(self, now: datetime) -> list[UrgentCall]:
        """What shelves and orders have ended while nobody could look: what is active beneath calls, as of that end.

        Where the snapshot is younger than the end, whoever looks after the database has ended it or will.
        """
        calls = []
        for key, standing in sorted(self._standings.items()):
            alarm, until = standing.alarm, standing.alarm.until
            if alarm.suppression is Suppression.NONE or until is None or key not in self._definitions:
                continue
            if until + ENDS_UNSEEN > now or self._snapshot.taken_at >= until:
                continue
            change = Change(alarm=key, happening=LEAVES[alarm.suppression], at=until, until=until)
            for entry in work_out({key: standing}, [change], now=now):
                self._standings[key] = entry.after
                for onset in worth_calling(entry.onsets, now):
                    calls += self._calls(entry, onset, now)
        return sorted(calls, key=lambda call: (call.message.due_at, call.message.key))

    def _standing(self, key: AlarmKey, now: datetime) -> Standing:
        """The alarm as it stands; a shelf whose end has passed holds nobody back."""
        found = self._standings.get(key) or _normal(self._definitions[key], now)
        alarm = found.alarm
        if alarm.suppression is not Suppression.NONE and alarm.until is not None and alarm.until <= now:
            found = replace(found, alarm=replace(alarm, suppression=Suppression.NONE, until=None))
        return found

    def _calls(self, entry: Entry, onset: datetime, now: datetime) -> list[UrgentCall]:
        key = entry.before.key
        definition = self._definitions[key]
        began = _began(entry, onset)
        found = []
        routes = self._snapshot.routes.get(definition.site_id, [])
        for call in plan(Priority.LIFE_SAFETY, routes, onset=onset, now=now):
            ways = self._recipients.get(call.person_id, {})
            if ways:  # else the books say that the person has no address, or is no longer active
                message = _message(definition, ways, call, onset=onset, now=now, began=began)
                others = tuple(way for channel, way in ways.items() if channel != call.channel)
                order = _own_order(routes, call)
                found.append(UrgentCall(message, key, definition.company_id, call.rule, others, order))
        return found

    def _take(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        if snapshot.definitions is not self._defined:  # mostly the same list comes again
            self._defined = snapshot.definitions
            self._definitions = {each.alarm: each for each in snapshot.definitions}
        self._recipients: dict[int, dict[str, Recipient]] = {}
        for each in snapshot.recipients:
            self._recipients.setdefault(each.person_id, {})[each.channel] = each

    def _standings_in(self, snapshot: Snapshot) -> dict[AlarmKey, Standing]:
        found = {}
        for known in snapshot.alarms:
            definition = self._definitions.get(AlarmKey(known.definition_id, known.sensor_id))
            if definition is not None:
                found[definition.alarm] = replace(_normal(definition, known.changed_at), alarm=known.alarm)
        return found


def _normal(definition: LifeSafety, at: datetime) -> Standing:
    """Nothing has happened to it; what only the books need (chain, numbers, occurrence) is left empty."""
    return Standing(
        key=definition.alarm,
        company_id=definition.company_id,
        site_id=definition.site_id,
        priority=Priority.LIFE_SAFETY,
        latch=definition.latch,
        alarm=Alarm(),
        occurrence_id=None,
        chain=b"",
        transitions=0,
        changed_at=at,
    )


def _began(entry: Entry, onset: datetime) -> Change | None:
    """The raise that the call is about."""
    raises = [draft.change for draft in entry.drafts if draft.change.happening is Happening.RAISE]
    return next((change for change in reversed(raises) if change.at <= onset), None)


def _own_order(routes: Sequence[Route], call: Call) -> tuple[str, ...]:
    if call.wish is None:
        return ()
    return next((wishes.urgent for route in routes if (wishes := route.people.get(call.person_id)) is not None), ())


def _message(
    definition: LifeSafety,
    ways: Mapping[str, Recipient],
    call: Call,
    *,
    onset: datetime,
    now: datetime,
    began: Change | None,
) -> Claimed:
    recipient = ways.get(call.channel)
    words = {name: getattr(definition, name) for name in _WORDS}
    return Claimed(
        **words,
        notification_id=0,
        key=notification_key(definition.alarm, onset, call.position, call.person_id, call.channel),
        attempt=1,
        created_at=now,
        due_at=call.at,
        onset=onset,
        step=call.position,
        audience=call.audience,
        channel=call.channel,
        occurrence_id=None,
        person_id=call.person_id,
        person_active=True,
        language=next(iter(ways.values())).language,
        address=None if recipient is None else recipient.address,
        secret_ref=None if recipient is None else recipient.secret_ref,
        state="B",
        suppression=Suppression.NONE,
        resolved_at=None,
        began_at=onset,
        priority=Priority.LIFE_SAFETY,
        value=None if began is None else began.value,
        raised_at=None if began is None else began.at,
    )


_WORDS = tuple(
    name
    for name in LifeSafety.__slots__
    if name not in {"definition_id", "sensor_id", "company_id", "site_id", "latch"}
)
