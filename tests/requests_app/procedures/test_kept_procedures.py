"""A body edits or removes a file that requests took: what is kept is what counts, everywhere."""

import json
from pathlib import Path

import pytest
from django.urls import reverse

from requests_app import dossier
from requests_app.counter.admin.words import StageFilter
from requests_app.models import AccessRequest, KeptProcedure
from requests_app.procedures import forms, keeping, registry
from requests_app.register import register
from requests_app.rights import permissions
from requests_app.workflow.pinned import check_pinned
from tests.requests_app.procedures.test_own_procedures import folder, own, read_again, text
from tests.support.client import client_for
from tests.support.factories import World


__all__ = ["folder"]
pytestmark = pytest.mark.django_db
CODE = "ma-procedure"


def draft(world: World) -> AccessRequest:
    asked = {"title": "Étude", "organisation": world.university, "orientation": {}}
    procedure = registry.current(CODE)[0]
    return dossier.create(procedure=procedure, by=world.investigator, **asked)  # type: ignore[arg-type]


def declaration() -> str:
    shipped = (registry.FOLDER / "fr-mr-declaration-1.toml").read_text(encoding="utf-8")
    return shipped.replace('code = "fr-mr-declaration"', f'code = "{CODE}"')


def told() -> list[tuple[str, str]]:
    return [(str(one.id), one.msg) for one in check_pinned(["default"])]


def test_what_a_request_took_is_what_is_offered_and_created(folder: Path) -> None:
    own(folder)
    world = World()
    draft(world)
    own(folder, declaration())  # the same version: another type, another form
    read_again()
    (offered,) = registry.current(CODE)
    assert offered == registry.get(CODE, 1)
    assert offered in registry.followed()
    second = AccessRequest.objects.get(pk=draft(world).pk)
    assert second.type == str(second.procedure.type) == "access"
    assert set(second.content) <= set(second.form.codes)
    # A process that read the edited file before the first request took the other.
    stale = registry.everything()[-1]
    assert stale.code == CODE
    third = dossier.create(
        procedure=stale,
        by=world.investigator,
        title="Étude",
        organisation=world.university,
        orientation={},
    )
    assert third.type == "access"
    ((name, words),) = told()
    assert name == "procedures.W006"
    assert f"{CODE}-1.toml differs" in words
    assert "type" in words


def test_the_form_that_a_request_took_is_kept_likewise(folder: Path) -> None:
    (folder / "forms").mkdir()
    shipped = (forms.FOLDER / "fr-acces-1.toml").read_text(encoding="utf-8")
    path = folder / "forms" / "mon-acces-1.toml"
    path.write_text(shipped.replace('code = "fr-acces"', 'code = "mon-acces"'), encoding="utf-8")
    own(folder, text().replace('form = "fr-acces"', 'form = "mon-acces"'))
    read_again()
    world = World()
    first = draft(world)
    title = str(first.form.title)
    path.write_text(path.read_text().replace(f'title = "{title}"', 'title = "Autre"', 1))
    read_again()
    assert str(forms.on_file(registry.everything()[-1]).title) != title or title == "Autre"
    assert str(draft(world).form.title) == title
    assert [(name, "forms/mon-acces-1.toml differs" in words) for name, words in told()] == [
        ("procedures.W006", True)
    ]


def test_its_file_still_says_until_when_it_is_offered(folder: Path) -> None:
    own(folder)
    draft(World())
    own(folder, text().replace("\nvalid_from", "\nvalid_until = 2026-01-02\nvalid_from", 1))
    read_again()
    assert registry.current(CODE) == []
    assert told() == []


