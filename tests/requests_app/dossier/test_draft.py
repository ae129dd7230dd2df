"""The draft step by step: saved by button or by itself, two editors told, all that is missing."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.audit.models import AuditEvent
from requests_app import dossier
from requests_app.counter.reading import draft_steps
from requests_app.models import AccessRequest, RequestMember, RequestState
from requests_app.procedures import forms, registry
from requests_app.procedures.content import Row
from tests.support.client import client_for, page_text
from tests.support.queries import assert_query_count
from tests.support.requests import catalogue, draft, organisation, person


pytestmark = pytest.mark.django_db


@pytest.fixture
def alix() -> User:
    return person("alix", of=organisation("univ"))


@pytest.fixture
def file(alix: User) -> AccessRequest:
    catalogue()
    rows = [Row(dataset="base-principale", table="BENEF", year_from=2010, year_until=2012)]
    return draft(by=alix, of=organisation("univ"), rows=rows)


def step_url(file: AccessRequest, section: str) -> str:
    return draft_steps.url_of(file, section)


def fields(client: Client, url: str) -> dict[str, Any]:
    """What a browser would send of the step's untouched form."""
    soup = BeautifulSoup(client.get(url).content, "html.parser")
    form = soup.select_one("main form[data-autosave]")
    assert form is not None
    values: dict[str, Any] = {}
    for tag in form.select("input[name], textarea[name]"):
        if tag.get("type") in {"checkbox", "radio"} and not tag.has_attr("checked"):
            continue
        text = tag.get_text() if tag.name == "textarea" else str(tag.get("value", ""))
        values.setdefault(str(tag["name"]), []).append(text)
    values.pop("csrfmiddlewaretoken", None)
    return values


def save(client: Client, url: str, *, autosave: bool = False, **changes: Any) -> Any:
    values = fields(client, url) | changes
    headers = {"X-Autosave": "1"} if autosave else {}
    return client.post(url, values, headers=headers)


def test_everything_missing_is_told_at_once_with_links(alix: User, file: AccessRequest) -> None:
    response = client_for(alix).get(reverse("requests_app:draft", args=[file.pk]))
    text = page_text(response)
    for words in (
        "Responsable de mise en œuvre",
        "Intérêt public de l’étude",
        "Population étudiée",
        "Justification de l’identifiant potentiel : mois et année de naissance",
        "Engagement à ne pas promouvoir",
        "Protocole scientifique",
        "Au moins une personne qui accédera aux données",
    ):
        assert words in text
    assert "Responsable de traitement –" not in text  # known from the organisation
    href = f"{step_url(file, 'parties')}#id_person_in_charge__name"
    assert href in response.content.decode()


