"""Writing the search outbox beside a bulk change (single saves write it themselves)."""

from collections.abc import Iterable

from django.db import transaction

from .models import IndexOutbox


def enqueue(entries: Iterable[tuple[str, str]]) -> int:
    """Ask for the (kind, key) objects to be indexed again; join the caller's transaction.

    Raises TransactionManagementError outside a transaction: the rows must stand or fall with the
    change they announce.
    """
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "enqueue() belongs in the change's transaction"
        )
    return IndexOutbox.objects.announce(entries)
