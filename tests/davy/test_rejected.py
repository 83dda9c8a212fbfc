"""`davy rejected`: a sentence for what cannot be, and what stands in the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from core.errors import BadInput
from davy.duties.retention import forget_old_rows
from davy.rejected import list_rejected, replay
from ingest.retention import Keep
from ingest.store.forgetting import forget_rejected
from tests.database import TestDatabase
from tests.ingest.plant import install

pytestmark = pytest.mark.db
NOW = datetime.now(UTC)


def reject(
    database: TestDatabase, *, reason: str = "unknown_sensor", age: timedelta = timedelta(0), count: int = 1
) -> None:
    """So many messages of d1, a second apart, the newest so old."""
    with database.connect("owner") as owner:
        owner.execute(
            """INSERT INTO rejected_message (company_id, site_id, device_id, received_at, topic, payload, length, sha256, reason, sentence)
               SELECT company_id, site_id, device_id, %s::timestamptz - n * interval '1 second', 'davy/v1/north/d1/readings', 'x',
                      CASE %s WHEN 'wrong_unit' THEN 70000 ELSE 1 END, sha256(n::text::bytea), %s, 'said'
               FROM device, generate_series(0, %s - 1) n WHERE key = 'd1'""",
            (NOW - age, reason, reason, count),
        )


def reject_strangers(database: TestDatabase, names: dict[str, int], *, site: str = "north") -> None:
    """So many messages of each device that nobody knows, a second apart; a site that is known sees them."""
    with database.connect("owner") as owner:
        for name, count in names.items():
            owner.execute(
                """INSERT INTO rejected_message (company_id, site_id, received_at, topic, payload, length, sha256, reason, sentence)
                   SELECT s.company_id, s.site_id, %s::timestamptz - n * interval '1 second', format('davy/v1/%%s/%%s/readings', %s::text, %s::text),
                          'x', 1, sha256(n::text::bytea), 'unknown_device', 'said'
                   FROM generate_series(0, %s - 1) n LEFT JOIN site s ON s.key = %s""",
                (NOW, site, name, count, site),
            )


def test_what_cannot_be_asked_for_gets_a_sentence(timescale_database: TestDatabase) -> None:
    """An unknown site or reason, what the map cannot mend, what is not there, what was kept in part."""
    install(timescale_database, virtual=False)
    owner = timescale_database.url("owner")
    for reason in ("unknown_sensor", "not_json", "wrong_unit"):
        reject(timescale_database, reason=reason)

    def ask(site: str = "north", device: str = "d1", reason: str = "unknown_sensor") -> dict[str, object]:
        return replay(owner, site=site, device=device, reason=reason, actor="tester", now=NOW, wait_s=0)

    for told, sentence in (
        ({"site": "nord"}, "There is no site nord; did you mean north?"),
        ({"reason": "unknown"}, "There is no reason unknown; `davy rejected list` names those that lie there."),
        ({"reason": "not_json"}, "Mending the map does not help with not_json: the device must send it right."),
        (
            {"device": "d2"},
            "Nothing of d2 at north lies there for unknown_sensor; `davy rejected list` says what does.",
        ),
        (
            {"reason": "wrong_unit"},
            "All 1 are longer than 64 KB and kept in part only: the device must send them again.",
        ),
    ):
        with pytest.raises(BadInput) as caught:
            ask(**told)
        assert str(caught.value) == sentence
    assert {group["reason"] for group in list_rejected(owner)} == {"unknown_sensor", "not_json", "wrong_unit"}
    first, second = ask(), ask()
    assert (first["replay"], first["finished"], first["taken"]) == (second["replay"], False, 0)
    with timescale_database.connect("owner") as connection:
        assert connection.execute("SELECT DISTINCT actor, subject FROM journal").fetchall() == [
            ("tester", "site/north")
        ]


def test_rejected_messages_go_in_their_time(database: TestDatabase) -> None:
    """Older than is kept, or beyond the newest of their device; what is held stays, and no setting empties the table."""
    install(database, virtual=False)
    reject(database, age=timedelta(days=40), count=5)
    reject(database, count=250)

    def left() -> int:
        with database.connect("owner") as owner:
            row = owner.execute("SELECT count(*) FROM rejected_message").fetchone()
            assert row is not None
            return int(str(row[0]))

    with database.connect("alerting", database.service_token()) as alerting:
        with database.connect("owner") as owner:
            owner.execute(
                "INSERT INTO legal_hold (company_id, site_id, since, until, held_at, held_by, reason)"
                " SELECT company_id, site_id, %(since)s, %(until)s, %(until)s, 'x', 'claim' FROM site",
                {"since": NOW - timedelta(days=41), "until": NOW - timedelta(days=39)},
            )
        assert forget_rejected(alerting, NOW - timedelta(days=30), 1000) == 0
        with database.connect("owner") as owner:
            owner.execute("UPDATE legal_hold SET released_at = now()")
        assert forget_rejected(alerting, NOW - timedelta(days=30), 1000, most=3) == 3
        assert forget_old_rows(Keep(), alerting, NOW) == 2
        assert left() == 250
        assert forget_rejected(alerting, NOW - timedelta(days=30), 200) == 50
        # A wrong setting, or a stolen role: a day, and a hundred of each device, stay.
        assert forget_rejected(alerting, NOW + timedelta(days=99), 0) == 100
        assert left() == 100
    with database.connect("web", database.service_token()) as web, pytest.raises(psycopg.errors.InsufficientPrivilege):
        forget_rejected(web, NOW, 100)


def test_unknown_devices_take_no_room_from_one_another(database: TestDatabase) -> None:
    """The newest of each stay; those of one site have ten allowances in all, whatever names they think of; another site's have theirs."""
    install(database, virtual=False)
    reject_strangers(database, {"loud": 250, "quiet": 3})
    reject_strangers(database, {f"many-{n}": 60 for n in range(20)}, site="nowhere")

    def left(site: str) -> list[tuple[object, ...]]:
        with database.connect("owner") as owner:
            return owner.execute(
                """SELECT split_part(topic, '/', 4), count(*) FROM rejected_message WHERE split_part(topic, '/', 3) = %s
                   GROUP BY 1 ORDER BY 1 LIMIT 2""",
                (site,),
            ).fetchall()

    with database.connect("alerting", database.service_token()) as alerting:
        assert forget_rejected(alerting, NOW - timedelta(days=30), 5000) == 0
        assert forget_rejected(alerting, NOW - timedelta(days=30), 100) == 150 + 200
        assert forget_rejected(alerting, NOW - timedelta(days=30), 100) == 0
    assert left("north") == [("loud", 100), ("quiet", 3)]
    assert left("nowhere") == [("many-0", 50), ("many-1", 50)]
