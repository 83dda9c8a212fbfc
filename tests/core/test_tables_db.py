"""docs/tables.md says what the schema, its grants and the code say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database import TestDatabase

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("ingest", "alerting", "web", "grafana")
PACKAGES = ("core", "ingest", "alerting", "detectors", "risk", "api", "simulators")
LETTERS = {"SELECT": "s", "INSERT": "i", "UPDATE": "u", "DELETE": "d"}

# Partitions belong to their table; sequences follow theirs.
TABLES = """
SELECT relname, relkind = 'v', relrowsecurity AND relforcerowsecurity
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition"""
GRANTS = """
SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants
WHERE table_schema = 'public' AND grantee IN ('davy_ingest', 'davy_alerting', 'davy_web', 'davy_grafana', 'PUBLIC')"""
COLUMN_GRANTS = """
SELECT table_name, grantee, privilege_type, column_name FROM information_schema.role_column_grants
WHERE table_schema = 'public' AND grantee IN ('davy_ingest', 'davy_alerting', 'davy_web', 'davy_grafana', 'PUBLIC')"""

ALL_COLUMNS = """
SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0 AND NOT a.attisdropped"""

# Unique indexes of one table over the same columns, and of the same predicate: each is paid for at each insert.
TWICE = """
SELECT a.indexrelid::regclass::text, b.indexrelid::regclass::text FROM pg_index a
JOIN pg_index b ON b.indrelid = a.indrelid AND b.indexrelid > a.indexrelid AND b.indisunique AND b.indkey::text = a.indkey::text
    AND b.indpred::text IS NOT DISTINCT FROM a.indpred::text AND b.indexprs::text IS NOT DISTINCT FROM a.indexprs::text
