"""What the migrations make of an empty database, as text that two states of the code can compare.

    python -m tests.migrations.schema                       the working tree's, on both databases
    python -m tests.migrations.schema --against COMMIT      differences from that commit's; 1 if any
    python -m tests.migrations.schema --against FILE        from what was printed earlier

Columns (sorted, their order on a line of its own), constraints, indexes, triggers, functions and
the rows that are there before anybody wrote one. PostgreSQL is the server of TEST_DATABASE_URL, in
a database made for it and dropped; `--engine sqlite` leaves it out.
"""

import argparse
import difflib
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg


TOP = Path(__file__).resolve().parents[2]
ENGINES = ("sqlite", "postgresql")
HISTORY = "django_migrations"  # what was played; only what it made is compared


# --- SQLite ---------------------------------------------------------------------------------------


def read_sqlite(database: sqlite3.Connection) -> list[str]:
    """One line for each thing there is, sorted."""
    lines: list[str] = []
    things = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    for kind, name, table, sql in database.execute(things):
        if name == "sqlite_sequence":
            continue
        if kind == "table":
            lines += _table(name, sql)
            rows = database.execute(f'SELECT * FROM "{name}"')  # noqa: S608
            lines += _rows(name, [one[0] for one in rows.description], rows.fetchall())
        else:
            lines.append(f"{table} {kind} {name}: {_one_line(sql)}")
    return sorted(lines)


def _table(name: str, sql: str) -> Iterator[str]:
    """The parts of its statement: SQLite keeps the words, and no other record of a check."""
    _head, _open, rest = sql.partition("(")
    body, _close, options = rest.rpartition(")")
    order = []
    for part in map(_one_line, _parts(body)):
        if part.startswith('"'):
            column = part[1:].partition('"')[0]
            order.append(column)
            yield f"{name} column {column}: {part.partition(' ')[2]}"
        else:
            yield f"{name} constraint: {part}"
    yield f"{name} order: {', '.join(order)}"
    if options.strip():
        yield f"{name} options: {_one_line(options)}"


def _parts(body: str) -> Iterator[str]:
    """Split at the commas that are in no parenthesis and no quotes."""
    depth, quote, start = 0, "", 0
    for place, letter in enumerate(body):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "," and not depth:
            yield body[start:place]
            start = place + 1
        depth += {"(": 1, ")": -1}.get(letter, 0) if not quote else 0
    yield body[start:]


# --- PostgreSQL -----------------------------------------------------------------------------------

_COLUMNS = """
SELECT c.relname, a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
       CASE WHEN a.attnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
       'IDENTITY ' || nullif(a.attidentity::text, ''), 'COLLATE ' || o.collname)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_collation o ON o.oid = a.attcollation AND o.collname <> 'default'
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
AND c.relnamespace = %s::regnamespace ORDER BY c.relname, a.attnum
"""
_OTHERS = (
    """SELECT c.relname, 'constraint ' || k.conname, pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype <> 'n' AND k.connamespace = %s::regnamespace""",
    """SELECT tablename, 'index ' || indexname, indexdef FROM pg_indexes
    WHERE schemaname = (SELECT nspname FROM pg_namespace WHERE oid = %s::regnamespace)""",
    """SELECT c.relname, 'trigger ' || t.tgname, pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace = %s::regnamespace""",
    """SELECT proname, 'function', pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = %s::regnamespace AND prokind <> 'a'""",
    """SELECT relname, 'sequence', relkind::text FROM pg_class
    WHERE relkind = 'S' AND relnamespace = %s::regnamespace""",
)


def read_postgresql(database: "psycopg.Connection[Any]", schema: str = "public") -> list[str]:
    """One line for each thing there is in the schema, sorted."""
    lines: list[str] = []
    tables: dict[str, list[str]] = {}
    for table, column, definition in database.execute(_COLUMNS, [schema]):
        tables.setdefault(table, []).append(column)
        lines.append(f"{table} column {column}: {definition}")
    for table, columns in tables.items():
        lines.append(f"{table} order: {', '.join(columns)}")
        rows = database.execute(f'SELECT * FROM {schema}."{table}"').fetchall()  # type: ignore[call-overload]  # noqa: S608
        lines += _rows(table, columns, rows)
    for query in _OTHERS:
        for table, name, definition in database.execute(query, [schema]):
            lines.append(f"{table} {name}: {_one_line(definition)}")
    return sorted(lines)