def test_a_signed_paper_stays_readable_once_its_file_is_gone(folder: Path) -> None:
    path = own(folder)
    world = World()
    draft(world)
    story = world.story(procedure=CODE)
    story.ask_signature()
    version = story.deposit_paper()
    story.verify_paper(version)
    story.completeness()
    version.refresh_from_db()
    people = ("dpo", "legal_officer", "secretariat", "auditor", "investigator", "president")

    def readers() -> set[str]:
        return {
            name
            for name in people
            if permissions.files_visible_to(getattr(world, name))
            .filter(pk=version.signed_file_id)
            .exists()
        }

    before = readers()
    assert {"dpo", "legal_officer"} <= before
    path.unlink()
    read_again()
    assert readers() == before


def test_the_inbox_names_the_stages_of_a_file_that_is_gone(folder: Path) -> None:
    path = own(folder, text().replace('label = "Contrôle de complétude"', 'label = "Revue maison"'))
    world = World()
    draft(world)
    story = world.story(procedure=CODE)
    story.sign()
    label = "Revue maison"
    path.unlink()
    read_again()
    inbox = client_for(world.secretariat, verified=True).get(reverse("requests_app:inbox"))
    assert (story.stage("completeness").code, label, 1) in inbox.context["stage_counts"]
    assert label in StageFilter.words(StageFilter.__new__(StageFilter)).values()


def test_what_was_accepted_once_is_not_judged_again(folder: Path) -> None:
    """A release may ask for more: here the reminders of a silence, a shorter code, a period."""
    own(folder)
    world = World()
    draft(world)
    story = world.story(procedure=CODE)
    story.sign()
    kept = KeptProcedure.objects.get(what="procedure")
    said = json.loads(kept.text)
    for stage in said["stages"]:
        if stage["kind"] == "opinion":
            stage["clock"]["reminders"] = []
        stage["source"] = ""
    said["code"], said["pieces"][0]["code"] = CODE, "Not a code today"
    with pytest.raises(ValueError, match="validation error"):
        registry.Procedure.model_validate(said)
    kept.text = json.dumps(said)
    kept.save()
    read_again()
    assert story.fresh().procedure.pieces[0].code == "Not a code today"
    client = client_for(story.world.secretariat, verified=True)
    for url in (
        reverse("requests_app:request", args=[story.request.pk]),
        reverse("requests_app:inbox"),
    ):
        assert client.get(url).status_code == 200
    assert [name for name, _words in told()] == ["procedures.W006"]


def test_what_is_read_without_judging_is_what_the_check_reads() -> None:
    for one in (*registry.everything(), *forms.everything()):
        again = keeping.read(type(one), one.model_dump_json())
        assert again == one
        assert again.model_dump_json() == one.model_dump_json()


def test_what_cannot_be_read_harms_its_own_files_alone(folder: Path) -> None:
    own(folder)
    world = World()
    draft(world)
    bad, other = world.story(procedure=CODE), world.story()
    bad.sign()
    other.sign()
    KeptProcedure.objects.filter(what="procedure").update(text='{"code": "ma-procedure"}')
    read_again()
    desk = client_for(world.secretariat, verified=True)
    rows = desk.get(reverse("requests_app:inbox")).context["page"].object_list
    said = {one.request_id: one.expected for one in rows}
    assert "ne peut pas être lue" in said[bad.request.pk]
    assert "ne peut pas être lue" not in said[other.request.pk]
    team = client_for(world.investigator, verified=True)
    shown = team.get(reverse("requests_app:my_requests"))
    assert "ne peut pas être lue" in shown.content.decode()
    closed = team.get(reverse("requests_app:request", args=[bad.request.pk]))
    assert closed.status_code == 503
    assert "ne peut pas être lue" in closed.content.decode()
    assert team.get(reverse("requests_app:request", args=[other.request.pk])).status_code == 200
    again = AccessRequest.objects.filter(pk=bad.request.pk)
    assert list(register.entries(again)) == []
    assert registry.current(CODE) == []
    assert CODE not in [one.code for one in registry.followed()]
    assert ("procedures.E005", True) in [
        (name, f"{CODE}-1.toml" in words) for name, words in told()
    ]
