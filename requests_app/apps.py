from importlib import import_module

from django.apps import AppConfig


# Imported once the models are there: actions of the log, listeners of other rooms' signals.
LOADED = (
    "basket",
    "dossier.audit_actions",
    "provisioning.audit_actions",
    "provisioning.receivers",
)


class RequestsAppConfig(AppConfig):
    name = "requests_app"
    verbose_name = "demandes d’accès"

    def ready(self) -> None:
        for module in LOADED:
            import_module(f"{self.name}.{module}")
