"""Authority, numbers, committees and routes of appeal are the procedure's to name."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse

from portal.accounts.models import Organisation
from portal.notifications.models import Message
from requests_app.models import Stage
from requests_app.procedures import registry
from requests_app.procedures.law import UNNAMED
from requests_app.procedures.schema import Procedure
from requests_app.workflow.errors import TransitionRefused
from requests_app.workflow.labels import label_of, logged
from tests.support.client import client_for, page_text
from tests.support.factories import World, organisation


ROOT = Path(settings.BASE_DIR)
OTHER = {
    "code": "oads",
    "short": "OADS",
    "full": "Organisme d’accès aux données de santé",
    "name": "l’OADS",
    "of": "de l’OADS",
    "to": "à l’OADS",
    "application_example": "A-12",
    "number_pattern": "OADS-[0-9]+",
    "number_example": "OADS-104",
}


def with_law(monkeypatch: pytest.MonkeyPatch, **law: Any) -> Procedure:
    """The standard course under another law, as the portal then knows it."""
    raw = registry.current("fr-cnil-standard")[0].model_dump() | {"code": "autre-loi"} | law
    made = Procedure.model_validate(raw)
    known = registry._all() | {(made.code, made.version): made}
    monkeypatch.setattr(registry, "_all", lambda: known)
    return made


def test_no_authority_is_named_in_the_product() -> None:
    """The CNIL of the page on personal data is the one of every site."""
    short = {str(one.authority.short) for one in registry.everything()} - {str(UNNAMED.short)}
    assert short
    named = re.compile("|".join(short))
    for room in ("requests_app", "templates/requests_app", "templates/email"):
        for path in (ROOT / room).rglob("*"):
            if path.suffix in {".py", ".html", ".txt"} and "migrations" not in path.parts:
                text = re.sub(r"^\s*#.*$", "", path.read_text(encoding="utf-8"), flags=re.M)
                assert not named.search(text), path


@pytest.mark.django_db
def test_another_authority_is_named_in_buttons_fields_mails_and_acts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = with_law(monkeypatch, authority=OTHER)
    story = World().story(procedure=made.code)
    story.reach("authorisation")
    officer = client_for(story.world.legal_officer, verified=True)
    args = [story.request.pk, story.stage("authorisation").pk, "record_receipt"]
    text = page_text(officer.get(reverse("requests_app:stage_act", args=args)))
    assert "Numéro de demande OADS" in text
    assert "Par exemple A-12." in text
    bodies = [f"{one.subject} {one.body}" for one in Message.objects.all()]
    assert any("transmis à l’OADS" in one for one in bodies)
    assert any("L’OADS (Organisme d’accès aux données de santé) a 2" in one for one in bodies)
    assert not [one for one in bodies if "CNIL" in one]
    story.receipt()
    page = officer.get(reverse("requests_app:request", args=[story.request.pk]))
    avis = page_text(officer.get(page.request["PATH_INFO"], {"onglet": "avis"}))
    assert "Accusé de réception de l’OADS" in avis
    args[-1] = "record_authorisation"
    form = officer.get(reverse("requests_app:stage_act", args=args)).context["form"]
    number = form.fields["number"]
    assert number.help_text == "OADS-104."
    assert number.clean("OADS-7") == "OADS-7"
    with pytest.raises(Exception, match="OADS-104"):
        number.clean("DR-2027-104")


@pytest.mark.django_db
def test_a_procedure_that_names_no_authority_says_the_authority() -> None:
    assert label_of("record_referral") == "Enregistrer la saisine de l’autorité"
    assert logged("record_refusal") == "Refus de l’autorité"
    assert registry.current("fr-mr-007")[0].authority == UNNAMED


@pytest.mark.django_db
def test_a_refusal_tells_the_routes_of_appeal(monkeypatch: pytest.MonkeyPatch) -> None:
    appeals = [
        {"label": "Recours", "before": "devant le tribunal", "period": "3m", "source": "essai"}
    ]
    made = with_law(monkeypatch, appeals=appeals)
    story = World().story(procedure=made.code)
    story.reach("authorisation")
    story.receipt()
    officer = story.world.legal_officer
    story.do("authorisation", "record_refusal", by=officer, number="1", reason="Motifs.")
    body = Message.objects.get(code="request.refused").body
    assert re.search(r"Recours devant le tribunal.:.3 mois", body)


@pytest.mark.django_db
def test_a_stage_may_be_before_another_committee(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = registry.current("fr-cnil-standard")[0].model_dump()
    stages = [
        one | {"committee": "autre-comite"} if one["kind"] == "opinion" else one
        for one in raw["stages"]
    ]
    made = with_law(monkeypatch, stages=stages, committee=None)
    assert made.committees == {"autre-comite"}
    world = World()
    story = world.story(procedure=made.code)
    story.sign()
    story.review()
    Organisation.objects.filter(code="autre-comite").delete()
    with pytest.raises(TransitionRefused, match="autre-comite"):  # never before another instead
        story.completeness()
    other = organisation("autre-comite", "committee")
    story.completeness()
    assert Stage.objects.get(request=story.request, kind="opinion").committee == other
    desk = client_for(world.secretariat, verified=True)
    tabs = desk.get(reverse("requests_app:request", args=[story.request.pk])).context["tabs"]
    assert "comite" in {one["url"].rpartition("=")[2] for one in tabs}
    bodies = Message.objects.filter(code="request.complete").values_list("body", flat=True)
    assert all("Le comité et" in body for body in bodies)
