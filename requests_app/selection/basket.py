"""The selection: rows of a person, or of a visitor until they log in.

A visitor's is found by a random key of the session, made at the first addition (a page read writes
nothing) and forgotten at login, once merged.
"""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.models import Dataset, Table, Variable
from portal.accounts.models import User
from requests_app.models import Basket, BasketRow
from requests_app.procedures.content import Row
from requests_app.selection.mending import merge_rows


SESSION_KEY = "basket"
UNDO_KEY = "basket_undo"
VISITOR_BASKETS_KEPT = timedelta(days=60)
MAX_ROWS = 500


class CannotAdd(ValueError):
    """What was asked cannot be selected; the message says why and what to do."""


def find(request: HttpRequest) -> Basket | None:
    """The selection of whoever asks; None while nothing was ever added. Writes nothing."""
    if request.user.is_authenticated:
        return Basket.objects.filter(user=request.user).first()
    key = request.session.get(SESSION_KEY)
    return Basket.objects.filter(visitor_key=key).first() if key else None


def find_or_create(request: HttpRequest) -> Basket:
    if request.user.is_authenticated:
        return Basket.objects.get_or_create(user=request.user)[0]
    key = request.session.get(SESSION_KEY)
    if not key:
        key = request.session[SESSION_KEY] = secrets.token_urlsafe(32)
    return Basket.objects.get_or_create(visitor_key=key)[0]


def of_user(user: User) -> Basket | None:
    return Basket.objects.filter(user=user).first()


def count(request: HttpRequest) -> int:
    """Rows of the selection, for the menu: no query for a visitor who chose nothing."""
    return _rows(request).count() if _has_owner(request) else 0


def _has_owner(request: HttpRequest) -> bool:
    return request.user.is_authenticated or bool(request.session.get(SESSION_KEY))


def _rows(request: HttpRequest) -> QuerySet[BasketRow]:
    if request.user.is_authenticated:
        return BasketRow.objects.filter(basket__user=request.user)
    return BasketRow.objects.filter(basket__visitor_key=request.session.get(SESSION_KEY))


def rows_of(request: HttpRequest) -> list[Row]:
    """Rows of whoever asks: one query, none for a visitor who chose nothing."""
    if not _has_owner(request):
        return []
    return [_plain(row) for row in _rows(request).select_related("dataset", "table")]


def rows(basket: Basket | None) -> list[Row]:
    """Rows in the order they were added."""
    if basket is None:
        return []
    return [_plain(row) for row in basket.rows.select_related("dataset", "table")]


def _plain(row: BasketRow) -> Row:
    return Row(
        dataset=row.dataset.code,
        table=row.table.name if row.table else "",
        variables=row.variables,
        year_from=row.year_from,
        year_until=row.year_until,
    )


def add(basket: Basket, new: Sequence[Row]) -> int:
    """Unite rows with the selection; returns how many rows changed. Raises CannotAdd.

    Only what the catalogue asks for here can be chosen. A table added under a base chosen whole
    takes its place; a base already chosen by tables stays so.
    """
    for row in new:
        _check(row)
    with transaction.atomic():
        Basket.objects.select_for_update().get(pk=basket.pk)
        before = rows(basket)
        after = merge_rows(before, new)
        if len(after) > MAX_ROWS:
            raise CannotAdd(
                _("Votre sélection dépasse %(n)s lignes. Retirez-en avant d’en ajouter.")
                % {"n": MAX_ROWS}
            )
        _store(basket, after)
    return sum(row not in before for row in after)


def _check(row: Row) -> None:
    dataset = Dataset.objects.filter(code=row.dataset).first()
    if dataset is None or not dataset.is_published:
        raise CannotAdd(_("Cette base n’est pas au catalogue."))
    if not dataset.is_requestable:
        raise CannotAdd(_("Cette base ne se demande pas ici. Sa page dit à qui la demander."))
    if not row.table:
        if row.variables:
            raise CannotAdd(_("Choisissez la table avant ses variables."))
        return
    table = Table.objects.current().filter(dataset=dataset, name=row.table).first()
    if table is None:
        raise CannotAdd(_("Cette table n’est pas au catalogue."))
    known = Variable.objects.current().filter(table=table, name__in=row.variables)
    if unknown := set(row.variables) - set(known.values_list("name", flat=True)):
        raise CannotAdd(
            _("Ces variables ne sont pas dans la table : %(names)s.")
            % {"names": ", ".join(sorted(unknown))}
        )


def replace(basket: Basket, after: Sequence[Row]) -> None:
    """Make the selection hold exactly these rows, which its own rows or the catalogue gave."""
    with transaction.atomic():
        Basket.objects.select_for_update().get(pk=basket.pk)
        _store(basket, after)


def _store(basket: Basket, after: Sequence[Row]) -> None:
    kept: set[Any] = set()
    stored = {_plain(row).key: row for row in basket.rows.select_related("dataset", "table")}
    for row in after:
        known = stored.get(row.key)
        if known is None:
            continue
        kept.add(known.pk)
        if _plain(known) != row:
            known.variables = row.variables
            known.year_from, known.year_until = row.year_from, row.year_until
            known.save(update_fields=["variables", "year_from", "year_until"])
    basket.rows.exclude(pk__in=kept).delete()
    new = [row for row in after if row.key not in stored]
    if new:
        _insert(basket, new)
    Basket.objects.filter(pk=basket.pk).update(updated_at=timezone.now())


def _insert(basket: Basket, new: Sequence[Row]) -> None:
    codes = {row.dataset for row in new}
    datasets = {d.code: d for d in Dataset.objects.filter(code__in=codes)}
    tables = {
        (t.dataset.code, t.name): t
        for t in Table.objects.current()
        .filter(dataset__code__in=codes, name__in={row.table for row in new})
        .select_related("dataset")
    }
    for row in new:  # one by one: the order of `added_at` is the order shown
        if row.dataset not in datasets or (row.table and row.key not in tables):
            continue
        BasketRow(
            basket=basket,
            dataset=datasets[row.dataset],
            table=tables.get(row.key),
            variables=row.variables,
            year_from=row.year_from,
            year_until=row.year_until,
        ).save(force_insert=True)


@receiver(user_logged_in)
def merge_at_login(sender: object, request: HttpRequest | None, user: User, **more: object) -> None:
    """The visitor's rows join the person's, and the visitor's selection is forgotten."""
    session: Any = getattr(request, "session", None)
    key = session.pop(SESSION_KEY, None) if session is not None else None
    if not key:
        return
    session.pop(UNDO_KEY, None)  # the visitor's rows: to go back to them would lose the person's
    with transaction.atomic():
        visitor = Basket.objects.select_for_update().filter(visitor_key=key).first()
        if visitor is None:
            return
        mine, _created = Basket.objects.get_or_create(user=user)
        merged = merge_rows(rows(mine), rows(visitor))
        if len(merged) > MAX_ROWS:
            messages.warning(
                request,  # type: ignore[arg-type]
                _("Votre sélection a %(n)s lignes au plus : les dernières n’y sont pas entrées.")
                % {"n": MAX_ROWS},
                fail_silently=True,
            )
        _store(mine, merged[:MAX_ROWS])
        visitor.delete()


def forget_old() -> int:
    """Delete visitors' selections untouched for 60 days; returns how many."""
    limit = timezone.now() - VISITOR_BASKETS_KEPT
    old = Basket.objects.filter(user__isnull=True, updated_at__lt=limit)
    found = old.count()
    old.delete()
    return found
