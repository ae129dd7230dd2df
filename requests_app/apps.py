from importlib import import_module

from django.apps import AppConfig

from portal.common.calendar import on_clock_moved


class RequestsAppConfig(AppConfig):
    name = "requests_app"
    verbose_name = "demandes d’accès"

    def ready(self) -> None:
        for module in (
            "workflow.audit_actions",
            "dossier.audit_actions",
            "dossier.orientation",
            "selection.basket",
            "permits.team",
            "permits.sanctions",
            "dossier.signing",
            "counter.panels",
            "provisioning.audit_actions",
            "provisioning.receivers",
            "procedures.registry",
            "workflow.receivers",
            "workflow.pinned",
            "workflow.rights",
            "counter.navigation",
            "counter.admin",
        ):
            import_module(f"{self.name}.{module}")
        # what ended first, then what is said of clocks that run still
        on_clock_moved(import_module(f"{self.name}.workflow.clock").run_due)
        on_clock_moved(import_module(f"{self.name}.workflow.reminders").run)
