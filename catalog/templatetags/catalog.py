"""What catalogue templates need: panels of other rooms, highlights, years, links of facets."""

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from catalog import panels
from catalog.search.highlight import mark as mark_words
from catalog.timeline import timeline


register = template.Library()


@register.simple_tag(takes_context=True)
def panel(context: template.Context, name: str, subject: Any = None) -> SafeString:
    """`{% panel "dataset_actions" dataset %}`: what the rooms above registered for this place."""
    return panels.render_panels(name, context["request"], subject)


@register.simple_tag(takes_context=True)
def marked(context: template.Context, text: str, length: int = 0) -> SafeString:
    """The text, escaped, with the searched words marked; cut around them when `length` is given."""
    return mark_words(text, context.get("parsed"), length)


@register.filter
def years(subject: Any) -> str:
    """`depuis 2010`, `de 2010 à 2019, sauf 2015`; empty when nothing is known."""
    first, last = subject.valid_from, subject.valid_until
    if first and last:
        text = str(first) if first == last else _("de %(a)s à %(b)s") % {"a": first, "b": last}
    elif first:
        text = _("depuis %(a)s") % {"a": first}
    elif last:
        text = _("jusqu’à %(b)s") % {"b": last}
    else:
        text = ""
    if subject.missing_years:
        missing = ", ".join(str(year) for year in subject.missing_years)
        text = f"{text}, " if text else ""
        text += _("sauf %(years)s") % {"years": missing}
    return text


@register.simple_tag
def year_line(
    subject: Any, first: int, last: int, dataset: Any = None, *, until: int | None = None
) -> "SafeString | str":
    """A small time line of the years in which the subject exists, between two years.

    Nothing is drawn after the year of the dataset's description, or `until`. Nothing at all when no
    year is known: an empty or a full bar would both be wrong.
    """
    if not (subject.valid_from or subject.valid_until or subject.missing_years):
        return ""
    known_until = dataset.as_of.year if dataset and dataset.as_of else until
    line = timeline(subject, first, last, known_until)
    return render_to_string("catalog/_year_line.html", {"line": line})
