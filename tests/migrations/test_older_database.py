"""A database of before the migrations were made anew is told how to begin afresh."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from portal.common.older_database import (
    is_of_this_version,
    lacking,
    refuse,
    unknown,
    why_refused,
)
from tests.support.queries import count_queries


pytestmark = [pytest.mark.django_db, pytest.mark.both]


# Rows of `django_migrations` that a portal of before has, whatever its age.
@pytest.mark.parametrize("row", ["audit.0002_triggers", "requests_app.0010_stages_begun"])
def test_an_older_database_is_told_in_one_sentence_how_to_begin_afresh(row: str) -> None:
    MigrationRecorder(connection).record_applied(*row.split("."))
    with pytest.raises(CommandError) as told:
        call_command("migrate", verbosity=0)
    sentence = str(told.value)
    assert f"({row})" in sentence
    for word in ("une copie", "audit_export", "base vide", "DATABASE_URL", "migrate", "make clean"):
        assert word in sentence
    assert "\n" not in sentence
    assert sentence.count(". ") == 0  # one sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize("options", [{"check_unapplied": True}, {"plan": True}, {}])
def test_whoever_only_looks_is_told_the_same(options: dict[str, bool]) -> None:
    MigrationRecorder(connection).record_applied("audit", "0002_triggers")
    with pytest.raises(CommandError) as told:
        call_command("migrate", verbosity=0, skip_checks=False, **options)
    assert why_refused(connection) in str(told.value)


def test_a_check_without_its_database_asks_nothing_of_it() -> None:
    MigrationRecorder(connection).record_applied("audit", "0002_triggers")
    with count_queries() as queries:
        assert is_of_this_version() == []
    assert queries.count == 0
    assert [one.msg for one in is_of_this_version(databases=["default"])] == [
        why_refused(connection)
    ]


def test_one_that_was_migrated_in_part_is_told_too() -> None:
    """Its names are those of today; what the first migration makes today is not all there."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_factorreset RENAME TO elsewhere")
    assert unknown(connection) == []
    with pytest.raises(CommandError, match="accounts_factorreset"):
        refuse(using="default")


def test_a_database_of_this_version_is_let_through() -> None:
    assert unknown(connection) == []
    assert lacking(connection) == []
    refuse(using="default")
    assert is_of_this_version(databases=["default"]) == []


def test_what_a_library_no_longer_has_is_its_own_affair() -> None:
    MigrationRecorder(connection).record_applied("auth", "0099_gone")
    assert unknown(connection) == []
