"""What every template of the portal may use: dates, numbers, deadlines, crumbs, sort headers."""

from datetime import date, datetime
from typing import Any

from django import template
from django.forms import BoundField
from django.http import HttpRequest
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from portal.common import calendar, navigation


register = template.Library()

NARROW_NBSP = "\u202f"
NBSP = "\u00a0"
Instant = date | datetime | None


def _local(value: date | datetime) -> date | datetime:
    if isinstance(value, datetime) and timezone.is_aware(value):
        return value.astimezone(calendar.PARIS)
    return value


def _request(context: template.Context) -> HttpRequest | None:
    request: HttpRequest | None = context.get("request")
    return request


def _now(context: template.Context) -> datetime:
    """Legal time, asked once per page (in training it is a query)."""
    holder = _request(context) or context
    now: datetime | None = getattr(holder, "guichet_legal_now", None)
    if now is None:
        now = calendar.legal_now()
        holder.guichet_legal_now = now  # type: ignore[union-attr]
    return now


@register.filter
def long_date(value: Instant, *, weekday: bool = False) -> str:
    """`3 mars 2027`, `1er mars 2027`; times are taken in Paris. Empty for no date."""
    if not value:
        return ""
    day = _local(value)
    text = formats.date_format(day, "j F Y")
    if day.day == 1 and get_language() == "fr":
        text = text.replace("1 ", "1er ", 1)
    if weekday:
        text = f"{formats.date_format(day, 'l')} {text}"
    return text.replace(" ", NBSP)


@register.filter
def weekday_date(value: Instant) -> str:
    """`mardi 3 mars 2027`."""
    return long_date(value, weekday=True).replace(NBSP, " ", 1) if value else ""


@register.filter
def hour(value: datetime | None) -> str:
    """`14 h 30` (Paris)."""
    if not value:
        return ""
    moment = _local(value)
    if get_language() == "fr":
        return f"{formats.date_format(moment, 'G')}{NBSP}h{NBSP}{formats.date_format(moment, 'i')}"
    return formats.date_format(moment, "H:i")


@register.filter
def moment(value: datetime | None) -> str:
    """`3 mars 2027 à 14 h 30` (Paris)."""
    if not value:
        return ""
    return _("%(date)s à %(hour)s") % {"date": long_date(value), "hour": hour(value)}


@register.filter
def due(value: Instant) -> str:
    """`avant le mardi 3 mars 2027`."""
    return _("avant le %(date)s") % {"date": weekday_date(value)} if value else ""


@register.filter
def iso(value: Instant) -> str:
    """The date or instant for a `datetime` attribute."""
    return _local(value).isoformat() if value else ""


@register.filter
def number(value: Any) -> str:
    """`4 815` with narrow no-break spaces; a decimal comma in French."""
    if value is None or value == "":
        return ""
    try:
        text = formats.number_format(value, use_l10n=True, force_grouping=True)
    except (TypeError, ValueError):
        return str(value)
    return text.replace(NBSP, NARROW_NBSP).replace(" ", NARROW_NBSP)


def remaining(until: date | datetime, *, now: datetime) -> tuple[str, str]:
    """What is left in words, and its tone (`late`, `soon` within two working days, or `calm`)."""
    if not isinstance(until, datetime):
        until = calendar.end_of_day(until)
    today, last = now.astimezone(calendar.PARIS).date(), until.astimezone(calendar.PARIS).date()
    if until < now:
        days = (today - last).days
        if days == 0:
            return _("échéance dépassée aujourd’hui"), "late"
        text = ngettext("dépassée depuis %(n)s jour", "dépassée depuis %(n)s jours", days)
        return text % {"n": number(days)}, "late"
    if last == today:
        return _("aujourd’hui"), "soon"
    left = calendar.working_days_left(until, now=now)
    if left == 0:  # a week-end or holiday is all that remains
        return _("avant le prochain jour ouvré"), "soon"
    text = ngettext("dans %(n)s jour ouvré", "dans %(n)s jours ouvrés", left)
    return text % {"n": number(left)}, "soon" if left <= 2 else "calm"


@register.filter
def working_days(value: Instant) -> str:
    """`dans 5 jours ouvrés`. In a long list prefer `{% due_date %}`, which asks the time once."""
    return remaining(value, now=calendar.legal_now())[0] if value else ""


