from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import pre_migrate
from django.utils.translation import gettext_lazy as _


class CommonConfig(AppConfig):
    name = "portal.common"
    label = "common"
    verbose_name = _("socle")

    def ready(self) -> None:
        import_module(f"{self.name}.checks")
        pre_migrate.connect(import_module(f"{self.name}.older_database").refuse, sender=self)
