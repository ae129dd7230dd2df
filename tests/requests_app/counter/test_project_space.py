"""A project space cannot be opened yet: said everywhere, chosen nowhere, kept where asked."""

import re
from typing import Any

import pytest
from django.urls import reverse

from requests_app import dossier
from requests_app.counter.forms.draft import SectionForm
from requests_app.counter.forms.questions.base import Asked
from requests_app.models import Permit
from requests_app.procedures import forms, registry
from requests_app.procedures.content import DELIVERY_MODES
from requests_app.workflow import engine
from tests.support.client import client_for, page_text
from tests.support.factories import World


pytestmark = pytest.mark.django_db
NOT_YET = "pas encore disponible"


def page(data: Any, **stored: str) -> SectionForm:
    """The step of the data, as the form of today asks it."""
    form = forms.of(registry.get("fr-cnil-standard", 1))
    section = form.section("specification")
    held = form.cleaned("specification", stored)
    return SectionForm(data, section=section, stored=held, asked=Asked(facts={}))


def asked(**stored: str) -> SectionForm:
    return page({"delivery_mode": "project_space"}, **stored)


def test_a_draft_shows_it_and_cannot_choose_it() -> None:
    form = page(None)
    shown = str(form["delivery_mode"])
    assert NOT_YET in shown
    (control,) = re.findall(r"<input[^>]*value=\"project_space\"[^>]*>", shown)
    assert "disabled" in control
    assert NOT_YET in str(asked().errors["delivery_mode"])


def test_a_draft_that_holds_it_keeps_it_and_is_told_before_the_signature() -> None:
    assert "delivery_mode" not in asked(delivery_mode="project_space").errors
    request = World().draft()
    assert not [one for one in dossier.missing_items(request) if one.code == "unavailable"]
    request.content["specification"]["delivery_mode"] = "project_space"
    request.save(update_fields=["content"])
    (said,) = [one for one in dossier.missing_items(request) if one.code == "unavailable"]
    assert NOT_YET in said.label
    with pytest.raises(engine.TransitionRefused, match=NOT_YET):
        engine.apply(request, "ask_signature", by=request.created_by)
    summary = reverse("requests_app:draft_summary", args=[request.pk])
    assert f"portail ({NOT_YET})" in page_text(client_for(request.created_by).get(summary))


def test_no_convention_gives_one(settings: Any) -> None:
    story = World().story().reach("convention")
    with pytest.raises(engine.TransitionRefused, match=NOT_YET):
        story.convention(delivery_mode="project_space")
    assert not Permit.objects.exists()
    path = reverse(
        "requests_app:stage_act",
        args=[story.request.pk, story.stage("convention").pk, "record_convention"],
    )
    page = client_for(story.world.legal_officer, verified=True).get(path).content.decode()
    (control,) = re.findall(r"<input[^>]*value=\"project_space\"[^>]*>", page)
    assert "disabled" in control
    assert NOT_YET in page
    settings.PROJECT_SPACES = True
    story.convention(delivery_mode="project_space", homologated_on=None, addresses={})
    assert Permit.objects.get().delivery_mode == "project_space"


def test_with_the_setting_on_it_is_offered_as_any_other(settings: Any) -> None:
    settings.PROJECT_SPACES = True
    assert NOT_YET not in str(DELIVERY_MODES["project_space"])
    assert "delivery_mode" not in asked().errors
    assert "disabled" not in str(page(None)["delivery_mode"])
