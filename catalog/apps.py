from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = "catalogue"

    def ready(self) -> None:
        from . import audit_actions, receivers  # noqa: F401 - models are loaded now
