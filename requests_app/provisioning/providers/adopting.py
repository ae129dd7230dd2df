"""Making one thing and never two, though answers are lost and lists lag. No Django."""

from collections.abc import Callable, Sequence

from requests_app.provisioning.providers.errors import AlreadyExists, NotFound, NotListed
from requests_app.provisioning.providers.port import Book, Entry
from requests_app.provisioning.providers.values import Found


def adopt_or_create(
    book: Book,
    kind: str,
    key: str = "",
    *,
    find: Callable[[], Sequence[Found]],
    create: Callable[[], str],
    delete: Callable[[str], None],
    ask: Callable[[str], object] | None = None,
) -> str:
    """Id of the one thing that carries the marker, made if there is none (10.3).

    The intent is in the book before any call. Several can only come from lost answers: one stays,
    the others are deleted. The one that stays is the one whose id is known, if `ask` (which raises
    NotFound) finds it there: lists may lag. Raises NotListed.
    """
    entry = book.intend(kind, key)
    found = [one.id for one in find()]
    kept = known(entry, ask) or next(iter(found), "")
    for extra in found:
        if extra != kept:
            delete(extra)
    if kept:
        return kept
    book.wait_out_lag(entry.attempted_at)
    book.attempt(kind, key)
    try:
        return create()
    except AlreadyExists as error:
        if error.existing_id:
            return error.existing_id
        raise NotListed from error


def known(entry: Entry | None, ask: Callable[[str], object] | None) -> str:
    """The id in the book, where the provider asked by it has it; empty otherwise."""
    if ask is None or entry is None or not entry.id:
        return ""
    try:
        ask(entry.id)
    except NotFound:
        return ""
    return entry.id


def remove_tagged(
    book: Book, kind: str, *, find: Callable[[], Sequence[Found]], delete: Callable[[str], None]
) -> None:
    """All that carry the study's mark, in the book or not: one whose create was lost, or that
    another hand made, would outlive it."""
    entry, found = book.entry(kind), find()
    for one in found:
        delete(one.id)
    if entry is None:
        return
    if not found and not entry.ready:
        book.wait_out_lag(entry.attempted_at)  # it may show up later
    if entry.id:
        delete(entry.id)
    book.remove(kind)
