"""The period of a convention: against the duration asked, the procedure's maximum, and reason."""

from datetime import date, timedelta

import pytest
from bs4 import BeautifulSoup
from django.urls import reverse

from portal.common.calendar import legal_today
from portal.common.units import add_period
from requests_app.deadlines.access_period import Frame, faults, frame
from requests_app.models import Act, Permit, RequestVersion
from requests_app.workflow import engine
from tests.support.client import client_for, page_text
from tests.support.factories import Story, World


pytestmark = pytest.mark.django_db


@pytest.fixture
def story() -> Story:
    """At the convention; 24 months were asked in the version signed."""
    story = World().story().reach("convention")
    version = story.request.versions.get(status="signed")
    version.content["duration"] = version.content.get("duration", {}) | {"months": 24}
    version.save(update_fields=["content"])
    return story


def asked_end() -> date:
    return add_period(legal_today(), "24m")


def test_an_end_beyond_what_was_asked_needs_a_reason_kept_in_the_act(story: Story) -> None:
    beyond = asked_end() + timedelta(days=1)
    with pytest.raises(engine.TransitionRefused, match="dites pourquoi l’accès va au-delà"):
        story.convention(ends_on=beyond)
    assert not Permit.objects.exists()
    story.convention(ends_on=beyond, longer_because="Recueil prolongé d’un an.")
    act = Act.objects.get(code="record_convention")
    assert act.data["longer_because"] == "Recueil prolongé d’un an."
    assert act.data["asked_until"] == asked_end().isoformat()
    page = client_for(story.world.legal_officer, verified=True).get(
        reverse("requests_app:request", args=[story.request.pk]), {"onglet": "avis"}
    )
    assert "motif d’une fin plus tardive : Recueil prolongé d’un an." in page_text(page)


def test_an_end_within_what_was_asked_needs_none(story: Story) -> None:
    story.convention(ends_on=asked_end(), longer_because="sans objet")
    act = Act.objects.get(code="record_convention")
    assert act.data["longer_because"] == ""


@pytest.mark.parametrize("ends", ["2060-01-20", "9999-12-31"])
def test_an_end_beyond_the_maximum_is_refused_whatever_the_reason(story: Story, ends: str) -> None:
    with pytest.raises(engine.TransitionRefused, match="au plus 10 ans"):
        story.convention(ends_on=ends, longer_because="Le médecin l’a demandé.")
    assert not Permit.objects.exists()


@pytest.mark.parametrize("starts", ["0001-01-01", "2020-01-01", "9000-01-01"])
def test_a_start_out_of_reach_is_refused(story: Story, starts: str) -> None:
    with pytest.raises(engine.TransitionRefused, match="L’accès commence entre"):
        story.convention(starts_on=starts)


def test_a_file_that_asks_for_no_duration_says_where_its_end_comes_from(story: Story) -> None:
    version = story.request.versions.get(status="signed")
    version.content["duration"] = {}
    version.save(update_fields=["content"])
    known = frame(story.request, story.procedure)
    today = legal_today()
    found = dict(faults(known, starts=today, ends=today + timedelta(days=30), reason=""))
    assert set(found) == {"longer_because"}


def test_the_duration_asked_is_that_of_the_last_version_signed() -> None:
    """A version cancelled, or not signed yet, asks for nothing."""
    story = World().story()
    story.sign()
    signed = story.request.versions.get(status="signed")
    for number, status in ((2, "cancelled"), (3, "awaiting")):
        RequestVersion.objects.create(
            request=story.request,
            number=number,
            content=signed.content | {"duration": {"months": 60}},
            sha256="0" * 64,
            status=status,
            frozen_by=signed.frozen_by,
            frozen_at=signed.frozen_at,
        )
    assert frame(story.request, story.procedure).months == signed.content["duration"]["months"]


def test_each_bound_of_a_period_is_within_it() -> None:
    day, today = timedelta(days=1), legal_today()
    first, last = today - 30 * day, today + 30 * day
    known = Frame(months=None, maximum="10y", first_start=first, last_start=last)

    def wrong(starts: date, ends: date) -> list[str]:
        return [name for name, _words in faults(known, starts=starts, ends=ends, reason="Dit.")]

    for starts, ends in ((first, today), (last, last + day), (first, add_period(first, "10y"))):
        assert wrong(starts, ends) == []
    assert wrong(first - day, last) == wrong(last + day, last + 9 * day) == ["starts_on"]
    for starts, ends in (
        (first, today - day),  # over already
        (today, today),
        (first, add_period(first, "10y") + day),
    ):
        assert wrong(starts, ends) == ["ends_on"]


def test_the_form_shows_the_end_against_the_duration_asked(story: Story) -> None:
    officer = client_for(story.world.legal_officer, verified=True)
    stage = story.stage("convention")
    path = reverse("requests_app:stage_act", args=[story.request.pk, stage.pk, "record_convention"])
    shown = page_text(officer.get(path))
    asked = f"24 mois demandés : jusqu’au {asked_end():%d/%m/%Y}"
    assert shown.count(asked) == 3  # under the field, beside, in the box that confirms
    sent = {
        "delivery_mode": "daughter_system",
        "homologated_on": "2026-01-05",
        "starts_on": legal_today().isoformat(),
        "ends_on": "2060-01-20",
        "parties": [],
    }
    refused = officer.post(path, sent)
    assert refused.status_code == 422
    form = refused.context["form"]
    assert "au plus 10 ans" in str(form.errors["ends_on"]) or "entre le" in str(
        form.errors["ends_on"]
    )
    late = asked_end() + timedelta(days=31)
    refused = officer.post(path, sent | {"ends_on": late.isoformat()})
    assert "longer_because" in refused.context["form"].errors
    assert "dépasse la demande de 31 jours" in page_text(refused)
    two = officer.post(path, sent | {"ends_on": "01/03/28"})
    assert "quatre chiffres" in str(two.context["form"].errors["ends_on"])
    assert "01/03/28" in two.content.decode()
    for name in ("starts_on", "ends_on"):  # an end counted from there is no date
        for day in ("9999-12-31", "31/12/9999", "9990-01-01", "1000-01-01"):
            beyond = officer.post(path, sent | {name: day})
            assert beyond.status_code == 422
            assert "entre le" in str(beyond.context["form"].errors[name])
            assert day in beyond.content.decode()


def test_the_answers_of_a_convention_are_drawn_as_radios(story: Story) -> None:
    officer = client_for(story.world.legal_officer, verified=True)
    stage = story.stage("convention")
    path = reverse("requests_app:stage_act", args=[story.request.pk, stage.pk, "record_convention"])
    shown = BeautifulSoup(officer.get(path).content, "html.parser")
    radios = shown.select("input[type=radio]")
    assert len(radios) >= 2
    assert all(one.find_parent(class_="fr-radio-group") for one in radios)
    assert not shown.select("input[type=radio].fr-input")
