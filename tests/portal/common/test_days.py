"""The one field of days: bounds, four-digit years in every format, what was typed shown again."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.test import RequestFactory

from portal.accounts.models import User
from portal.common.calendar import legal_today
from portal.common.days import DayField, years_from_now
from requests_app.counter.forms.acts import ACT_FORMS
from requests_app.counter.forms.draft import SectionForm
from requests_app.counter.forms.questions.base import Asked
from requests_app.procedures.forms import everything


pytestmark = pytest.mark.django_db  # bounds follow legal time, a row in training


def field(**more: Any) -> DayField:
    return DayField(earliest=date(1900, 1, 1), latest=date(2100, 12, 31), **more)


@pytest.mark.parametrize(
    "text",
    ["2027-03-01", "01/03/2027", "1/3/2027", "01 03 2027", "01.03.2027", "01-03-2027",
     "2027/03/01", " 01\u00a003\u00a02027 "],
)  # fmt: skip
def test_a_day_is_read_however_it_is_written(text: str) -> None:
    assert field().clean(text) == date(2027, 3, 1)


@pytest.mark.parametrize(
    "text",
    ["01/03/27", "01 03 27", "01.03.27", "01-03-27", "27-03-01", "27/03/01", "0027-03-01",
     "01/03/0027", "0099-12-31", "12027-03-01", "01/03/127"],
)  # fmt: skip
def test_a_year_without_four_digits_is_never_guessed(text: str) -> None:
    with pytest.raises(ValidationError, match="quatre chiffres"):
        field().clean(text)


@pytest.mark.parametrize(
    "text", ["demain", "2027", "20270301", "٠١/٠٣/٢٠٢٧", "01/03", "1e3/1/2027"]
)
def test_what_is_no_day_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValidationError, match="Écrivez-la ainsi"):
        field().clean(text)


def test_a_day_that_does_not_exist_is_told() -> None:
    with pytest.raises(ValidationError, match="n’existe pas"):
        field().clean("31/02/2027")


@pytest.mark.parametrize("text", ["1899-12-31", "2101-01-01", "9999-12-31", "1000-01-01"])
def test_a_day_out_of_bounds_is_told_both_bounds(text: str) -> None:
    with pytest.raises(ValidationError, match="entre le 01/01/1900 et le 31/12/2100"):
        field().clean(text)


def test_a_day_has_bounds_or_is_not_made() -> None:
    with pytest.raises(TypeError, match="earliest"):
        DayField()  # type: ignore[call-arg]


def test_bounds_may_follow_legal_time() -> None:
    later = DayField(earliest=legal_today, latest=years_from_now(2))
    assert later.clean(legal_today().isoformat()) == legal_today()
    with pytest.raises(ValidationError):
        later.clean(years_from_now(-1)().isoformat())


def test_the_control_knows_the_bounds_and_loses_nothing_typed() -> None:
    class OneForm(forms.Form):
        day = field()

    shown = str(OneForm()["day"])
    assert 'min="1900-01-01"' in shown
    assert 'max="2100-12-31"' in shown
    assert 'type="date"' in shown
    kept = str(OneForm({"day": "01/03/27"})["day"])  # a date control would show it empty
    assert 'value="01/03/27"' in kept
    assert 'type="text"' in kept


SOURCES = [
    path
    for room in ("portal", "catalog", "requests_app")
    for path in (Path(settings.BASE_DIR) / room).rglob("*.py")
    if "migrations" not in path.parts and path.name != "days.py"
]
OTHER_DAYS = re.compile(
    r"forms\.(?:Split)?Date(?:Time)?(?:Field|Input)|SelectDateWidget|AdminDate|AdminSplit"
    r"|\"type\": \"(?:date|datetime-local|month)\""
)


def test_no_form_of_the_product_has_another_field_of_days() -> None:
    found = {
        str(path.relative_to(settings.BASE_DIR)): words
        for path in SOURCES
        if (words := OTHER_DAYS.findall(path.read_text()))
    }
    assert found == {}
    page = re.compile(r"type=[\"'](?:date|datetime-local|month)[\"']")
    pages = (Path(settings.BASE_DIR) / "templates").rglob("*.html")
    assert [path.name for path in pages if page.search(path.read_text())] == []


def subclasses(of: type[Any]) -> set[type[Any]]:
    below = of.__subclasses__()
    return set(below).union(*(subclasses(one) for one in below)) if below else set()


def is_bounded(one: forms.Field) -> bool:
    return isinstance(one, DayField) and one.bounds[0] < one.bounds[1]


def test_every_day_that_a_form_asks_has_bounds() -> None:
    days = {
        f"{form.__module__}.{form.__name__}.{name}": one
        for form in subclasses(forms.BaseForm) | set(ACT_FORMS.values())
        if form.__module__.split(".")[0] in {"portal", "catalog", "requests_app"}
        for name, one in getattr(form, "base_fields", {}).items()
        if isinstance(one, forms.DateField | forms.DateTimeField | forms.SplitDateTimeField)
    }
    for form in everything():  # what an applicant fills in: fields made from the form's file
        for section in form.filled_in:
            page = SectionForm(
                None, section=section, stored=form.cleaned(section.code, {}), asked=Asked(facts={})
            )
            days |= {
                f"{form.code} {section.code}.{name}": one
                for name, one in page.fields.items()
                if isinstance(one, forms.DateField)
            }
    assert len(days) >= 6  # convention 3, draft 3
    assert [name for name, one in days.items() if not is_bounded(one)] == []


def test_every_day_of_the_administration_has_bounds(db: Any) -> None:
    request = RequestFactory().get("/admin/")
    request.user = User(username="seen", is_superuser=True)
    days = {}
    for model, page in admin.site._registry.items():
        forms_of = [page.get_form(request, fields=None if page.get_fieldsets(request) else [])]
        forms_of += [one.get_formset(request).form for one in page.get_inline_instances(request)]
        for form in forms_of:
            for name, one in form.base_fields.items():
                if isinstance(one, forms.DateField | forms.DateTimeField):
                    days[f"{model._meta.label}.{name}"] = one
    assert {"accounts.Training.valid_until", "catalog.Dataset.as_of"} <= set(days)
    assert [name for name, one in days.items() if not is_bounded(one)] == []