JOIN pg_class c ON c.oid = a.indrelid AND c.relnamespace = 'public'::regnamespace
WHERE a.indisunique"""

# Every place where a statement names what it reads: after FROM, JOIN, USING, or a comma between two of them.
READS = re.compile(r"(?:\b(?:FROM|JOIN|USING|TABLE)|,)\s+([a-z_]+)\b(?!\s*\()")
WRITES = re.compile(r"\b(?:INSERT INTO|DELETE FROM|UPDATE|COPY) ([a-z_]+)\b")


def cells(heading: str) -> Iterator[list[str]]:
    """The rows of the page's table that begins with `heading`."""
    lines = (ROOT / "docs" / "tables.md").read_text("utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(heading))
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def stated() -> dict[str, list[str]]:
    """The main table by name; none stands there twice, or one of the two would be believed and hold nothing."""
    rows = list(cells("| table | owner |"))
    assert sorted({row[0] for row in rows}) == sorted(row[0] for row in rows)
    return {row[0]: row[1:] for row in rows}


@pytest.mark.db
def test_every_table_is_listed_with_its_wall(database: TestDatabase) -> None:
    """The page lists what is there, and no table that names a company is without a wall."""
    with database.connect("owner") as connection:
        real = {str(row[0]): row[1:] for row in connection.execute(TABLES).fetchall()}
        with_company = connection.execute(
            "SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " WHERE a.attname = 'company_id' AND c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        ).fetchall()
    page = stated()
    assert set(page) == set(real)
    for table, (is_view, is_walled) in real.items():
        assert page[table][2] == "view" if is_view else (page[table][2] != "no") == is_walled, table
    assert {str(row[0]) for row in with_company} <= {table for table, (_, is_walled) in real.items() if is_walled}


@pytest.mark.db
def test_the_grants_are_those_of_the_page(database: TestDatabase) -> None:
    """No role may do more, or less, than the page says."""
    with database.connect("owner") as connection:
        grants = connection.execute(GRANTS).fetchall()
        column_grants = connection.execute(COLUMN_GRANTS).fetchall()
        every_column = connection.execute(ALL_COLUMNS).fetchall()
    whole = {(str(t), str(role).removeprefix("davy_"), LETTERS.get(str(p), str(p))) for t, role, p in grants}
    columns, read, new = _by_columns([tuple(map(str, row)) for row in column_grants], whole)
    real = whole | {(*key, letter) for letter, found in (("c", columns), ("r", read), ("n", new)) for key in found}
    page = {
        (table, role, letter)
        for table, row in stated().items()
        for role, letters in zip(ROLES, row[3:], strict=True)
        for letter in letters.split()
    }
    assert page == real
    assert _listed("| table | role |") == columns
    assert _listed("| table inserted | role |") == new
    withheld = {
        (table, role): {str(column) for name, column in every_column if name == table} - seen
        for (table, role), seen in read.items()
    }
    assert _listed("| table read | role |") == withheld


Columns = dict[tuple[str, str], set[str]]


def _by_columns(grants: list[tuple[str, ...]], whole: set[tuple[str, str, str]]) -> tuple[Columns, Columns, Columns]:
    """What is granted by the column: that of **c**, what is read where others are withheld (**r**), what is inserted (**n**)."""
    columns: Columns = {}
    read: Columns = {}
    new: Columns = {}
    for table, grantee, privilege, column in grants:
        key = table, grantee.removeprefix("davy_")
        letter = LETTERS.get(privilege, privilege)
        if (*key, letter) in whole:
            continue
        assert letter in ("u", "s", "i"), (table, key, privilege)
        found = new if letter == "i" else read if letter == "s" and table != "person" else columns
        found.setdefault(key, set()).add(column)
    return columns, read, new


def _listed(heading: str) -> Columns:
    found: Columns = {}
    for row in cells(heading):
        for role in row[1].split(","):
            assert (row[0], role.strip()) not in found, f"{row[0]} stands twice for {role.strip()}"
            found[row[0], role.strip()] = {column.strip() for column in row[2].split(",")}
    return found


@pytest.mark.db
def test_nothing_is_unique_twice(database: TestDatabase) -> None:
    """What one constraint holds, no second one holds again."""
    with database.connect("owner") as connection:
        assert connection.execute(TWICE).fetchall() == []


def test_each_table_is_made_by_its_owner() -> None:
    """The head of a migration names the owner of what it makes."""
    page = stated()
    made = set()
    for file in sorted((ROOT / "core" / "migrations").glob("*.sql")):
        text = file.read_text("utf-8")
        head = re.search(r"^--.*\bOwner: (\w+)\b", text, re.MULTILINE)
        owner = head[1] if head else "core"
        for table in re.findall(r"^CREATE (?:TABLE|VIEW) (\w+)", text, re.MULTILINE):
            if not re.search(rf"^CREATE TABLE {table} PARTITION OF", text, re.MULTILINE):
                assert page[table][0] == owner, (file.name, table)
                made.add(table)
    assert made | {"schema_migration"} == set(page)


def test_only_its_owner_writes_a_table() -> None:
    """SQL that writes stands in the owner's package, or the page says who else and what for."""
    page = stated()
    allowed = {(row[0], row[1]) for row in cells("| table | package |")}
    wrong, used = [], set()
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for table in WRITES.findall(file.read_text("utf-8")):
                if table in page and page[table][0] != package:
                    used.add((table, package))
                    if (table, package) not in allowed:
                        wrong.append(f"{file.relative_to(ROOT)} writes {table} of {page[table][0]}")
    assert wrong == []
    assert used == allowed


def test_others_read_through_the_views_of_the_owner() -> None:
    """A statement names tables of its own package, what core owns, and views; or the page says what else and why."""
    page = stated()
    allowed = {(row[0], row[1]) for row in cells("| table read directly | package |")}
    wrong, used = [], set()
    for package in PACKAGES:
        for file, text in statements(package):
            for table in set(READS.findall(text)):
                owner, wall = (page[table][0], page[table][2]) if table in page else ("core", "")
                if owner in ("core", package) or wall == "view":
                    continue
                used.add((table, package))
                if (table, package) not in allowed:
                    wrong.append(f"{file.relative_to(ROOT)} reads {table} of {owner}")
    assert sorted(set(wrong)) == []
    assert used == allowed
    assert {package for _, package in allowed} <= {"api"}, "the packages below know each other by their views alone"


def statements(package: str) -> Iterator[tuple[Path, str]]:
    """The texts in a package's store files that are SQL: docstrings are not."""
    for file in sorted((ROOT / package).rglob("*.py")):
        if file.stem == "store" or file.parent.name == "store":
            tree = ast.parse(file.read_text("utf-8"))
            said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
                    yield file, node.value
