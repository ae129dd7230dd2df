"""Demonstration files: each brought where it says, once; and something to do for each role."""

import io
from typing import Any

import pytest
from django.core.management import call_command

from portal.accounts.models import User
from portal.training.demo.files import seed_files
from requests_app.counter.reading import inbox
from requests_app.models import AccessRequest, Stage


pytestmark = pytest.mark.django_db(transaction=True)  # the engine commits by itself
BUSY = (
    "chercheuse",
    "secretariat",
    "juriste",
    "operateur",
    "presidente",
    "membre",
    "resp-soins-premiers",
)


def test_each_role_finds_something_to_do(settings: Any) -> None:
    settings.DEMO = True
    call_command("seed_demo", verbosity=0, stdout=io.StringIO())
    running = {
        request.title.split()[0]: set(
            Stage.objects.open().filter(request=request).values_list("code", flat=True)
        )
        for request in AccessRequest.objects.all()
    }
    assert running == {
        "Retour": set(),
        "Vieillir": set(),
        "Passages": {"completeness"},
        "Antibiotiques": {"holder", "opinion"},
        "Délais": {"answer"},
        "Suivi": {"convention", "extract"},
    }
    people = {user.username: user for user in User.objects.filter(username__in=BUSY)}
    idle = [name for name in BUSY if not inbox.stages_for(people[name]).exists()]
    assert idle == []
    # Of what concerns the university, the member who works there sees nothing.
    tied = User.objects.get(username="membre-lie")
    theirs = {stage.request.organisation.code for stage in inbox.stages_for(tied)}
    assert "demo-universite" not in theirs
    assert seed_files() == 0
    assert AccessRequest.objects.count() == len(running)