# --- Both -----------------------------------------------------------------------------------------


def _one_line(sql: str) -> str:
    return re.sub(r"\s+", " ", sql).strip()


def _rows(table: str, columns: list[str], rows: list[Any]) -> Iterator[str]:
    """What the database holds from the start, without its numbers and moments."""
    for row in rows if table != HISTORY else ():
        shown = {c: v for c, v in zip(columns, row, strict=True) if not c.endswith(("id", "_at"))}
        said = {c: "*" if isinstance(v, datetime | UUID) else v for c, v in shown.items()}
        yield f"{table} row: {said}"


def difference(before: list[str], now: list[str]) -> list[str]:
    """What is no longer there (-) and what came (+), by its whole line."""
    lines = difflib.unified_diff(before, now, lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


# --- Making a database ----------------------------------------------------------------------------


def dump(tree: Path, engine: str) -> list[str]:
    """Play the migrations of a tree on an empty database and read what is there.

    Raises SystemExit with what the command printed when they do not play.
    """
    with tempfile.TemporaryDirectory(prefix="guichet-schema-") as folder:
        if engine == "sqlite":
            file = Path(folder) / "schema.sqlite3"
            _migrate(tree, Path(folder), f"sqlite:///{file}")
            with closing(sqlite3.connect(file)) as database:
                return read_sqlite(database)
        with _empty_postgresql() as url:
            _migrate(tree, Path(folder), url)
            with psycopg.connect(url) as server:
                return read_postgresql(server)


def _migrate(tree: Path, folder: Path, url: str) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("GUICHET_")}
    env |= {
        "DJANGO_SETTINGS_MODULE": "portal.settings.dev",
        "GUICHET_VAR": str(folder / "var"),
        "DATABASE_URL": url,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "manage.py", "migrate", "--no-input", "-v", "0"]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{tree}: migrate failed\n{done.stdout}{done.stderr}")


@contextmanager
def _empty_postgresql() -> Iterator[str]:
    server = os.environ.get("TEST_DATABASE_URL", "")
    if not server:
        raise SystemExit("TEST_DATABASE_URL is not set: `make services`, or --engine sqlite")
    name = f"guichet_schema_{os.getpid()}"
    with closing(psycopg.connect(server, autocommit=True)) as control:
        control.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            control.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]


@contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """The files of a commit, in a folder of their own. Raises SystemExit for an unknown one."""
    with tempfile.TemporaryDirectory(prefix="guichet-base-") as folder:
        archive = ["git", "-C", str(TOP), "archive", "--format=tar", commit]
        made = subprocess.run(archive, capture_output=True, check=False)
        if made.returncode:
            raise SystemExit(made.stderr.decode())
        subprocess.run(["tar", "-x", "-C", folder], input=made.stdout, check=True)
        yield Path(folder)


def printed(lines: dict[str, list[str]]) -> str:
    """`engine: line`, as it is written to a file and read from one."""
    return "".join(f"{engine}: {line}\n" for engine in lines for line in lines[engine])


def main() -> int:
    parser = argparse.ArgumentParser(description="What the migrations make of an empty database.")
    parser.add_argument("--against", default="", help="a commit, or a file of lines printed before")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="one only; repeatable")
    options = parser.parse_args()
    engines = options.engine or list(ENGINES)
    now = {engine: dump(TOP, engine) for engine in engines}
    if not options.against:
        sys.stdout.write(printed(now))
        return 0
    if Path(options.against).is_file():
        text = Path(options.against).read_text().splitlines()
        before = {
            e: [one[len(e) + 2 :] for one in text if one.startswith(f"{e}: ")] for e in engines
        }
    else:
        with tree_of(options.against) as tree:
            before = {engine: dump(tree, engine) for engine in engines}
    found = {engine: difference(before[engine], now[engine]) for engine in engines}
    sys.stdout.write(printed(found))
    for engine, lines in found.items():
        sys.stderr.write(f"{engine}: {len(now[engine])} lines, {len(lines)} differences\n")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
