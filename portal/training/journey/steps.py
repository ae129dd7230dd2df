"""All steps, in the order they are played."""

from . import steps_find, steps_review, steps_access  # isort: skip - the order is the journey's


__all__ = ["steps_access", "steps_find", "steps_review"]
