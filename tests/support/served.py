"""The database as a page finds it in production: outside any transaction."""

from django.db import connection


def in_transaction() -> bool:
    """In place of `rights.kept.in_transaction`: the transactions that hold a test are not there,
    those of the product are."""
    return any(not block._from_testcase for block in connection.atomic_blocks)
