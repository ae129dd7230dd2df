"""The whole administration: budgets, words, rights, secrets; and the lists of requests.

Every registered list is tried, so that one added later cannot be forgotten.
"""

import itertools
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise

from catalog.models import Dataset
from portal.accounts.models import Role, RoleAssignment, User
from portal.notifications.models import Message
from requests_app.counter.admin import words
from requests_app.counter.admin.base import ReadOnlyAdmin
from requests_app.models import (
    AccessRequest,
    Act,
    CloudResource,
    Credential,
    Grant,
    InterestDeclaration,
    Opinion,
    Outbox,
    Piece,
    Probe,
    Report,
    RequestVersion,
    StoredFile,
    Task,
    Workspace,
)
from requests_app.provisioning import grant_states
from requests_app.rights import permissions
from requests_app.workflow.definition import REQUEST_MOVES, STAGE_STEPS
from tests.support.client import client_for, page_text
from tests.support.factories import World
from tests.support.queries import count_queries


pytestmark = pytest.mark.django_db
SITE = dict(admin.site._registry)
LISTS = sorted(SITE, key=lambda model: model._meta.label_lower)
OURS = [model for model in LISTS if isinstance(SITE[model], ReadOnlyAdmin)]
SECRET = b"ciphertext-of-a-key"
_numbers = itertools.count(1)


def name_of(model: Any) -> str:
    return str(model._meta.label_lower)


