from django.db import migrations, models


class Migration(migrations.Migration):
    """Which files a stage has opened to a holder, an operator or a committee."""

    dependencies = [("requests_app", "0009_requests_newest_first")]

    operations = [
        migrations.AddIndex(
            model_name="stage",
            index=models.Index(
                fields=["kind", "state", "holder", "committee", "request"], name="stage_begun"
            ),
        ),
    ]
