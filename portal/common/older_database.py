"""A database whose migrations this version no longer has is told how to begin afresh."""

from django.apps import apps
from django.core.management import CommandError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _


def unknown(connection: BaseDatabaseWrapper) -> list[str]:
    """Migrations of the portal's own apps that were played there and exist no longer, sorted."""
    ours = {one.label for one in apps.get_app_configs() if "site-packages" not in one.path}
    files = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    known = set(files) | {old for migration in files.values() for old in migration.replaces}
    played = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in set(played) - known if app in ours)


def refuse(*, using: str, **_kwargs: object) -> None:
    """Before any migration. Django would find `0001_initial` played, and nothing to do.

    Raises CommandError, in one sentence.
    """
    if names := unknown(connections[using]):
        raise CommandError(
            _(
                "Cette base vient d’un autre état du portail (%(name)s), que cette version ne"
                " reprend pas : gardez-en une copie (et le journal, par « manage.py audit_export »"
                " de la version qui l’a faite), donnez une base vide par DATABASE_URL, puis"
                " relancez « manage.py migrate » ; pour la démonstration, « make clean » puis"
                " « make demo » suffisent."
            )
            % {"name": names[-1]}
        )
