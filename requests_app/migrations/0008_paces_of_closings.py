from django.db import migrations, models


class Migration(migrations.Migration):
    """When each side of a closing is tried again."""

    dependencies = [("requests_app", "0007_files_kept")]

    operations = [
        migrations.AddField(
            model_name="workspace",
            name="paces",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
    ]
