"""Databases of the bench on the server of TEST_DATABASE_URL: made, named, dropped."""

import os
import re
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")


def server() -> str:
    """The address that `make services` prints, or nothing."""
    return os.environ.get("TEST_DATABASE_URL", "")


def address(name: str) -> str:
    """The address of a database on that server."""
    return urlunsplit(urlsplit(server())._replace(path=f"/{name}"))


def _run(statement: sql.Composable) -> None:
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(statement)


def exists(name: str) -> bool:
    with psycopg.connect(server(), autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        return found.fetchone() is not None


def create(name: str) -> None:
    """French order of letters where the server has it, as deploy's image would be set up."""
    _run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def drop(name: str) -> None:
    """Whoever is still connected is sent away: the bench's own processes have ended by then."""
    statement = "DROP DATABASE IF EXISTS {} WITH (FORCE)"
    _run(sql.SQL(statement).format(sql.Identifier(name)))


def version() -> str:
    with psycopg.connect(server(), autocommit=True) as connection:
        found = connection.execute("SHOW server_version").fetchone()
    return str(found[0]).split()[0] if found else "?"
