from typing import Any

from django.db import migrations


NAME = "requests_newest_first"
ON = {
    # What decides who sees a request is beside its place, so that a count reads no row either.
    "postgresql": "(submitted_at DESC NULLS LAST, id) INCLUDE (number, state)",
    # Nulls are last there without a word, which an index may not say.
    "sqlite": "(submitted_at DESC, id)",
}


def create(apps: Any, schema_editor: Any) -> None:
    columns = ON.get(schema_editor.connection.vendor)
    if columns:
        schema_editor.execute(f"CREATE INDEX {NAME} ON requests_app_accessrequest {columns}")


def drop(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(f"DROP INDEX IF EXISTS {NAME}")


class Migration(migrations.Migration):
    """The order of the list of requests: a page reads its thirty rows, whatever stands behind.

    Not in the model: the two databases write the same order differently.
    """

    dependencies = [("requests_app", "0008_paces_of_closings")]

    operations = [migrations.RunPython(create, drop)]
