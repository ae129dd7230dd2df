from importlib import import_module

from django.apps import AppConfig
from django.db import connections, transaction
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    name = "portal.audit"
    label = "audit"
    verbose_name = _("journal")

    def ready(self) -> None:
        for module in ("audit_actions", "clock", "receivers"):
            import_module(f"{self.name}.{module}")
        post_migrate.connect(restore_triggers, sender=self)


def restore_triggers(*, using: str, **_kwargs: object) -> None:
    """A migration that rebuilds a table on SQLite drops its triggers: set what is missing again."""
    from . import triggers  # the models it reads are not loaded yet where this module is

    connection = connections[using]
    if not set(triggers.TABLES) <= set(connection.introspection.table_names()):
        return
    if triggers.missing(connection):
        with transaction.atomic(using=using):
            triggers.create(connection)
