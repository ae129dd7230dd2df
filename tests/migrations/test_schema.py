"""The dump that two states of the migrations are compared by sees what it is there to see."""

import os
import sqlite3
from contextlib import closing

import psycopg
import pytest

from .schema import difference, read_postgresql, read_sqlite


pytestmark = pytest.mark.both


STUDY = """
CREATE TABLE study (id integer PRIMARY KEY, "state" varchar(9) DEFAULT 'draft, or none' NOT NULL,
  "number" varchar(20) NULL, CONSTRAINT "known" CHECK ("state" IN ('draft', 'closed')));
CREATE INDEX newest ON study ("number" DESC);
"""
SQLITE = STUDY + "CREATE TRIGGER kept BEFORE DELETE ON study BEGIN SELECT RAISE(ABORT, 'no'); END;"
POSTGRESQL = (
    STUDY
    + """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER kept BEFORE DELETE ON study FOR EACH ROW EXECUTE FUNCTION refuse();
"""
)
# What is changed in the statements → how many lines of the dump differ.
CHANGES = {
    "nothing": ("study", "study", 0),
    "a constraint": ("'closed')", "'over')", 2),
    "a constraint's name": ('"known"', '"state_known"', 2),
    "a default": ("DEFAULT 'draft, or none'", "DEFAULT 'draft'", 2),
    "a column that may be empty": ('"number" varchar(20) NULL', '"number" varchar(20) NOT NULL', 2),
    "an index's order": ("DESC", "ASC", 2),
    "a lost trigger": ("CREATE TRIGGER", "-- ", 1),
    "a row": ("CREATE INDEX", "INSERT INTO study VALUES (1, 'draft', 'A'); CREATE INDEX", 1),
}


def sqlite_lines(statements: str) -> list[str]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(statements)
        return read_sqlite(database)


def postgresql_lines(statements: str) -> list[str]:
    """In a schema of its own, never committed."""
    with closing(psycopg.connect(os.environ["TEST_DATABASE_URL"])) as database:
        database.execute("CREATE SCHEMA seen")
        database.execute("SET LOCAL search_path TO seen")
        database.execute(statements.encode())
        return read_postgresql(database, "seen")


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_on_sqlite_is_seen(change: str) -> None:
    old, new, lines = CHANGES[change]
    found = difference(sqlite_lines(SQLITE), sqlite_lines(SQLITE.replace(old, new)))
    assert len(found) == lines, found


@pytest.mark.engine("postgresql")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_on_postgresql_is_seen(change: str) -> None:
    old, new, lines = CHANGES[change]
    found = difference(postgresql_lines(POSTGRESQL), postgresql_lines(POSTGRESQL.replace(old, new)))
    assert len(found) == lines, found


def test_the_order_of_columns_is_a_line_of_its_own() -> None:
    swapped = 'CREATE TABLE study ("number" varchar(20), "state" varchar(9))'
    before = 'CREATE TABLE study ("state" varchar(9), "number" varchar(20))'
    assert difference(sqlite_lines(before), sqlite_lines(swapped)) == [
        "-study order: state, number",
        "+study order: number, state",
    ]
