from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from portal.common.navigation import Entry, register


class NotificationsConfig(AppConfig):
    name = "portal.notifications"
    label = "notifications"
    verbose_name = _("messages")

    def ready(self) -> None:
        for module in ("audit_actions", "receivers"):
            import_module(f"{self.name}.{module}")
        register(
            Entry(
                label=_("Mes messages"),
                url_name="notifications:mine",
                order=90,
                visible=lambda request: request.user.is_authenticated,
            )
        )
