"""Announced by the foundations, heard by the rooms above."""

from django.dispatch import Signal


# Sent by `calendar.advance_clock()` in its transaction: before (timedelta), after (timedelta).
clock_moved = Signal()

# Sent before a page of the administration is shown: request, kind ("list", "object", "history",
# "search"), on (the row, or the model whose list it is), about (UUID | None). Whoever listens
# records the look or raises: what cannot be recorded is not shown.
admin_looked = Signal()
# Sent when a page or a look-up of the administration is refused: request, model, detail (a code).
admin_refused = Signal()
