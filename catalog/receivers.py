"""What must reach the search index although no catalogue object was saved."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_save, pre_delete
from django.dispatch import receiver

from portal.accounts.models import Organisation

from .models import Dataset, Table, Variable
from .outbox import enqueue


@receiver(post_save, sender=Organisation)
def index_datasets_of_organisation(instance: Organisation, created: bool, **kwargs: Any) -> None:
    """A renamed holder or controller changes what the hits of its datasets say."""
    if created:
        return
    held = Dataset.objects.filter(holder__organisation=instance).values_list("pk", flat=True)
    entries = [("dataset", str(pk)) for pk in held]
    if entries:
        with transaction.atomic():
            enqueue(entries)


# Sent inside the transaction of the deletion, for each object of a cascade too.
@receiver(pre_delete, sender=Dataset)
@receiver(pre_delete, sender=Table)
@receiver(pre_delete, sender=Variable)
def index_deletion(instance: Any, **kwargs: Any) -> None:
    with transaction.atomic():
        enqueue(instance.index_entries())
