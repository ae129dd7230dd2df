"""Second factor: enrolment, step-up that loses nothing, recovery codes, roles that must have it."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path, reverse
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts import invitations, memberships
from portal.accounts import second_factor as factor
from portal.accounts.models import SECOND_FACTOR_ROLES, SITE_ROLES, Invitation, Role
from portal.accounts.otp import CODE_FIELD, VERIFIED_AT, second_factor_required
from portal.audit.models import AuditEvent
from portal.notifications.models import Message
from portal.urls import urlpatterns as portal_urls
from tests.support.client import client_for, enrol, page_text
from tests.support.people import a_member, a_person, an_organisation, with_role
from tests.support.totp import code_of


pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@second_factor_required
def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.method} {sorted(request.POST.items())}")


@second_factor_required(fresh_minutes=5)
def fresh(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.method} {request.POST.getlist('choix')}")


def ordinary(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ouvert")


@login_not_required
def public(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ouvert")


urlpatterns = [
    path("essai/simple/", plain),
    path("essai/recent/", fresh),
    path("essai/ordinaire/", ordinary),
    path("essai/public/", public),
    *portal_urls,
]


@pytest.fixture
def frozen() -> Iterator[Any]:
    with time_machine.travel(time.time(), tick=False) as traveller:
        yield traveller


def scanned_key(client: Client, body: str) -> TOTPDevice:
    key = client.session["second_factor_key"]
    assert factor.readable_key(key) in body
    return TOTPDevice(key=key)


def test_enrolment_shows_the_key_proves_it_and_shows_the_codes_once(frozen: Any) -> None:
    user = a_person()
    client = client_for(user)
    page = client.get(reverse("accounts:second_factor"))
    body = page.content.decode()
    assert 'src="data:image/svg+xml' in body
    device = scanned_key(client, body)
    wrong = client.post(reverse("accounts:second_factor"), {"code": "000000"})
    assert "Ce code ne correspond pas" in page_text(wrong)
    assert not factor.has_second_factor(user)
    done = client.post(reverse("accounts:second_factor"), {"code": code_of(device)})
    codes = re.findall(r"<li>(\w{4}-\w{4}-\w{4})</li>", done.content.decode())
    assert len(codes) == factor.CODES
    assert factor.has_second_factor(user)
    assert client.session[VERIFIED_AT]
    stored = set(StaticToken.objects.values_list("token", flat=True))
    assert stored.isdisjoint(codes)
    assert Message.objects.filter(code="account.second_factor_changed", recipient=user).exists()
    assert AuditEvent.objects.filter(action="account.second_factor_enrol").exists()
    assert client.get("/essai/recent/").status_code == 200
    again = client.get(reverse("accounts:second_factor")).content.decode()
    assert codes[0] not in again


@pytest.mark.parametrize("code", ["²²²²²²", "١٢٣٤٥٦", "①②③④⑤⑥", "12_456", "+12345", "0x1234"])
def test_what_only_looks_like_a_number_is_a_wrong_code(code: str) -> None:
    """`isdigit()` said yes and `int()` failed: an error page."""
    user = a_person()
    page = client_for(user).post(reverse("accounts:second_factor"), {"code": code})
    assert page.status_code == 200
    assert "Ce code ne correspond pas" in page_text(page)
    enrol(user)
    assert factor.check(user, code) is None


@pytest.mark.parametrize("writing", ["{a} {b}", "{a}\u202f{b}", "{a}-{b}", "\u200b{a}{b} "])
def test_a_code_is_read_with_its_layout(frozen: Any, writing: str) -> None:
    user = a_person()
    code = code_of(enrol(user))
    typed = writing.format(a=code[:3], b=code[3:])
    answer = client_for(user).post(reverse("accounts:verify"), {"code": typed})
    assert answer.status_code == 302


def test_a_get_goes_to_the_step_up_page_and_comes_back(frozen: Any) -> None:
    user = a_person()
    device = enrol(user)
    client = client_for(user)
    asked = client.get("/essai/simple/?a=1")
    assert asked["Location"].startswith(reverse("accounts:verify"))
    form = client.get(asked["Location"]).content.decode()
    assert 'value="/essai/simple/?a=1"' in form
    back = client.post(
        reverse("accounts:verify"), {"code": code_of(device), "next": "/essai/simple/?a=1"}
    )
    assert back["Location"] == "/essai/simple/?a=1"
    assert client.get(back["Location"]).status_code == 200


def test_step_up_never_leads_out_of_the_portal(frozen: Any) -> None:
    user = a_person()
    device = enrol(user)
    data = {"code": code_of(device), "next": "https://ailleurs.example/"}
    response = client_for(user).post(reverse("accounts:verify"), data)
    assert "ailleurs" not in response["Location"]


def test_without_a_device_the_enrolment_page_comes_first() -> None:
    response = client_for(a_person()).get("/essai/simple/")
    assert response["Location"].startswith(reverse("accounts:second_factor") + "?next=")


def test_a_post_is_not_lost(frozen: Any) -> None:
    user = a_person()
    device = enrol(user)
    client = client_for(user)
    data = {"choix": ["un", "deux <b>"], "texte": "à garder"}
    asked = client.post("/essai/recent/", data)
    assert asked.status_code == 403
    body = asked.content.decode()
    assert body.count('name="choix"') == 2
    assert "deux &lt;b&gt;" in body
    wrong = client.post("/essai/recent/", data | {CODE_FIELD: "000000"})
    assert wrong.status_code == 403
    assert "Ce code n’est pas le bon" in page_text(wrong)
    assert 'value="à garder"' in wrong.content.decode()
    frozen.shift(5)
    done = client.post("/essai/recent/", data | {CODE_FIELD: code_of(device)})
    assert done.content.decode() == "POST ['un', 'deux <b>']"


def test_the_view_never_sees_the_code(frozen: Any) -> None:
    user = a_person()
    device = enrol(user)
    client = client_for(user)
    done = client.post("/essai/simple/", {"a": "1", CODE_FIELD: code_of(device)})
    assert done.content.decode() == "POST [('a', '1')]"


def test_files_cannot_be_kept_and_the_page_says_so() -> None:
    user = a_person()
    enrol(user)
    response = client_for(user).post(
        "/essai/simple/", {"piece": SimpleUploadedFile("a.pdf", b"%PDF-")}
    )
    assert "fichiers joints ne peuvent pas être gardés" in page_text(response)


def test_an_old_verification_is_not_fresh(frozen: Any) -> None:
    client = client_for(a_person(), verified=True)
    assert client.get("/essai/recent/").status_code == 200
    frozen.shift(5 * 60)
    assert client.get("/essai/simple/").status_code == 200
    assert "recent=1" in client.get("/essai/recent/")["Location"]


def test_a_code_serves_once(frozen: Any) -> None:
    user = a_person()
    device = enrol(user)
    code = code_of(device)
    assert client_for(user).post(reverse("accounts:verify"), {"code": code}).status_code == 302
    again = client_for(user).post(reverse("accounts:verify"), {"code": code})
    assert again.status_code == 200
    assert "Ce code n’est pas le bon" in page_text(again)


def test_wrong_codes_make_one_wait(frozen: Any) -> None:
    user = a_person()
    device = enrol(user)
    client = client_for(user)
    assert client.post(reverse("accounts:verify"), {"code": "000000"}).status_code == 200
    locked = client.post(reverse("accounts:verify"), {"code": code_of(device)})
    assert locked.status_code == 429
    assert "Trop de codes faux" in page_text(locked)
    frozen.shift(3)
    assert client.post(reverse("accounts:verify"), {"code": code_of(device)}).status_code == 302
    failed = AuditEvent.objects.filter(action="account.second_factor_fail", outcome="refused")
    assert failed.count() == 1


def test_a_recovery_code_replaces_the_phone_once() -> None:
    user = a_person()
    enrol(user)
    codes = factor.renew_codes(by=user)
    client = client_for(user)
    typed = f" {codes[0].upper()} "
    assert client.post(reverse("accounts:verify"), {"code": typed}).status_code == 302
    assert client_for(user).post(reverse("accounts:verify"), {"code": codes[0]}).status_code == 200
    assert factor.state_of(user).codes_left == factor.CODES - 1
    assert AuditEvent.objects.filter(action="account.recovery_code_use").count() == 1


def test_someone_elses_code_opens_nothing(frozen: Any) -> None:
    mine, other = a_person(), a_person()
    enrol(mine)
    device = enrol(other)
    response = client_for(mine).post(reverse("accounts:verify"), {"code": code_of(device)})
    assert response.status_code == 200


@pytest.mark.parametrize("role", sorted(SECOND_FACTOR_ROLES))
def test_staff_and_committee_roles_open_nothing_without_it(role: Role) -> None:
    scope = None if role in SITE_ROLES else an_organisation(kind="committee")
    user = with_role(role, scope=scope)
    client = client_for(user)
    assert client.get("/essai/ordinaire/").status_code == 302
    assert client.post("/essai/ordinaire/", {"a": 1}).status_code == 403
    assert client.get("/essai/public/").status_code == 200
    assert client.get(reverse("accounts:account")).status_code == 200
    assert client_for(user, verified=True).get("/essai/ordinaire/").content == b"ouvert"


@pytest.mark.parametrize("capacity", ["signs", "manager"])
def test_signatories_and_managers_open_nothing_without_it(capacity: str) -> None:
    user = a_member(an_organisation(), **{capacity: True}).user
    client = client_for(user)
    assert client.get("/essai/ordinaire/").status_code == 302
    assert client.post("/essai/ordinaire/", {"a": 1}).status_code == 403
    assert client_for(user, verified=True).get("/essai/ordinaire/").content == b"ouvert"


def test_others_open_ordinary_pages_without_it() -> None:
    waiting = a_member(an_organisation(), confirmed=False, manager=True).user
    left = a_member(an_organisation(), signs=True)
    left.ended_at = left.created_at
    left.save()
    for user in (a_person(), a_member(an_organisation()).user, waiting, left.user):
        assert client_for(user).get("/essai/ordinaire/").status_code == 200


def test_a_capacity_confirmed_in_a_running_session_is_asked_at_the_next_page() -> None:
    membership = a_member(an_organisation(), asks_to_sign=True)
    client = client_for(membership.user)
    assert client.get("/essai/ordinaire/").status_code == 200
    memberships.confirm(membership, by=with_role(Role.SECRETARIAT), may_sign=True)
    asked = client.get("/essai/ordinaire/?a=1")
    assert "?next=%2Fessai%2Fordinaire%2F%3Fa%3D1" in asked["Location"]
    assert "votre signature engage un organisme" in page_text(client.get(asked["Location"]))


def test_an_invitation_is_not_accepted_in_the_name_of_a_role_by_a_password_alone() -> None:
    user = with_role(Role.HOLDER_REPRESENTATIVE, scope=an_organisation(kind="holder"))
    sent = invitations.invite(
        kind=Invitation.Kind.TEAM, email=user.email, by=a_person(), about="Dossier"
    )
    found = re.search(r"https?://[^/\s]+(/\S+)", Message.objects.get().body)
    assert found
    path = found[1]
    assert client_for(user).post(path).status_code == 403
    sent.refresh_from_db()
    assert sent.accepted_at is None
    assert client_for(user, verified=True).post(path).status_code == 302


def test_the_admin_asks_for_it() -> None:
    user = with_role(Role.ADMINISTRATOR)
    client = client_for(user)
    entered = client.get(reverse("admin:index"), follow=True)
    assert entered.redirect_chain[-1][0].startswith(reverse("accounts:second_factor"))
    assert client_for(user, verified=True).get(reverse("admin:index")).status_code == 200


def test_the_admin_stays_closed_to_other_roles() -> None:
    user = with_role(Role.SECRETARIAT)
    response = client_for(user, verified=True).get(reverse("admin:index"), follow=True)
    assert response.status_code == 403


def test_removing_it_needs_a_recent_code_and_is_refused_to_staff() -> None:
    user = a_person()
    enrol(user)
    assert client_for(user).get(reverse("accounts:second_factor_remove")).status_code == 302
    client = client_for(user, verified=True)
    client.post(reverse("accounts:second_factor_remove"))
    assert not factor.has_second_factor(user)
    manager = a_member(an_organisation(), manager=True).user
    for staff in (with_role(Role.OPERATOR), with_role(Role.AUDITOR), manager):
        client = client_for(staff, verified=True)
        assert client.post(reverse("accounts:second_factor_remove")).status_code == 403
        with pytest.raises(PermissionDenied):
            factor.remove(by=staff)


def test_replacing_needs_a_recent_code_of_the_old_one() -> None:
    user = a_person()
    enrol(user)
    response = client_for(user).get(reverse("accounts:second_factor"))
    assert response["Location"].startswith(reverse("accounts:verify"))
    assert client_for(user).post(reverse("accounts:second_factor"), {}).status_code == 403


def test_the_key_is_shown_in_no_later_page() -> None:
    user = a_person()
    device = enrol(user)
    body = client_for(user, verified=True).get(reverse("accounts:account")).content.decode()
    assert device.key not in body
    assert factor.readable_key(device.key) not in body


def test_changing_the_password_asks_for_it_and_writes_no_password_in_a_page(frozen: Any) -> None:
    """A stolen password alone does not lock its owner out."""
    user = a_person(password="ancien-mot-de-passe-1")
    device = enrol(user)
    client = client_for(user)
    url = reverse("accounts:password_change")
    assert client.get(url)["Location"].startswith(reverse("accounts:verify"))
    sent = {
        "old_password": "ancien-mot-de-passe-1",
        "new_password1": "une-autre-phrase-7",
        "new_password2": "une-autre-phrase-7",
    }
    answer = client.post(url, sent)
    assert answer.status_code == 403
    assert not any(secret in answer.content.decode() for secret in sent.values())
    # with the code alone the passwords are missing: they are typed again
    assert client.post(url, {CODE_FIELD: code_of(device)}).status_code == 200
    assert client.post(url, sent).status_code == 302
    user.refresh_from_db()
    assert user.check_password("une-autre-phrase-7")
