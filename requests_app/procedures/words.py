"""Periods of a procedure in the words of its readers."""

from django.utils.translation import ngettext

from portal.common.units import parse_period


def period_in_words(period: str) -> str:
    """`"7wd"` → `7 jours ouvrés`, `"1m"` → `1 mois`. Raises ValueError on no period."""
    count, unit = parse_period(period)
    words = {
        "wd": ngettext("%(n)d jour ouvré", "%(n)d jours ouvrés", count),
        "d": ngettext("%(n)d jour", "%(n)d jours", count),
        "w": ngettext("%(n)d semaine", "%(n)d semaines", count),
        "m": ngettext("%(n)d mois", "%(n)d mois", count),
        "y": ngettext("%(n)d an", "%(n)d ans", count),
    }
    return words[unit] % {"n": count}
