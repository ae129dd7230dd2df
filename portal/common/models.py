"""One row that exists in training only: the offset of legal time."""

from django.db import models


class TrainingClock(models.Model):
    """Offset added to real time by `legal_now()`; forward only, refused by `check --deploy`."""

    offset = models.DurationField()
    moved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="training_clock_single_row"),
        ]

    def __str__(self) -> str:
        return f"+{self.offset}"
