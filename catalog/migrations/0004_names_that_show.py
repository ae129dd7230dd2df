"""Names that hold what nobody sees, which two tables could differ by, are withdrawn."""

import sys

from django.db import migrations
from django.utils import timezone

from catalog.names import wrong_with


def withdraw(apps, _editor):
    """No address carries them now. Named rightly, they come back by an import."""
    for name in ("Table", "Variable"):
        rows = apps.get_model("catalog", name).objects.filter(removed_at__isnull=True)
        names = rows.values_list("name", flat=True).distinct().iterator(chunk_size=2000)
        wrong = sorted(one for one in names if not one.isascii() and wrong_with(one))
        for one in wrong:
            rows.filter(name=one).update(removed_at=timezone.now())
        if wrong:
            told = ", ".join(map(ascii, wrong))
            sys.stderr.write(f"\n  {name} : noms à caractères invisibles, retirés : {told}\n")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_names_in_addresses")]

    operations = [migrations.RunPython(withdraw, migrations.RunPython.noop, elidable=True)]
