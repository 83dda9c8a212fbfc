"""What each detector takes, as the database is told it: it refuses a limit by which nobody could judge, whoever writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from detectors.registry import Rule


def write_rules(connection: Connection[Any], rules: Sequence[Rule]) -> None:
    """Makes these the rules, as the owner; repeated, it changes nothing."""
    names = [rule.name for rule in rules]
    takes, needs = [Jsonb(rule.takes) for rule in rules], [Jsonb(rule.needs) for rule in rules]
    connection.execute("DELETE FROM detector_rule WHERE name <> ALL (%s)", (names,))
    connection.execute(
        """
        INSERT INTO detector_rule (name, takes, needs) SELECT * FROM unnest(%s::text[], %s::jsonb[], %s::jsonb[])
        ON CONFLICT (name) DO UPDATE SET takes = excluded.takes, needs = excluded.needs
        """,
        (names, takes, needs),
    )


def read_rules(connection: Connection[Any]) -> list[Rule]:
    """The rules that the database goes by, by name."""
    rows = connection.execute('SELECT name, takes, needs FROM detector_rule ORDER BY name COLLATE "C"').fetchall()
    return [
        Rule(
            name,
            {key: (float(least), float(most)) for key, (least, most) in takes.items()},
            tuple(tuple(each) for each in needs),
        )
        for name, takes, needs in rows
    ]
