"""A database whose migrations this version no longer has is told how to begin afresh."""

from collections.abc import Iterable

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register
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


def lacking(connection: BaseDatabaseWrapper) -> list[str]:
    """Tables that the migrations played there would have made and that are not there, sorted.

    An older database that was migrated in part holds only names that are still in use.
    """
    loader = MigrationLoader(connection, ignore_no_migrations=True)
    ours = {one.label for one in apps.get_app_configs() if "site-packages" not in one.path}
    played = [node for node in loader.applied_migrations if node in loader.graph.nodes]
    models = loader.project_state([node for node in played if node[0] in ours]).models
    there = set(connection.introspection.table_names())
    wanted = {
        str(model.options.get("db_table") or "_".join(key))
        for key, model in models.items()
        if key[0] in ours and model.options.get("managed", True) and not model.options.get("proxy")
    }
    return sorted(wanted - there)


def why_refused(connection: BaseDatabaseWrapper) -> str:
    """In one sentence; empty for a database of this version, and for an empty one."""
    names = unknown(connection) or lacking(connection)
    if not names:
        return ""
    return _(
        "Cette base vient d’un autre état du portail (%(name)s), que cette version ne"
        " reprend pas : gardez-en une copie (et le journal, par « manage.py audit_export »"
        " de la version qui l’a faite), donnez une base vide par DATABASE_URL, puis"
        " relancez « manage.py migrate » ; pour la démonstration, « make clean » puis"
        " « make demo » suffisent."
    ) % {"name": names[-1]}


def refuse(*, using: str, **_kwargs: object) -> None:
    """Before any migration. Django would find `0001_initial` played, and nothing to do.

    Raises CommandError, in one sentence.
    """
    if why := why_refused(connections[using]):
        raise CommandError(why)


@register(Tags.database)
def is_of_this_version(
    *, databases: Iterable[str] | None = None, **_kwargs: object
) -> list[CheckMessage]:
    """Asked by `migrate --check` and `--plan` too, which send no signal, and by `check --database`;
    never where a server starts."""
    whys = [why_refused(connections[alias]) for alias in databases or ()]
    return [Error(why, id="guichet.E010") for why in whys if why]