def test_links_of_missing_fields_exist_in_their_pages(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    missing = dossier.missing_items(file)
    pages = {
        section: client.get(step_url(file, section)) for section in {m.section for m in missing}
    }
    for one in missing:
        assert f'id="{draft_steps.field_id(one)}"' in pages[one.section].content.decode(), one


def test_a_step_is_saved_and_goes_to_the_next(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    url = step_url(file, "purpose")
    response = save(
        client,
        url,
        purposes=["research", "policy"],
        summary="Résumé <script>",
        public_interest="Utile à tous.",
        next="1",
    )
    assert response["Location"] == step_url(file, "prohibited")
    file.refresh_from_db()
    assert file.content["purpose"]["purposes"] == ["research", "policy"]
    assert file.content_edited_by == alix
    page = client.get(url).content.decode()
    assert "Résumé &lt;script&gt;" in page
    assert AuditEvent.objects.filter(action="request.edit", about=file.pk).count() == 1


def test_autosave_answers_with_state_and_keeps_the_rest(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    url = step_url(file, "legal")
    answer = save(
        client,
        url,
        autosave=True,
        legal_basis="public_interest",
        retention_months="beaucoup",
        rights="Note d’information.",
    ).json()
    assert answer["saved"].startswith("Enregistré à")
    assert answer["saved"].endswith(", sauf 1 champ à corriger")
    assert answer["errors"] == {"id_retention_months": "Écrivez un nombre entier."}
    file.refresh_from_db()
    assert file.content["legal"]["rights"] == "Note d’information."
    assert file.content["legal"]["retention_months"] is None


def test_errors_keep_what_was_typed(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    response = save(
        client,
        step_url(file, "parties"),
        person_in_charge__email="pas une adresse",
        person_in_charge__name="Camille Exemple",
    )
    assert response.status_code == 422
    text = response.content.decode()
    assert 'value="pas une adresse"' in text
    assert 'value="Camille Exemple"' in text
    assert "Cette adresse est incomplète" in page_text(response)


def test_wrong_values_say_how_to_mend_them(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    url = step_url(file, "purpose")
    long = "x" * 20_001
    refused = save(client, url, summary=long, purposes=["autre"])
    text = page_text(refused)
    assert "Raccourcissez-le, ou mettez le détail dans une pièce." in text
    assert "Choisissez parmi les réponses proposées." in text
    assert long in refused.content.decode()
    assert save(client, url, summary="nul\x00").status_code == 422


def test_code_lists_are_kept_and_emptied(alix: User, file: AccessRequest) -> None:
    def row(**cells: str) -> dict[str, str]:
        return {f"code_lists__0__{column}": text for column, text in cells.items()}

    client = client_for(alix)
    url = step_url(file, "specification")
    save(client, url, **row(nomenclature="CIM-10", codes="E10 E11", purpose="Cas"))
    file.refresh_from_db()
    assert file.content["specification"]["code_lists"] == [
        {"nomenclature": "CIM-10", "codes": "E10 E11", "purpose": "Cas"}
    ]
    assert "code_lists__2__codes" in fields(client, url)
    save(client, url, **row(nomenclature="", codes="", purpose=""))
    file.refresh_from_db()
    assert file.content["specification"]["code_lists"] == []
    assert len(file.content["specification"]["rows"]) == 1


def test_two_tabs_on_one_step_are_told_and_lose_nothing(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    url = step_url(file, "purpose")
    first, second = fields(client, url), fields(client, url)
    client.post(url, first | {"summary": "Version du premier onglet"})
    told = client.post(url, second | {"summary": "Version du second"}, headers={"X-Autosave": "1"})
    assert told.status_code == 409
    assert "modifiée entre-temps par vous, dans un autre onglet" in told.json()["conflict"]
    client.post(url, fields(client, url) | {"public_interest": "Ajouté entre-temps"})
    shown = client.post(url, second | {"summary": "Version du second", "objectives": "Nouveaux"})
    assert shown.status_code == 409
    text = page_text(shown)
    assert "Version du premier onglet" in text
    soup = BeautifulSoup(shown.content, "html.parser")
    assert soup.select_one("#id_summary").get_text().strip() == "Version du second"
    assert soup.select_one("#id_objectives").get_text().strip() == "Nouveaux"
    assert soup.select_one("#id_public_interest").get_text().strip() == "Ajouté entre-temps"
    file.refresh_from_db()
    assert file.content["purpose"]["summary"] == "Version du premier onglet"
    again = second | {
        "summary": "Version du second",
        "objectives": "Nouveaux",
        "public_interest": "Ajouté entre-temps",
        "revision": soup.select_one("[name=revision]")["value"],
        "base": soup.select_one("[name=base]")["value"],
    }
    assert client.post(url, again).status_code == 302
    file.refresh_from_db()
    assert file.content["purpose"]["summary"] == "Version du second"


def test_different_fields_of_one_step_are_merged(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    url = step_url(file, "purpose")
    first, second = fields(client, url), fields(client, url)
    client.post(url, first | {"summary": "Un", "purposes": ["research"]})
    assert client.post(url, second | {"objectives": "Deux"}).status_code == 302
    file.refresh_from_db()
    purpose = file.content["purpose"]
    assert (purpose["summary"], purpose["objectives"]) == ("Un", "Deux")
    assert purpose["purposes"] == ["research"]


def test_autosaves_of_an_open_page_never_undo_anothers_field(
    alix: User, file: AccessRequest
) -> None:
    client = client_for(alix)
    url = step_url(file, "purpose")
    headers = {"X-Autosave": "1"}
    first, second = fields(client, url), fields(client, url)
    client.post(url, first | {"summary": "Un"})
    second |= {"objectives": "Deux"}
    answer = client.post(url, second, headers=headers).json()
    second |= {"base": answer["base"], "revision": answer["revision"], "objectives": "Deux bis"}
    assert client.post(url, second, headers=headers).status_code == 200
    file.refresh_from_db()
    purpose = file.content["purpose"]
    assert (purpose["summary"], purpose["objectives"]) == ("Un", "Deux bis")
    clash = client.post(url, second | {"summary": "Trois"}, headers=headers)
    assert clash.status_code == 409


def test_a_colleague_is_named_and_other_steps_do_not_disturb(
    alix: User, file: AccessRequest
) -> None:
    sacha = person("sacha", of=organisation("univ"))
    RequestMember.objects.create(
        request=file, user=sacha, kind=RequestMember.Kind.EDITOR, added_by=alix
    )
    mine, other = client_for(alix), client_for(sacha)
    purpose, legal = step_url(file, "purpose"), step_url(file, "legal")
    stale_purpose, stale_legal = fields(mine, purpose), fields(mine, legal)
    save(other, purpose, summary="De Sacha")
    assert mine.post(legal, stale_legal | {"rights": "D’Alix"}).status_code == 302
    told = mine.post(purpose, stale_purpose | {"summary": "D’Alix"})
    assert "modifiée entre-temps par Sacha Test" in page_text(told)
    same = mine.post(purpose, stale_purpose | {"summary": "De Sacha"})
    assert same.status_code == 302  # the same words are no conflict


def test_double_submit_changes_nothing_more(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    url = step_url(file, "duration")
    sent = fields(client, url) | {"months": "24"}
    client.post(url, sent)
    file.refresh_from_db()
    revision = file.content_revision
    assert client.post(url, sent).status_code == 302
    file.refresh_from_db()
    assert file.content_revision == revision


def test_identifiers_step_asks_only_for_those_chosen(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    url = step_url(file, "identifiers")
    text = page_text(client.get(url))
    assert "Mois et année de naissance" in text
    assert "BEN_NAI_MOI" in text
    assert "Commune de résidence" not in text
    save(client, url, birth_month__justification="L’âge en mois est nécessaire.")
    file.refresh_from_db()
    assert not [m for m in dossier.missing_items(file) if m.code == "identifier"]


def test_a_period_that_ends_before_it_starts_is_told_and_kept(
    alix: User, file: AccessRequest
) -> None:
    client = client_for(alix)
    url = step_url(file, "specification")
    response = save(client, url, inclusion_from="2018-01-01", inclusion_until="2015-01-01")
    assert response.status_code == 422
    assert "Cette date précède le début de l’inclusion" in page_text(response)
    assert 'value="2015-01-01"' in response.content.decode()
    file.refresh_from_db()
    assert file.content["specification"]["inclusion_from"] == "2018-01-01"
    assert file.content["specification"]["inclusion_until"] is None


def test_zero_is_an_answer_and_contradictions_are_missing_items(
    alix: User, file: AccessRequest
) -> None:
    client = client_for(alix)
    assert "Profondeur d’historique" in {m.label for m in dossier.missing_items(file)}
    save(client, step_url(file, "specification"), history_years="0")
    save(client, step_url(file, "legal"), retention_months="6")
    save(client, step_url(file, "duration"), months="12")
    file.refresh_from_db()
    missing = dossier.missing_items(file)
    assert "Profondeur d’historique" not in {m.label for m in missing}
    assert [m.section for m in missing if m.code == "contradiction"] == ["legal"]


def test_a_health_company_joins_a_guarantee(alix: User, file: AccessRequest) -> None:
    def asked() -> bool:
        file.refresh_from_db()
        return "piece-industry_guarantee" in {m.anchor for m in dossier.missing_items(file)}

    assert not asked()
    save(client_for(alix), step_url(file, "parties"), controller__health_industry="on")
    assert asked()


def test_prohibited_purposes_need_undertaking_and_words(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    url = step_url(file, "prohibited")
    save(client, url, promotion__undertaking="on", promotion__reason="Aucun lien commercial.")
    file.refresh_from_db()
    missing = [m.anchor for m in dossier.missing_items(file) if m.section == "prohibited"]
    assert missing == [
        "prohibited.decision.undertaking",
        "prohibited.decision.reason",
        "prohibited.insurance.undertaking",
        "prohibited.insurance.reason",
    ]


@pytest.mark.parametrize(
    "section", draft_steps.by_section(forms.of(registry.get("fr-cnil-standard", 1)))
)
def test_every_step_opens_within_its_budget(alix: User, file: AccessRequest, section: str) -> None:
    client = client_for(alix)
    client.get(step_url(file, section))
    with assert_query_count(30):
        response = client.get(step_url(file, section))
    assert response.status_code == 200


@pytest.mark.parametrize("section", ["purpose", "persons", "pieces", "summary"])
def test_a_draft_exists_only_for_its_team(file: AccessRequest, section: str) -> None:
    stranger = client_for(person("autre", of=organisation("univ")))
    url = step_url(file, section)
    assert stranger.get(url).status_code == 404
    assert stranger.post(url, {"summary": "x"}).status_code in {404, 405}
    assert client_for().get(url).status_code == 302


def test_a_file_awaiting_signature_is_not_edited(alix: User, file: AccessRequest) -> None:
    AccessRequest.objects.filter(pk=file.pk).update(state=RequestState.AWAITING_SIGNATURE)
    client = client_for(alix)
    url = step_url(file, "purpose")
    told = client.get(url, follow=True)
    assert "ne peut pas être modifié maintenant" in page_text(told)
    assert client.post(url, {"summary": "x"}).status_code == 302
    assert client.post(url, {}, headers={"X-Autosave": "1"}).status_code == 409
    file.refresh_from_db()
    assert "purpose" not in file.content


def test_title_is_changed(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    url = reverse("requests_app:draft_rename", args=[file.pk])
    client.post(url, {"title": "  Nouveau   titre "})
    file.refresh_from_db()
    assert file.title == "Nouveau titre"
    assert "Donnez un titre" in page_text(client.post(url, {"title": " "}))
    refused = client.post(url, {"title": "x" * 251})
    assert refused.status_code == 422
    assert "250 caractères" in page_text(refused)
    assert "x" * 251 in refused.content.decode()  # what was typed stays


def test_unknown_step_and_malformed_revision(alix: User, file: AccessRequest) -> None:
    client = client_for(alix)
    assert (
        client.get(reverse("requests_app:draft_step", args=[file.pk, "inconnue"])).status_code
        == 404
    )
    save(client, step_url(file, "legal"), rights="un")
    sent = fields(client, step_url(file, "legal"))
    bad = sent | {"rights": "deux", "revision": "x" * 20, "base": ""}
    assert client.post(step_url(file, "legal"), bad).status_code == 409


def test_mr_007_refuses_a_catalogue_database(alix: User) -> None:
    catalogue()
    one = draft(
        by=alix,
        of=organisation("univ"),
        procedure="fr-mr-007",
        rows=[Row(dataset="registre", table="CAS")],
    )
    labels = [m.label for m in dossier.missing_items(one)]
    assert "« Registre de démonstration » ne se demande pas par la procédure MR-007." in labels


@pytest.mark.parametrize(
    ("section", "name", "typed", "words"),
    [
        ("duration", "wished_start", "0027-03-01", "quatre chiffres"),
        ("duration", "wished_start", "01 03 27", "quatre chiffres"),
        ("duration", "wished_start", "9999-12-31", "Indiquez une date entre"),
        ("duration", "wished_start", "2020-01-01", "Indiquez une date entre"),
        ("specification", "inclusion_from", "0001-01-01", "quatre chiffres"),
        ("specification", "inclusion_until", "27-03-01", "quatre chiffres"),
    ],
)
def test_a_date_out_of_reason_is_told_at_its_field_and_the_rest_is_saved(
    alix: User, file: AccessRequest, section: str, name: str, typed: str, words: str
) -> None:
    url, client = step_url(file, section), client_for(alix)
    other = {"months": "36"} if section == "duration" else {"population": "Adultes suivis"}
    saved = save(client, url, autosave=True, **other, **{name: typed}).json()
    assert words in saved["errors"][f"id_{name}"]
    file.refresh_from_db()
    assert file.content[section][name] is None
    assert str(file.content[section][next(iter(other))]) == next(iter(other.values()))
    answer = save(client, url, **{name: typed})
    assert answer.status_code == 422
    assert f'value="{typed}"' in answer.content.decode()


def test_no_file_asks_for_more_than_its_procedure_allows(alix: User, file: AccessRequest) -> None:
    url, client = step_url(file, "duration"), client_for(alix)
    assert "au plus 120" in page_text(save(client, url, months="121"))
    file.content = file.content | {"duration": {"months": 240, "wished_start": None}}
    file.save(update_fields=["content"])  # typed before the procedure said so
    labels = [one.label for one in dossier.missing_items(file)]
    assert "Durée d’accès : au plus 120 mois par cette procédure" in labels


def test_a_page_with_errors_says_so_in_its_title_and_has_no_empty_id(
    alix: User, file: AccessRequest
) -> None:
    url, client = step_url(file, "specification"), client_for(alix)
    refused = BeautifulSoup(save(client, url, history_years="-1").content, "html.parser")
    assert refused.title is not None
    assert refused.title.get_text().strip().startswith("Erreur :")
    assert refused.select("[id='']") == []
    shown = BeautifulSoup(client.get(url).content, "html.parser")
    assert shown.title is not None
    assert "Erreur" not in shown.title.get_text()
