"""Names are compared by a key written by us, and those that no address carries are withdrawn."""

import sys
import unicodedata

from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils import timezone

import catalog.names


def fill(apps, _editor):
    """Capitals by the database for ASCII, by Python for the rest (SQLite's UPPER reads ASCII only)."""
    for name in ("Table", "Variable"):
        model = apps.get_model("catalog", name)
        model.objects.update(name_key=Upper("name"))
        for pk, text in model.objects.values_list("pk", "name").iterator(chunk_size=2000):
            if not text.isascii():
                composed = unicodedata.normalize("NFC", text).upper()
                key = unicodedata.normalize("NFC", composed)[:80]
                model.objects.filter(pk=pk).update(name_key=key)
        # Each page that listed one of these answered 500. Named rightly, they come back by an import.
        unreachable = Q(name__contains="/") | Q(name__contains="\\") | Q(name__in=[".", ".."])
        found = model.objects.filter(unreachable, removed_at__isnull=True)
        if names := sorted(set(found.values_list("name", flat=True))):
            found.update(removed_at=timezone.now())
            told = f"\n  {name} : noms qu’une adresse ne porte pas, retirés : {', '.join(names)}\n"
            sys.stderr.write(told)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_words_of_fields")]

    operations = [
        migrations.RemoveIndex("table", "table_name_key"),
        migrations.RemoveIndex("variable", "variable_name_key"),
        migrations.RemoveField("table", "name_key"),
        migrations.RemoveField("variable", "name_key"),
        migrations.AddField(
            "table",
            "name_key",
            models.CharField(default="", editable=False, max_length=80),
            preserve_default=False,
        ),
        migrations.AddField(
            "variable",
            "name_key",
            models.CharField(default="", editable=False, max_length=80),
            preserve_default=False,
        ),
        migrations.AlterField(
            "table",
            "name",
            models.CharField(
                max_length=80, validators=[catalog.names.validate_name], verbose_name="nom"
            ),
        ),
        migrations.AlterField(
            "variable",
            "name",
            models.CharField(
                max_length=80, validators=[catalog.names.validate_name], verbose_name="nom"
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=False),
        migrations.AddIndex("table", models.Index(fields=["name_key"], name="table_name_key")),
        migrations.AddIndex(
            "variable", models.Index(fields=["name_key"], name="variable_name_key")
        ),
    ]
