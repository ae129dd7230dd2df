"""The page shell: layout, menu by rights, forms, dates, error pages, State marks."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django import forms
from django.core.paginator import Paginator
from django.template import engines
from django.test import Client, RequestFactory
from django.urls import reverse

from portal.accounts.models import Role
from portal.common import navigation
from portal.common.templatetags import portal as tags
from tests.support.client import client_for, page_text
from tests.support.people import a_person, an_organisation, with_role


NBSP = "\xa0"


def render(text: str, rf: RequestFactory, query: str = "", **context: Any) -> str:
    request = rf.get(f"/page/{query}")
    return engines["django"].from_string("{% load portal %}" + text).render(context, request)


class Essai(forms.Form):
    nom = forms.CharField(label="Nom", help_text="Le vôtre")
    choix = forms.ChoiceField(
        label="Choix", choices=[("1", "Un"), ("2", "Deux")], widget=forms.RadioSelect
    )
    accord = forms.BooleanField(label="Accord")
    piece = forms.FileField(label="Pièce", required=False)


def test_dates_in_french() -> None:
    first = datetime(2027, 3, 1, 13, 30, tzinfo=UTC)
    assert tags.long_date(first) == f"1er{NBSP}mars{NBSP}2027"
    assert tags.weekday_date(date(2027, 3, 3)) == f"mercredi 3{NBSP}mars{NBSP}2027"
    assert tags.hour(first) == f"14{NBSP}h{NBSP}30"
    assert tags.due(date(2027, 3, 2)) == f"avant le mardi 2{NBSP}mars{NBSP}2027"
    late_evening = datetime(2027, 3, 3, 23, 30, tzinfo=UTC)  # the 4th in Paris
    assert tags.long_date(late_evening).startswith("4")
    assert tags.long_date(None) == tags.due(None) == tags.moment(None) == tags.number(None) == ""


def test_numbers_have_narrow_spaces() -> None:
    assert tags.number(4815) == "4\u202f815"
    assert tags.number(1234.5) == "1\u202f234,5"
    assert tags.number("x") == "x"


@pytest.mark.parametrize(
    ("until", "words", "tone"),
    [
        (date(2026, 11, 27), "dans 4 jours ouvrés", "calm"),
        (date(2026, 11, 24), "dans 1 jour ouvré", "soon"),
        (date(2026, 11, 23), "aujourd’hui", "soon"),
        (date(2026, 11, 20), "dépassée depuis 3 jours", "late"),
        (datetime(2026, 11, 23, 8, tzinfo=UTC), "échéance dépassée aujourd’hui", "late"),
    ],
)
def test_what_remains_in_words(until: Any, words: str, tone: str) -> None:
    monday = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert tags.remaining(until, now=monday) == (words, tone)


def test_a_week_end_is_not_a_working_day() -> None:
    friday_to_sunday = tags.remaining(date(2026, 11, 29), now=datetime(2026, 11, 27, 9, tzinfo=UTC))
    assert friday_to_sunday == ("avant le prochain jour ouvré", "soon")


@pytest.mark.django_db
def test_due_dates_of_a_list_ask_the_time_once(rf: RequestFactory, legal_time: Any) -> None:
    from tests.support.queries import count_queries

    legal_time("1d")
    rows = [datetime.now(UTC) + timedelta(days=n) for n in range(30)]
    with count_queries() as queries:
        render("{% for d in rows %}{% due_date d %}{% endfor %}", rf, rows=rows)
    assert queries.count == 1


@pytest.mark.django_db
def test_pagination_and_sort_keep_the_query_string(rf: RequestFactory) -> None:
    page = Paginator(range(100), 10).page(3)
    text = '{% include "components/pagination.html" %}{% sort_header "due" "Échéance" %}'
    body = render(text, rf, "?q=a%26b&tri=due&page=3", page=page)
    links = [a["href"] for a in BeautifulSoup(body, "html.parser").select("a[href]")]
    assert "?q=a%26b&tri=due&page=4" in links
    assert "?q=a%26b&tri=-due" in links
    assert 'aria-sort="ascending"' in body


def test_every_form_has_labels_hints_and_a_summary_of_errors() -> None:
    form = Essai({})
    form.is_valid()
    soup = BeautifulSoup(str(form), "html.parser")
    links = [a["href"] for a in soup.select(".fr-alert--error a")]
    assert links == ["#id_nom", "#id_choix", "#id_accord"]
    for link in links:
        assert soup.select_one(link) is not None
    field = soup.select_one("#id_nom")
    assert field is not None
    assert field["aria-describedby"] == "id_nom_helptext id_nom_error"
    assert field["aria-invalid"] == "true"
    for name in str(field["aria-describedby"]).split():
        assert soup.select_one(f"#{name}") is not None
    assert len(soup.select("fieldset#id_choix input[type=radio]")) == 2
    assert soup.select_one("label[for=id_piece]") is not None
    ids = [tag["id"] for tag in soup.select("[id]")]
    assert len(ids) == len(set(ids))


@pytest.mark.django_db
def test_layout_has_landmarks_and_loads_nothing_from_elsewhere(client: Client) -> None:
    response = client.get(reverse("help"))
    soup = BeautifulSoup(response.content, "html.parser")
    assert soup.html is not None
    assert soup.html["lang"] == "fr"
    for selector in ("header", "main#contenu", "footer#pied", "nav[aria-label]", "h1"):
        assert soup.select(selector), selector
    for link in soup.select(".fr-skiplinks a"):
        assert soup.select_one(str(link["href"])) is not None
    assert not soup.select("[style], [onclick], style, script:not([src])")
    sources = [t.get("src") or t.get("href") for t in soup.select("script, link, img")]
    assert all(str(s).startswith("/static/") for s in sources)
    assert "unsafe-inline" not in response["Content-Security-Policy"]


@pytest.mark.django_db
def test_state_marks_are_off_unless_the_site_is_the_states(client: Client, settings: Any) -> None:
    neutral = client.get(reverse("help")).content.decode()
    assert "fr-logo" not in neutral
    assert "neutral.css" in neutral
    settings.STATE_SITE = True
    state = client.get(reverse("help")).content.decode()
    assert "fr-logo" in state
    assert "neutral.css" not in state


@pytest.mark.django_db
def test_training_time_and_demo_are_said_on_every_page(
    client: Client, settings: Any, legal_time: Any
) -> None:
    assert "Temps d’entraînement" not in page_text(client.get(reverse("help")))
    legal_time("11d")
    settings.DEMO = True
    text = page_text(client.get(reverse("help")))
    assert "avance de 11 jours" in text
    assert "Démonstration" in text


@pytest.mark.django_db
def test_the_menu_follows_the_rights(rf: RequestFactory) -> None:
    def entries(user: Any) -> set[str]:
        request = rf.get("/")
        request.user = user
        return {link.label for link in navigation.links(request)}

    holder = with_role(Role.HOLDER_REPRESENTATIVE, scope=an_organisation(kind="holder"))
    secretary, admin = with_role(Role.SECRETARIAT), with_role(Role.ADMINISTRATOR)
    assert "Appartenances" in entries(secretary)
    assert "Appartenances" not in entries(a_person()) | entries(holder) | entries(admin)
    assert "Administration" in entries(admin)
    assert "Administration" not in entries(secretary) | entries(a_person(is_superuser=True))


def test_an_entry_without_address_is_left_out(rf: RequestFactory, monkeypatch: Any) -> None:
    entry = navigation.Entry(label="Absente", url_name="nulle:part")
    monkeypatch.setattr(navigation, "_entries", {"nulle:part": entry})
    assert navigation.links(rf.get("/")) == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["help", "legal", "accessibility", "personal_data"])
def test_public_pages_open_without_login(client: Client, name: str) -> None:
    assert client.get(reverse(name)).status_code == 200


@pytest.mark.django_db
def test_terms_are_public_and_accepted_once() -> None:
    user = a_person()
    client = client_for(user)
    page = page_text(client.get(reverse("accounts:terms")))
    assert "Conditions d’utilisation" in page
    refused = client.post(reverse("accounts:accept_terms"), {})
    assert "Cochez la case" in page_text(refused)
    for _n in range(2):
        client.post(reverse("accounts:accept_terms"), {"accept": "on"})
    assert user.terms_acceptances.count() == 1
    assert "Vous les avez acceptées" in page_text(client.get(reverse("accounts:terms")))
    assert client.get(reverse("accounts:terms_version", args=["1999-1"])).status_code == 404
    given_back = Client().post(reverse("accounts:accept_terms"), {"accept": "on"})
    assert given_back.status_code == 403
    assert "Connectez-vous" in page_text(given_back)


@pytest.mark.django_db
def test_health(client: Client) -> None:
    assert client.get(reverse("health_live")).json() == {"status": "ok"}
    ready = client.get(reverse("health_ready"))
    assert ready.json()["checks"] == {"database": True, "cache": True}


def test_not_ready_names_what_does_not_answer(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("portal.common.views._database_answers", lambda: False)
    response = client.get(reverse("health_ready"))
    assert response.status_code == 503
    assert response.json()["checks"]["database"] is False


@pytest.mark.django_db
def test_error_pages_say_what_to_do(client: Client, settings: Any) -> None:
    missing = client.get("/nulle-part/")
    assert missing.status_code in {302, 404}
    from django.template.loader import render_to_string

    for code in ("400", "403", "403_csrf", "404", "429", "500", "503"):
        body = render_to_string(f"{code}.html")
        assert "<h1>" in body
        assert "Guichet" in body
