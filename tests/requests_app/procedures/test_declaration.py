"""A case without stages of decision is a procedure file: filed, recorded, published, no more."""

import csv
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from portal.notifications.models import Message
from requests_app.counter.forms.acts import ACT_FORMS
from requests_app.counter.reading.inbox import count_for
from requests_app.dossier import missing
from requests_app.dossier.version_pdf import frozen_sections
from requests_app.models import AccessRequest, Grant, Permit, TransitionLog, Workspace
from requests_app.register.register import entry, published
from requests_app.workflow.abilities import abilities
from tests.support.client import client_for, page_text
from tests.support.factories import Story, World


pytestmark = pytest.mark.django_db

CODE = "fr-mr-declaration"
READERS = ("investigator", "representative", "named", "secretariat", "legal_officer", "operator")


@pytest.fixture
def story() -> Story:
    return World().story(procedure=CODE)


def _every_page(story: Story) -> Iterator[str]:
    """Text of each tab and each act's form of the request page, for each reader."""
    address = reverse("requests_app:request", args=[story.request.pk])
    for name in READERS:
        client = client_for(getattr(story.world, name), verified=True)
        first = client.get(address)
        if first.status_code == 404:  # not theirs to read at this point
            continue
        assert first.status_code in {200, 302}, name
        for tab in first.context["tabs"] if first.context else []:
            answer = client.get(address + tab["url"] if tab["url"][0] == "?" else tab["url"])
            assert answer.status_code == 200, (name, tab)
            yield page_text(answer)
        for one in abilities(story.fresh(), user=getattr(story.world, name)):
            if one.name in ACT_FORMS and one.stage is not None:
                args = [story.request.pk, one.stage.pk, one.name]
                answer = client.get(reverse("requests_app:stage_act", args=args))
                assert answer.status_code == 200, (name, one.name)
                yield page_text(answer)


@pytest.mark.long
def test_it_is_recorded_published_and_opens_nothing(story: Story) -> None:
    world, steps = story.world, [("sign", "submitted"), ("completeness", "processing")]
    assert world.secretariat.is_active
    said, inbox = list(_every_page(story)), reverse("requests_app:inbox")
    for step, state in [*steps, ("register", "closed")]:
        getattr(story, step)()
        assert story.fresh().state == state
        said += _every_page(story)
        assert client_for(world.secretariat, verified=True).get(inbox).status_code == 200
        assert count_for(world.secretariat) == (0 if state == "closed" else 1)
    assert story.request.number is not None
    assert story.request.number.startswith("DEC-")
    for model in (Permit, Grant, Workspace):
        assert not model.objects.exists()
    moves = TransitionLog.objects.filter(request=story.request, stage=None).order_by("at", "pk")
    assert list(moves.values_list("name", flat=True))[-2:] == ["process", "close"]
    mails = [f"{one.subject} {one.body}" for one in Message.objects.all()]
    told = Message.objects.filter(recipient=world.investigator).order_by("created_at", "pk")
    assert "terminé" in told.latest("created_at").body  # no end is silent
    for text in [*said, *mails]:
        assert "comité" not in text.lower().replace("ni le comité ne la voient", "")  # a note
        assert "accès autorisé" not in text.lower()


def test_its_project_is_in_the_register_without_a_word_of_access(
    story: Story, client: Client
) -> None:
    story.reach("end")
    number = story.fresh().number
    assert [one.number for one in published()] == [number]
    one = entry(published()[0])
    assert (one.state, one.opinion, one.authorisation, one.starts_at) == (
        "enregistré",
        "",
        "",
        None,
    )
    for address in (
        reverse("requests_app:register"),
        reverse("requests_app:register_entry", args=[number]),
    ):
        text = page_text(client.get(address))
        assert "enregistré" in text
        assert "Déclaration MR" in text or "liste" not in address
        assert "Bases" not in text.partition("enregistré")[2]
    answer = client.get(reverse("requests_app:register_csv"))
    lines = answer.content.decode().lstrip("\ufeff").splitlines()
    rows = list(csv.reader(lines, delimiter=";"))
    assert any(number in row and "enregistré" in row for row in rows)


def test_it_is_begun_from_its_own_link_without_the_questions() -> None:
    world = World()
    client = client_for(world.investigator, verified=True)
    page = client.get(reverse("requests_app:my_requests"))
    address = f"{reverse('requests_app:draft_create')}?procedure={CODE}"
    assert address in page.content.decode()
    form = client.get(address)
    assert "Quelle procédure" not in page_text(form)
    answer = client.post(
        address,
        {"title": "Réutilisation", "organisation": str(world.university.pk), "procedure": CODE},
    )
    made = AccessRequest.objects.get(title="Réutilisation")
    assert (made.type, made.parent, made.procedure_code) == ("declaration", None, CODE)
    draft = client.get(answer["Location"])
    assert draft.status_code == 200
    # A request for access still asks the questions first, whatever the address says.
    for other in ("fr-cnil-standard", "fr-mr-007", "inconnue"):
        answer = client.get(f"{reverse('requests_app:draft_create')}?procedure={other}")
        assert answer.status_code == 302


def test_every_page_of_its_draft_can_be_filled(story: Story) -> None:
    client = client_for(story.world.investigator, verified=True)
    overview = client.get(reverse("requests_app:draft", args=[story.request.pk]))
    assert overview.status_code == 200
    for section in story.request.form.sections:
        if section.kind == "team":
            continue
        address = reverse("requests_app:draft_step", args=[story.request.pk, section.slug])
        assert client.get(address).status_code == 200, section.code


def test_no_page_of_it_promises_an_access(story: Story) -> None:
    """What it does not open, it neither asks for nor says closed."""
    story.request.members.update(has_data_access=False)
    assert not [one for one in missing.missing_items(story.request) if one.code == "persons"]
    client = client_for(story.world.investigator, verified=True)
    team = reverse("requests_app:draft_persons", args=[story.request.pk])
    text = page_text(client.get(team))
    assert "n’ouvre aucun accès" in text
    for words in ("accéderont", "Accède aux données", "habilitée :", "Donner accès"):
        assert words not in text
    asked = {"email": "x@example.org", "kind": "named"}
    assert client.post(team, asked).status_code == 422
    member = story.request.members.get(user=story.world.investigator)
    args = [story.request.pk, member.pk]
    client.post(reverse("requests_app:member_data_access", args=args), {"has_data_access": "yes"})
    member.refresh_from_db()
    assert not member.has_data_access
    story.request.members.update(has_data_access=True)  # a file begun before
    assert "convention" not in page_text(client.get(reverse("requests_app:my_access"))).replace(
        "quand une convention signée vous nomme", ""
    )
    version = story.ask_signature()
    sections = frozen_sections(version)
    assert "habilitées" not in str([section["title"] for section in sections])
    assert "Accède" not in str([section.get("table") for section in sections])
    story.request.refresh_from_db()
    story.do("", "sign", by=story.world.representative, version=version, sha256=version.sha256)
    story.completeness()
    story.register()
    page = page_text(client.get(reverse("requests_app:request", args=[story.request.pk])))
    assert "accès sont fermés" not in page
    assert "Publiez vos résultats" in page
