"""The public register: what is in it, and from when."""

import pytest
from django.test import Client
from django.utils import timezone

from requests_app.models import Stage
from requests_app.procedures.form import PUBLISHED, Form
from requests_app.register import register
from tests.support.client import page_text
from tests.support.factories import World


@pytest.mark.django_db(transaction=True)
def test_the_register_shows_nothing_before_its_act(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    story = world.story().reach("register")
    visitor = Client()
    assert story.request.title not in page_text(visitor.get("/repertoire/"))
    story.register()
    assert story.fresh().title in page_text(visitor.get("/repertoire/"))
    assert visitor.get(f"/repertoire/{story.fresh().number}/").status_code == 200
    assert visitor.get("/repertoire/GUI-1999-0001/").status_code == 404
    assert story.fresh().number in visitor.get("/repertoire/export.csv").content.decode()
    asked: set[str] = set()
    real = Form.of_role
    monkeypatch.setattr(Form, "of_role", lambda form, role: asked.add(role) or real(form, role))
    register.entry(register.published().get())
    assert asked == PUBLISHED  # of which forms are told that they must be public


@pytest.mark.django_db
@pytest.mark.both
def test_each_term_of_a_published_entry() -> None:
    """Everything holds but one thing at a time, and it is no entry."""
    world, now = World(), timezone.now()
    story, elsewhere = world.story().reach("opinion"), world.draft()
    stages = Stage.objects.filter(request=story.request, kind="register")
    assert not register.published().exists()
    pk = stages.get().pk

    def entry(**fields: object) -> bool:
        as_published = {"request": story.request, "kind": "register", "state": "done"}
        as_published |= {"outcome": "published", "started_at": now, "ended_at": now}
        Stage.objects.filter(pk=pk).update(**{**as_published, **fields})
        return register.published().filter(pk=story.request.pk).exists()

    assert entry()
    assert register.published().count() == 1
    without = {
        "not done": {"state": "running"},
        "skipped": {"state": "skipped"},
        "done otherwise": {"outcome": "refused"},
        "another stage": {"kind": "closure"},
        "of another file": {"request": elsewhere},
    }
    assert [name for name, fields in without.items() if entry(**fields)] == []
