"""The plant of the alerting tests with findings, impairments, and routes that hear of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerting.outbox import Dispatcher, Outcome
from davy.duties.notices import send_digests, tell_occasions
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher, rounds

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RiskyPlant:
    """What a test does and asks."""

    plant: Plant

    def write(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """As the owner, with named values."""
        with self.plant.database.connect("owner") as connection:
            return connection.execute(statement, values).fetchall()

    def hears(self, key: str, audience: str, person: str, *words: str, channel: str = "smtp") -> None:
        """A route that carries no alarms."""
        self.plant.rows(
            "WITH r AS (INSERT INTO route (company_id, site_id, key, audience, priorities, hears)"
            " VALUES (%s, %s, %s, %s, '{}', %s) RETURNING route_id, company_id)"
            " INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
            " SELECT route_id, company_id, 0, 0, %s, %s FROM r RETURNING 1",
            self.plant.company, self.plant.site, key, audience, list(words), self.plant.people[person], channel,
        )  # fmt: skip

    def looks_after(self, person: str) -> None:
        self.plant.rows(
            "INSERT INTO person_company VALUES (%s, %s) RETURNING 1", self.plant.people[person], self.plant.company
        )

    def finding(
        self,
        *,
        due_at: datetime,
        grade: str = "major",
        owner: str = "deputy",
        simulated: bool = False,
        since: datetime = NOW - 2 * HOUR,
    ) -> int:
        """One that is being put right; reported and assigned by the officer two hours ago, or at another instant."""
        found = self.write(
            "WITH f AS (INSERT INTO finding (company_id, site_id, source, title, grade, graded_by, state, reported_at, reported_by,"
            "  owner_id, measures, funds, due_at, contingency, simulated)"
            " VALUES (%(company)s, %(site)s, 'person', '陈安全 left the hatch open', %(grade)s, %(officer)s, 'rectifying', %(at)s,"
            "  %(officer)s, %(owner)s, 'm', 'f', %(due)s, 'c', %(simulated)s) RETURNING finding_id, company_id)"
            " INSERT INTO finding_event (company_id, finding_id, at, person_id, event, to_state)"
            " SELECT company_id, finding_id, %(at)s, %(officer)s, 'assigned', 'rectifying' FROM f RETURNING finding_id",
            company=self.plant.company,
            site=self.plant.site,
            grade=grade,
            due=due_at,
            at=since,
            officer=self.plant.people["officer"],
            owner=self.plant.people[owner],
            simulated=simulated,
        )
        return int(found[0][0])

    def waiting_finding(self, *, reported_at: datetime) -> None:
        """A major one that nobody has put in hand."""
        self.plant.rows(
            "INSERT INTO finding (company_id, site_id, source, title, grade, reported_by, reported_at)"
            " VALUES (%s, %s, 'person', 'No grounding', 'major', %s, %s) RETURNING 1",
            self.plant.company, self.plant.site, self.plant.people["officer"], reported_at,
        )  # fmt: skip

    def impairment(self, *, began_at: datetime, expected_until: datetime, simulated: bool = False) -> int:
        found = self.plant.rows(
            "INSERT INTO impairment (company_id, site_id, kind, what, reason, interim_measures, began_at, expected_until,"
            " reported_at, reported_by, simulated) VALUES (%s, %s, 'fire_pump', 'Pump 2', 'seal', 'patrol', %s, %s, %s, %s, %s)"
            " RETURNING impairment_id",
            self.plant.company, self.plant.site, began_at, expected_until, began_at, self.plant.people["officer"], simulated,
        )  # fmt: skip
        return int(found[0][0])

    def restore(self, impairment_id: int, at: datetime) -> None:
        self.plant.rows(
            "UPDATE impairment SET restored_at = %s, restored_by = reported_by, restore_proof = 'ran 30 min' WHERE impairment_id = %s"
            " RETURNING 1",
            at,
            impairment_id,
        )

    def tell(self, now: datetime) -> int:
        """The duty of the risk process."""
        with self.plant.as_service("alerting") as connection:
            return tell_occasions(connection, now)

    def send_digests(self, now: datetime) -> int:
        with self.plant.as_service("alerting") as connection:
            return send_digests(connection, now)

    def tallies(self) -> list[dict[str, Any]]:
        """The numbers of every digest that was decided, said or not, in time order."""
        return [
            row[0] for row in self.plant.rows("SELECT tally FROM notification WHERE subject = 'digest' ORDER BY onset")
        ]

    def queued(self) -> list[tuple[str, str | None, str, str]]:
        """(subject, event, person, state), in the order they were queued."""
        names = {person_id: key for key, person_id in self.plant.people.items()}
        rows = self.plant.rows(
            "SELECT subject, event, person_id, state FROM notification WHERE subject <> 'alarm' ORDER BY notification_id"
        )
        return [(subject, event, names[person], state) for subject, event, person, state in rows]

    @contextmanager
    def sending(self, now: datetime, **channels: Any) -> Iterator[Dispatcher]:
        clock = Clock()
        clock.now = now
        with dispatcher(self.plant, clock, **channels) as subject:
            yield subject

    def sent(self, now: datetime) -> tuple[list[str], list[Outcome]]:
        """Subjects of what goes out by now, and every outcome."""
        sink = Sink()
        with self.sending(now, smtp=sink, webhook=sink) as subject:
            outcomes = rounds(subject, now)
        return [message.subject for message in sink.sent], outcomes