@register.inclusion_tag("components/due.html", takes_context=True, name="due_date")
def due_date(context: template.Context, until: Instant, *, short: bool = False) -> dict[str, Any]:
    """`avant le mardi 3 mars 2027 · dans 5 jours ouvrés`; nothing when there is no date."""
    if not until:
        return {"until": None}
    text, tone = remaining(until, now=_now(context))
    return {"until": until, "remaining": text, "tone": tone, "short": short}


@register.simple_tag
def crumb(label: Any, url: str = "") -> SafeString:
    """One step of the breadcrumb; the last one, without address, is the current page."""
    if url:
        return format_html('<li><a class="fr-breadcrumb__link" href="{}">{}</a></li>', url, label)
    return format_html('<li><a class="fr-breadcrumb__link" aria-current="page">{}</a></li>', label)


@register.simple_tag(takes_context=True)
def navigation_links(context: template.Context) -> list[navigation.Link]:
    request = _request(context)
    return navigation.links(request) if request is not None and hasattr(request, "user") else []


@register.inclusion_tag("components/sort_header.html", takes_context=True)
def sort_header(
    context: template.Context, key: str, label: str, *, param: str = "tri"
) -> dict[str, Any]:
    """A column head that sorts by `?tri=key`, then `?tri=-key`; keeps the other parameters."""
    request = _request(context)
    current = request.GET.get(param, "") if request is not None else ""
    query = request.GET.copy() if request is not None else None
    target = f"-{key}" if current == key else key
    if query is not None:
        query.pop(param.replace("tri", "page"), None)  # of two lists, only its own
        query[param] = target
    state = {key: "ascending", f"-{key}": "descending"}.get(current, "none")
    return {
        "label": label,
        "state": state,
        "href": f"?{query.urlencode()}" if query else f"?{param}={target}",
    }


@register.simple_tag(takes_context=True)
def page_url(context: template.Context, page: int, param: str = "") -> str:
    """The present address with another page number; `param` when the page has several lists."""
    param = param or "page"
    request = _request(context)
    if request is None:
        return f"?{param}={page}"
    query = request.GET.copy()
    query[param] = str(page)
    return f"?{query.urlencode()}"


@register.simple_block_tag(takes_context=True)
def data_table(
    context: template.Context, content: str, *, caption: str, hide_caption: bool = False
) -> SafeString:
    """Wrapper of a table: scrolls by itself on a narrow screen, and can be reached by keyboard."""
    return format_html(
        '<div class="portal-table{}"><div class="portal-table__scroll" tabindex="0"'
        ' role="region" aria-label="{}"><table><caption>{}</caption>{}</table></div></div>',
        " portal-table--no-caption" if hide_caption else "",
        caption,
        caption,
        content,
    )


# --- forms
_CLASSES = {
    "select": "fr-select",
    "selectmultiple": "fr-select",
    "clearablefile": "fr-upload",
    "file": "fr-upload",
}


@register.simple_tag
def control(field: BoundField) -> SafeString:
    """The widget with its DSFR class, whatever form it comes from."""
    css = _CLASSES.get(field.widget_type, "fr-input")
    given = field.field.widget.attrs.get("class", "")
    return field.as_widget(attrs={"class": f"{css} {given}".strip()})


@register.filter
def field_kind(field: BoundField) -> str:
    """Which markup a field needs: checkbox, choices, file, fieldset (several inputs) or input."""
    match field.widget_type:
        case "checkbox":
            return "checkbox"
        case "radioselect" | "checkboxselectmultiple":
            return "choices"
        case "file" | "clearablefile":
            return "file"
        case "select" | "selectmultiple" | "nullbooleanselect":
            return "select"
        case _:
            return "fieldset" if field.field.widget.use_fieldset else "input"


@register.filter
def option_type(field: BoundField) -> str:
    return "radio" if field.widget_type == "radioselect" else "checkbox"


@register.simple_tag(takes_context=True)
def demo_notice(context: template.Context) -> bool:
    """Whether the page shows demonstration data: the site's switch, or the view's `demo_data`."""
    return bool(context.get("DEMO") or context.get("demo_data"))


@register.filter
def elided(page: Any) -> Any:
    """Page numbers around the present one, with ellipses."""
    return page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
