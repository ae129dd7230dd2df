"""What catalogue pages show of requests: adding to the selection, and how long an answer takes."""

from datetime import date, timedelta
from statistics import median
from typing import Any

from django.core.cache import cache
from django.db.models import F
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import render_to_string

from catalog.models import Dataset, Table, Variable
from catalog.panels import register_panel
from portal.common.calendar import legal_today
from portal.common.optional_cache import cache_may_fail
from requests_app.deadlines.forecast import forecast
from requests_app.models import AccessRequest, StageState
from requests_app.procedures import kinds, registry
from requests_app.procedures.cases import CaseType
from requests_app.procedures.content import Row
from requests_app.procedures.kind import Trait
from requests_app.procedures.schema import Procedure
from requests_app.selection import basket


MEDIAN_KEY = "requests-median-days"
MEDIAN_KEPT_SECONDS = 3600
FEWEST_ANSWERS = 5  # below, a median says more of one file than of the counter


def _chosen(request: HttpRequest) -> dict[tuple[str, str], Row]:
    """Rows of the visitor's selection, read once per page; no query for a visitor without one."""
    kept: dict[tuple[str, str], Row] | None = getattr(request, "guichet_basket", None)
    if kept is None:
        kept = {row.key: row for row in basket.rows_of(request)}
        request.guichet_basket = kept  # type: ignore[attr-defined]
    return kept


def _token(request: HttpRequest) -> str:
    """One masked token for all the forms of a page."""
    kept: str | None = getattr(request, "guichet_csrf_token", None)
    if kept is None:
        kept = get_token(request)
        request.guichet_csrf_token = kept  # type: ignore[attr-defined]
    return kept


def _button(
    request: HttpRequest,
    dataset: Dataset,
    *,
    table: str = "",
    variable: str = "",
    what: str,
    main: bool = False,
) -> str:
    if not dataset.is_requestable:
        return ""
    row = _chosen(request).get((dataset.code, table))
    whole = row is not None and (not variable or not row.variables or variable in row.variables)
    context = {
        "dataset": dataset.code,
        "table": table,
        "variable": variable,
        "what": what,
        "chosen": whole,
        "secondary": not main,  # a page has one primary button
        "next": request.get_full_path(),
        "csrf_token": _token(request),
    }
    # Without the page's own context, which would be made again for each of its buttons.
    return render_to_string("requests_app/panels/add.html", context)


def add_dataset(request: HttpRequest, dataset: Dataset) -> str:
    """The main act of the dataset's page."""
    return _button(request, dataset, what=dataset.title_fr, main=True)


def add_result(request: HttpRequest, dataset: Dataset) -> str:
    return _button(request, dataset, what=dataset.title_fr)


def add_table(request: HttpRequest, table: Table) -> str:
    return _button(request, table.dataset, table=table.name, what=table.name)


def add_variable(request: HttpRequest, variable: Variable) -> str:
    table = variable.table
    what = f"{variable.name}, {table.name}"
    return _button(request, table.dataset, table=table.name, variable=variable.name, what=what)


def choose_variables(request: HttpRequest, table: Table) -> str:
    """The form that the boxes ticked in the table's list belong to."""
    if not table.dataset.is_requestable:
        return ""
    context = {"table": table, "next": request.get_full_path()}
    return render_to_string("requests_app/panels/choice.html", context, request=request)


def procedures_for(dataset: Dataset, today: date) -> list[Procedure]:
    """Procedures of this portal by which access to the database may be asked for on a day."""
    known = registry.current(on=today, types={CaseType.ACCESS})
    return [one for one in known if dataset.kind in one.dataset_kinds]


def dataset_procedure(request: HttpRequest, dataset: Dataset) -> str:
    """Per procedure: steps, and “filed today: answer at the latest on …”."""
    today = legal_today()
    lines = []
    for one in procedures_for(dataset, today):
        found = forecast(one, deposited_on=today)
        lines.append((one, found, (found.usual_on - today).days))
    return render_to_string("requests_app/panels/procedure.html", {"lines": lines}, request=request)


def median_days() -> int | None:
    """Median of the days from deposit to the authorities' answer, of requests for access; None
    with too few answers."""
    known: int | None = None
    with cache_may_fail(MEDIAN_KEY):
        known = cache.get(MEDIAN_KEY)
    if known is not None:
        return known or None
    answered = (
        AccessRequest.objects.of_type(CaseType.ACCESS)
        .filter(
            stages__kind__in=kinds.having(Trait.ANSWERS),
            stages__state=StageState.DONE,
            submitted_at__isnull=False,
        )
        .annotate(took=F("stages__ended_at") - F("submitted_at"))
        .order_by("-stages__ended_at")
        .values_list("took", flat=True)[:500]
    )
    days = [took / timedelta(days=1) for took in answered if took is not None]
    found = round(median(days)) if len(days) >= FEWEST_ANSWERS else 0
    with cache_may_fail(MEDIAN_KEY):
        cache.set(MEDIAN_KEY, found, MEDIAN_KEPT_SECONDS)
    return found or None


def home_figures(request: HttpRequest, _subject: Any) -> str:
    days = median_days()
    if days is None:
        return ""
    return render_to_string("requests_app/panels/figures.html", {"days": days}, request=request)


register_panel("result_actions", add_result)
register_panel("dataset_actions", add_dataset)
register_panel("table_actions", add_table)
register_panel("variable_actions", add_variable)
register_panel("variables_choice", choose_variables)
register_panel("dataset_procedure", dataset_procedure)
register_panel("home_figures", home_figures)
