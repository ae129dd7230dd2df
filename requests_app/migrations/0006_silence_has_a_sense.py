from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0005_documents_tried_again")]

    operations = [
        migrations.RemoveConstraint(model_name="opinion", name="opinion_express_has_author"),
        migrations.AlterField(
            model_name="opinion",
            name="sense",
            field=models.CharField(
                choices=[
                    ("favourable", "favorable"),
                    ("favourable_with_recommendations", "favorable avec recommandations"),
                    ("reserved", "réservé"),
                    ("unfavourable", "défavorable"),
                    ("tacit_favourable", "tacite favorable"),
                    ("tacit_unfavourable", "tacite défavorable"),
                ],
                max_length=40,
                verbose_name="sens",
            ),
        ),
        migrations.AddConstraint(
            model_name="opinion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("sense__in", ["tacit_favourable", "tacit_unfavourable"]),
                    ("issued_by__isnull", False),
                    _connector="OR",
                ),
                name="opinion_express_has_author",
            ),
        ),
    ]
