from importlib import import_module

from django.apps import AppConfig


class RequestsAppConfig(AppConfig):
    name = "requests_app"
    verbose_name = "demandes d’accès"

    def ready(self) -> None:
        for module in (
            "audit_actions",
            "provisioning.audit_actions",
            "procedures.registry",
            "workflow.receivers",
            "workflow.rights",
        ):
            import_module(f"{self.name}.{module}")
