"""Writing the search outbox beside a bulk change (single saves write it themselves)."""

from collections.abc import Iterable

from django.db import transaction

from .models import IndexOutbox


BATCH = 1000


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
    rows = [IndexOutbox(kind=kind, key=key) for kind, key in dict.fromkeys(entries)]
    IndexOutbox.objects.bulk_create(rows, batch_size=BATCH)
    return len(rows)