def address(model: Any, page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def a_study(world: World) -> AccessRequest:
    """A request in use, with what provisioning leaves behind."""
    request = world.story().reach("use").fresh()
    now = timezone.now()
    workspace = Workspace.objects.get(request=request)
    CloudResource.objects.create(workspace=workspace, kind="bucket", logical_key="in")
    Outbox.objects.create(topic="key_ready", object_id=workspace.pk)
    for grant in Grant.objects.filter(workspace=workspace):
        number = next(_numbers)
        Credential.objects.create(
            grant=grant, use="person", access_key=f"SCW{number:017}", ciphertext=SECRET
        )
        Probe.objects.create(grant=grant, kind="read", expected="allowed", status=200, at=now)
    permissions.give_reason(world.administrator, request, reason="Réclamation de la personne")
    Task.objects.create(
        request=request, code="tacit_authorisation", role="legal_officer", opened_at=now
    )
    Message.objects.create(
        code="x", recipient=world.investigator, subject="s", body="b", about=request.pk
    )
    return request


def enter(user: User) -> Client:
    return client_for(User.objects.get(pk=user.pk), verified=True)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def administrator(world: World) -> Client:
    return enter(world.administrator)


@pytest.mark.long
def test_every_list_keeps_its_budget_at_two_sizes(world: World) -> None:
    """At most 15 queries, and no more with more rows; for the auditor too."""
    clients = {"administrator": enter(world.administrator), "auditor": enter(world.auditor)}
    counts: dict[tuple[str, str], list[int]] = {}
    over = []
    for size in (2, 3):
        for _ in range(size):
            a_study(world)
        for (who, client), model in itertools.product(clients.items(), LISTS):
            with count_queries() as queries:
                status = client.get(address(model), {"q": ""}).status_code
            assert status in {200, 403}, model
            counts.setdefault((who, name_of(model)), []).append(queries.count)
            if queries.count > 15:
                over.append(f"{who} {name_of(model)}\n{queries.report()}")
    assert over == []
    assert {key: both for key, both in counts.items() if both[1] > both[0]} == {}
    filled = {name_of(model) for model in OURS if model.objects.count() > 3}
    assert len(filled) >= len(OURS) - 1  # a budget of an empty list proves nothing


@pytest.mark.parametrize("typed", ["GUI-2026", "l'a%_\"\\", "00000000-0000", "\x00"])
def test_any_words_may_be_searched(administrator: Client, typed: str) -> None:
    for model in LISTS:
        if SITE[model].search_fields:
            assert administrator.get(address(model), {"q": typed}).status_code in {200, 403}, model


def test_lists_can_be_searched_and_filtered() -> None:
    without_filter = {"catalog.dataholder", "catalog.tablekey"}
    for model in LISTS:
        one = SITE[model]
        if name_of(model) in {"requests_app.numberseries"}:  # a handful of rows
            continue
        assert one.search_fields, model
        assert one.list_filter or name_of(model) in without_filter, model
        assert one.list_per_page <= 50
        assert not one.show_full_result_count


def test_every_word_is_in_french() -> None:
    """Django makes English words of a field's name when it has none of its own."""
    same = {"id", "event_id"}  # shown as they are
    found = []
    for model in LISTS:
        one = SITE[model]
        if not isinstance(model._meta.verbose_name, Promise):
            found.append(name_of(model))
        shown = set(flatten_fieldsets(one.fieldsets or [(None, {"fields": one.fields or []})]))
        for name in {*one.list_display, *shown} - same:
            field = next((f for f in model._meta.get_fields() if f.name == name), None)
            method = getattr(one, name, None) or getattr(model, name, None)
            word = field.verbose_name if field else getattr(method, "short_description", None)
            if not isinstance(word, Promise):
                found.append(f"{name_of(model)}.{name}")
    assert found == []


def test_codes_are_shown_in_words(world: World, administrator: Client) -> None:
    a_study(world)
    for model, expected in (
        ("stage", ("Avis", "terminée", "secrétariat", "demandeur")),
        ("transitionlog", ("Dossier complet", "terminée", "ouvert")),
        ("accessrequest", ("accès autorisé",)),
        ("permit", ("Système fils",)),
    ):
        text = page_text(administrator.get(reverse(f"admin:requests_app_{model}_changelist")))
        for word in expected:
            assert word.lower() in text.lower(), (model, word, text[-2000:])
        assert not re.search(r"\b\w+_\w+\b", text.split("Dossier")[-1].split("FILTRE")[0]), model


def test_every_move_has_its_words() -> None:
    names = {*REQUEST_MOVES, *grant_states.MACHINE.moves, *STAGE_STEPS}
    assert {name for name in names if words.move(name) == name} == set()


def test_reports_opinions_and_attachments_are_not_here() -> None:
    for model in (Report, Opinion, StoredFile, Piece, RequestVersion, Act, InterestDeclaration):
        assert model not in SITE
        with pytest.raises(NoReverseMatch):
            address(model)
    inlines = {inline.model for one in SITE.values() for inline in one.inlines}
    assert not inlines & {Report, Opinion, StoredFile, Piece, RequestVersion, Act}


def test_no_content_of_a_file_is_shown(world: World, administrator: Client) -> None:
    """An administrator reads a file with a logged reason, on the site's page; here never."""
    request = a_study(world)
    title = "Titre que personne ne devine"
    AccessRequest.objects.filter(pk=request.pk).update(title=title)
    for model in OURS:
        for row in model.objects.all()[:2]:
            body = administrator.get(address(model, "change", row.pk)).content.decode()
            assert title not in body, model
        assert title not in administrator.get(address(model)).content.decode(), model


def test_no_secret_is_shown(world: World) -> None:
    a_study(world)
    client = enter(world.auditor)
    for model in OURS:
        pages = [address(model), *(address(model, "change", r.pk) for r in model.objects.all()[:3])]
        for page in pages:
            body = client.get(page).content
            assert SECRET not in body, page
            assert b"ciphertext" not in body, page


def test_what_the_workflow_owns_is_read_only(world: World, administrator: Client) -> None:
    a_study(world)
    for model in OURS:
        row = model.objects.first()
        if row is None:
            continue
        page = address(model, "change", row.pk)
        assert administrator.get(page).status_code == 200, model
        assert administrator.post(page, {"state": "closed"}).status_code == 403, model
        assert administrator.get(address(model, "add")).status_code == 403, model
        assert administrator.post(address(model, "delete", row.pk)).status_code == 403, model
        listed = administrator.get(address(model)).context["cl"]
        assert listed.list_editable == () or not listed.list_editable
        assert not SITE[model].actions


def test_verbs_elsewhere_are_links(world: World, administrator: Client) -> None:
    request = a_study(world)
    requests = administrator.get(address(AccessRequest)).content.decode()
    assert reverse("requests_app:consult", args=[request.pk]) in requests
    grants = administrator.get(address(Grant)).content.decode()
    workspace = Workspace.objects.get(request=request)
    assert reverse("requests_app:operations_workspace", args=[workspace.pk]) in grants


def rows_of(model: Any) -> Any:
    """A row on which each action of a list can be asked for."""
    return model.objects.order_by("pk").last()


def test_every_action_is_confirmed_first(world: World, administrator: Client) -> None:
    """Asked for without a confirmation, an action shows a page and changes nothing."""
    RoleAssignment.objects.create(user=world.named, role=Role.OPERATOR)
    a_study(world)
    tried = set()
    for model in LISTS:
        row = rows_of(model)
        if row is None:
            continue
        request = administrator.get(address(model)).wsgi_request
        for name in SITE[model].get_actions(request):
            before = model.objects.filter(pk=row.pk).values().get()
            answer = administrator.post(
                address(model), {"action": name, "_selected_action": [str(row.pk)]}
            )
            assert answer.status_code == 200, (model, name)
            assert "Confirm" in page_text(answer) or "confirm" in answer.content.decode()
            assert model.objects.filter(pk=row.pk).values().get() == before, (model, name)
            tried.add(name)
    assert {"suspend", "publish_selected", "unpublish_selected", "try_again", "end_role"} <= tried


def test_an_auditor_sees_everything_and_acts_on_nothing(world: World) -> None:
    a_study(world)
    client = enter(world.auditor)
    for model in LISTS:
        answer = client.get(address(model))
        assert answer.status_code == 200, model
        assert not SITE[model].get_actions(answer.wsgi_request), model
        if (row := rows_of(model)) is not None:
            page = address(model, "change", row.pk)
            assert client.get(page).status_code == 200, model
            assert client.post(page, {}).status_code == 403, model
    dataset = Dataset.objects.first()
    assert dataset is not None
    client.post(
        address(Dataset),
        {"action": "unpublish_selected", "_selected_action": [str(dataset.pk)],
         "confirmed": "1", "reason": "x"},
    )  # fmt: skip
    assert Dataset.objects.published().filter(pk=dataset.pk).exists()


@pytest.mark.parametrize("role", [Role.SECRETARIAT, Role.OPERATOR, Role.LEGAL_OFFICER, None])
def test_others_do_not_enter_even_as_staff(world: World, role: Role | None) -> None:
    person = world.named
    if role:
        RoleAssignment.objects.create(user=person, role=role)
    User.objects.filter(pk=person.pk).update(is_staff=True, is_superuser=True)
    client = enter(person)
    for model in LISTS:
        assert client.get(address(model)).status_code in {302, 403}, model


class TestWithdrawn:
    """A14: a member who withdrew knows nothing more of the file, whatever other role they have."""

    @pytest.fixture
    def files(self, world: World) -> tuple[AccessRequest, AccessRequest]:
        return a_study(world), a_study(world)

    def withdraw(self, world: World, request: AccessRequest, *roles: Role) -> Client:
        person = world.member
        for role in roles:
            RoleAssignment.objects.create(user=person, role=role)
        changed = InterestDeclaration.objects.filter(request=request, member=person).update(
            answer="withdrawn", reason="Ancien employeur"
        )
        assert changed == 1
        return enter(person)

    @pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.AUDITOR])
    def test_sees_no_row_of_it(
        self, world: World, files: tuple[AccessRequest, AccessRequest], role: Role
    ) -> None:
        closed, other = files
        client = self.withdraw(world, closed, role)
        for model in OURS:
            path = SITE[model].request_path
            if not path:
                continue
            listed = client.get(address(model)).context["cl"].queryset
            seen = set(listed.values_list(path, flat=True))
            assert closed.pk not in seen, model
            assert other.pk in seen, model
            hidden = model.objects.filter(**{path: closed.pk}).first()
            page = client.get(address(model, "change", hidden.pk), follow=False)
            assert page.status_code == 302, model  # "doesn't exist", back to the index
            search = client.get(address(model), {"q": str(closed.number)})
            assert search.context["cl"].result_count == 0 or path == "", model

    def test_hears_of_no_message_about_it(
        self, world: World, files: tuple[AccessRequest, AccessRequest]
    ) -> None:
        closed, other = files
        client = self.withdraw(world, closed, Role.ADMINISTRATOR)
        listed = client.get(address(Message), {"all": ""}).context["cl"].queryset
        abouts = set(listed.values_list("about", flat=True))
        assert closed.pk not in abouts
        assert other.pk in abouts

    def test_others_still_see_it(
        self, world: World, files: tuple[AccessRequest, AccessRequest]
    ) -> None:
        self.withdraw(world, files[0])
        listed = enter(world.administrator).get(address(AccessRequest)).context["cl"].queryset
        assert {request.pk for request in files} <= set(listed.values_list("pk", flat=True))


def test_a_reason_that_ended_is_still_listed(world: World, administrator: Client) -> None:
    request = a_study(world)
    request.reasoned_accesses.update(expires_at=timezone.now() - timedelta(days=1))
    page = administrator.get(reverse("admin:requests_app_reasonedaccess_changelist"))
    assert "Réclamation de la personne" in page_text(page)


def test_the_password_is_changed_on_the_portals_page(administrator: Client) -> None:
    answer = administrator.get(reverse("admin:password_change"))
    assert answer["Location"] == reverse("accounts:password_change")
