"""Five questions, one a page, then a procedure here or the name of another way."""

import itertools
import re
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from requests_app.counter.forms.orientation import AnswerForm
from requests_app.counter.reading import course
from requests_app.deadlines.forecast import forecast
from requests_app.dossier import orientation
from requests_app.models import AccessRequest, Basket, RequestMember
from requests_app.procedures import registry
from requests_app.procedures.content import Row
from requests_app.selection import basket as baskets
from tests.support.client import client_for, page_text
from tests.support.requests import catalogue, organisation, person


CODES = [question.code for question in orientation.questions()]


def answers(text: str) -> dict[str, bool]:
    """`"nnyyn"` → the five answers, in order."""
    return {code: letter == "y" for code, letter in zip(CODES, text, strict=False)}


@pytest.mark.parametrize(
    ("given", "route", "procedure"),
    [
        ("nnnnn", "cnil", "fr-cnil-standard"),
        ("nnnyn", "cnil", "fr-cnil-standard"),
        ("nnyyn", "mr_007", "fr-mr-007"),
        ("nnynn", "cnil_legitimate", "fr-cnil-standard"),
        ("nnyyy", "open_data", ""),
        ("nynnn", "internal", ""),
        ("ynnnn", "cpp", ""),
    ],
)
def test_routes(given: str, route: str, procedure: str) -> None:
    found = orientation.route(answers(given))
    assert found is not None
    assert (found.code, found.procedure) == (route, procedure)


@pytest.mark.django_db  # legal time
def test_every_combination_leads_somewhere() -> None:
    for letters in itertools.product("yn", repeat=5):
        found = orientation.route(answers("".join(letters)))
        assert found is not None
        assert found.is_here == (orientation.procedure_of(found) is not None)
    assert orientation.check_orientation() == []


def test_five_questions_are_the_issues() -> None:
    assert CODES == [
        "involves_persons",
        "own_patients",
        "main_base_only",
        "public_mission",
        "statistics_only",
    ]


@pytest.mark.django_db  # legal time
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("nnynn", {"Méthodologie de référence MR-008", "Procédure simplifiée"}),
        ("nnyyn", {"Procédure simplifiée", "Accès permanent"}),
        (
            "nnnyn",
            {
                "Méthodologie de référence MR-004",
                "Méthodologies de référence MR-005 et MR-006",
            },
        ),
        ("nnyyy", set()),
        ("y", set()),
    ],
)
def test_other_ways_are_named_with_link_and_contact(given: str, named: set[str]) -> None:
    assert {str(one.title) for one in orientation.elsewhere(answers(given))} == named
    for other in orientation.data().elsewhere:
        assert other.link.startswith("https://")
        assert other.contact


def test_the_course_says_who_acts_and_for_how_long() -> None:
    procedure = registry.get("fr-cnil-standard", 1)
    steps = {one.label: (one.who, one.limit) for one in course.steps(procedure)}
    assert steps["Contrôle de complétude"] == ("secrétariat", "7 jours ouvrés")
    assert steps["Avis du comité"][1] == "1 mois, prolongeable une fois de 1 mois"
    assert steps["Réponse aux points de l’avis"] == ("vous", "relance après 1 mois")
    assert steps["Convention"][1] == ""


def test_the_questions_and_ways_are_said_in_the_languages_of_their_file() -> None:
    both = {"fr": "Une étude ?", "en": "A study?"}
    raw = orientation.data().model_dump(mode="json")
    raw["questions"][0] |= {"text": both, "help": both}
    raw["routes"][-1]["why"] = both
    found = orientation.Orientation.model_validate(raw)
    question, route = found.questions[0], found.routes[-1]
    for language, said in both.items():
        with translation.override(language):
            label = AnswerForm(question=question)["answer"]
            assert (label.label, label.help_text, str(route.why)) == (said, said, said)


def play(client: Client, letters: str) -> str:
    """Answer page after page; the last page's text."""
    response = client.get(reverse("requests_app:orientation"), follow=True)
    for letter in letters:
        response = client.post(
            response.redirect_chain[-1][0]
            if response.redirect_chain
            else response.request["PATH_INFO"],
            {"answer": "yes" if letter == "y" else "no"},
            follow=True,
        )
    return page_text(response)


@pytest.mark.django_db
def test_a_visitor_answers_five_pages_and_reads_route_steps_and_latest_date() -> None:
    client = client_for()
    text = play(client, "nnnnn")
    assert "Votre demande se fait ici." in text
    assert "réponse au plus tard le" in text
    assert "Avis du comité" in text
    assert not AccessRequest.objects.exists()


@pytest.mark.django_db
def test_a_declaration_that_may_fit_is_begun_from_where_it_is_named() -> None:
    client = client_for(person("alix", of=organisation("univ")))
    play(client, "nnnnn")
    page = client.get(reverse("requests_app:orientation_result")).content.decode()
    links = re.findall(r'href="([^"]+procedure=[^"]+)"', page)
    assert len(links) == 2
    text = page_text(client.get(links[0]))
    assert "Nouvelle déclaration" in text
    assert "Aucun accès n’est ouvert par ce portail" in text


