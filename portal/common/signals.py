"""Announced by the foundations, heard by the rooms above."""

from django.dispatch import Signal


# Sent by `calendar.advance_clock()` in its transaction: before (timedelta), after (timedelta).
clock_moved = Signal()
