from django.db import migrations, models
from django.db.models import F


def all_kept(apps, _schema_editor):
    """What is there was kept by rules of before: nothing of it is tidied away."""
    stored = apps.get_model("requests_app", "StoredFile")
    stored.objects.filter(kept_at__isnull=True).update(kept_at=F("uploaded_at"))


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0006_silence_has_a_sense")]

    operations = [
        migrations.AddField(
            model_name="storedfile",
            name="kept_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.RunPython(all_kept, migrations.RunPython.noop),
    ]
