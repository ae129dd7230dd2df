"""What every described object does: a change and its outbox row stand or fall together."""

from typing import Any, ClassVar

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from catalog.names import key_of

from .outbox import IndexOutbox


class IndexedModel(models.Model):
    """A model whose save writes the search outbox in the same transaction."""

    # Fields that documents of other objects hold: a save that leaves them alone spares those.
    held_elsewhere: ClassVar[tuple[str, ...]] = ()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            alone = self._is_as_others_hold_it()
            super().save(*args, **kwargs)
            IndexOutbox.objects.announce(self.index_entries(alone=alone))

    def _is_as_others_hold_it(self) -> bool:
        """Whether the stored row, kept until the end of the transaction, already says the same."""
        if self._state.adding or not self.held_elsewhere:
            return False
        stored = self._meta.base_manager.select_for_update(no_key=True).filter(pk=self.pk)
        own = tuple(getattr(self, name) for name in self.held_elsewhere)
        return bool(stored.values_list(*self.held_elsewhere).first() == own)

    def index_entries(self, *, alone: bool = False) -> list[tuple[str, str]]:
        """(kind, key) pairs of the outbox rows that a change of this object calls for.

        `alone`: what other objects' documents hold of it is as it was.
        """
        raise NotImplementedError


class NameKeyField(models.CharField):
    """`key_of` of the row's name, written with it, in bulk too: SQLite's UPPER reads ASCII only."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        key = key_of(model_instance.name)  # type: ignore[attr-defined]
        setattr(model_instance, self.attname, key)
        return key

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


def years_are_in_order(name: str, message: Any) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=models.Q(valid_from__isnull=True)
        | models.Q(valid_until__isnull=True)
        | models.Q(valid_until__gte=models.F("valid_from")),
        name=name,
        violation_error_message=message,
    )


class Validity(models.Model):
    """Years in which something exists, both ends included, and the missing ones in between."""

    valid_from = models.PositiveSmallIntegerField(_("première année"), null=True, blank=True)
    valid_until = models.PositiveSmallIntegerField(_("dernière année"), null=True, blank=True)
    missing_years = models.JSONField(_("années absentes"), default=list, blank=True)

    class Meta:
        abstract = True

    def exists_in(self, year: int) -> bool:
        """Whether the object holds data for the year. An unknown bound is open (C15)."""
        if self.valid_from is not None and year < self.valid_from:
            return False
        if self.valid_until is not None and year > self.valid_until:
            return False
        return year not in self.missing_years
