"""A message that holds a link says when the link ends, and its text is wiped then."""

from datetime import timedelta

from django.db import migrations, models
from django.db.models import F, Q


LONGEST = timedelta(days=14)  # what an invitation lives; the other links live less


def say_when(apps, _schema_editor):
    """Links written before: none lives longer than an invitation. Texts of failed ones go."""
    messages = apps.get_model("notifications", "Message").objects.filter(sensitive=True)
    messages.update(expires_at=F("created_at") + LONGEST)
    messages.filter(state__in=["sent", "failed", "skipped"]).update(body="")


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="expires_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="expire le"
            ),
        ),
        migrations.RunPython(say_when, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=Q(("sensitive", True), ~Q(body="")),
                fields=["expires_at"],
                name="message_to_wipe",
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=Q(("sensitive", False), ("expires_at__isnull", False), _connector="OR"),
                name="message_link_expires",
                violation_error_message="Un message qui porte un lien dit quand il expire.",
            ),
        ),
    ]