def test_another_way_names_a_procedure_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = orientation.data().model_dump(mode="json")
    raw["elsewhere"][0]["procedure"] = "gone"
    wrong = orientation.Orientation.model_validate(raw)
    monkeypatch.setattr(orientation, "judged", lambda _path: (wrong, []))
    assert [one.id for one in orientation.check_orientation()] == ["orientation.E002"]


@pytest.mark.django_db
def test_a_way_out_is_told_as_soon_as_it_is_known() -> None:
    text = play(client_for(), "y")
    assert "Votre étude suit une autre voie" in text
    assert "comité de protection des personnes" in text
    assert "Commencer le dossier" not in text


@pytest.mark.django_db
def test_no_answer_is_refused_with_what_to_do() -> None:
    url = reverse("requests_app:orientation_question", args=[1])
    response = client_for().post(url, {})
    assert response.status_code == 422
    assert "Répondez par oui ou par non." in page_text(response)
    assert (
        client_for().get(reverse("requests_app:orientation_question", args=[6])).status_code == 404
    )


@pytest.mark.django_db
def test_a_draft_keeps_the_answers_and_the_selection() -> None:
    catalogue()
    user = person("alix", of=organisation("univ"), confirmed_at=None)  # waiting for confirmation
    baskets.add(
        Basket.objects.create(user=user),
        [Row(dataset="registre", table="CAS", variables=["CAS_ID"], year_from=2010)],
    )
    client = client_for(user)
    play(client, "nnyyn")
    url = reverse("requests_app:draft_create")
    refused = client.post(url, {"title": "", "procedure": "fr-mr-007"})
    assert "Donnez un titre à votre étude." in page_text(refused)
    response = client.post(
        url,
        {
            "title": "Diabète et territoire",
            "organisation": str(organisation("univ").pk),
            "procedure": "fr-mr-007",
            "import_basket": "on",
        },
    )
    request = AccessRequest.objects.get()
    assert response["Location"] == reverse("requests_app:draft", args=[request.pk])
    assert request.orientation == answers("nnyyn")
    assert (request.procedure_code, request.procedure_version) == ("fr-mr-007", 1)
    assert request.content["specification"]["rows"][0]["variables"] == ["CAS_ID"]
    assert request.content["parties"]["controller"]["name"] == "Organisme univ"
    assert request.datasets.get().dataset.code == "registre"
    assert request.members.get().kind == RequestMember.Kind.INVESTIGATOR


@pytest.mark.django_db
def test_a_draft_is_only_for_ones_own_organisation_and_the_routes_procedure() -> None:
    user = person("alix", of=organisation("univ"))
    other = organisation("autre")
    client = client_for(user)
    play(client, "nnnnn")
    url = reverse("requests_app:draft_create")
    given = {"title": "Étude", "organisation": str(other.pk), "procedure": "fr-cnil-standard"}
    assert client.post(url, given).status_code == 422
    given |= {"organisation": str(organisation("univ").pk), "procedure": "fr-mr-007"}
    assert client.post(url, given).status_code == 422
    assert not AccessRequest.objects.exists()


@pytest.mark.django_db
def test_without_organisation_the_page_says_where_to_declare_it() -> None:
    client = client_for(person("seul"))
    play(client, "nnnnn")
    text = page_text(client.get(reverse("requests_app:draft_create")))
    assert "Vous n’appartenez à aucun organisme" in text


@pytest.mark.django_db
def test_creating_needs_the_answers_first() -> None:
    client = client_for(person("alix", of=organisation("univ")))
    response = client.get(reverse("requests_app:draft_create"))
    assert response["Location"] == reverse("requests_app:orientation_question", args=[1])


def test_forecast_lays_clocks_one_after_another() -> None:
    """Deposited Friday 8 January 2027; worked by hand on a calendar."""
    found = forecast(registry.get("fr-cnil-standard", 1), deposited_on=date(2027, 1, 8))
    ends = {step.stage.code: step.ends_on for step in found.steps}
    assert ends["completeness"] == date(2027, 1, 19)  # 7 working days
    assert ends["holder"] == date(2027, 1, 29)  # 10 days
    assert ends["opinion"] == date(2027, 3, 19)  # 1 month, then 1 month
    assert found.latest_on == date(2027, 7, 19)  # CNIL: 2 months, twice
    assert found.usual_on == date(2027, 4, 19)  # 19 February, then 2 months
    assert "convention" not in ends


def test_forecast_of_mr_007_has_no_authorisation() -> None:
    found = forecast(registry.get("fr-mr-007", 1), deposited_on=date(2027, 1, 8))
    assert found.usual_on == date(2027, 2, 19)
    assert found.latest_on == date(2027, 3, 19)
