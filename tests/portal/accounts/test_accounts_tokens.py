"""Tokens of the API: shown once, hashed, revoked, expired; a GET with one writes nothing."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.urls import path, reverse
from django.utils import timezone
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts import tokens as service
from portal.accounts.models import ApiToken
from portal.accounts.tasks import flush_token_use
from portal.audit.models import AuditEvent
from portal.urls import urlpatterns as portal_urls
from tests.support.client import client_for, enrol, page_text
from tests.support.people import a_person


pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@api_view(["GET"])
def whoami(request: Request) -> Response:
    return Response({"user": str(getattr(request.user, "pk", None))})


urlpatterns = [path("essai/qui/", whoami), *portal_urls]


def get(client: Any, header: str) -> Any:
    return client.get("/essai/qui/", headers={"Authorization": header})


def test_made_on_the_page_shown_once_and_usable(client: Any) -> None:
    user = a_person()
    mine = client_for(user)
    page = mine.post(reverse("accounts:tokens"), {"name": "Carnet", "days": "90"})
    found = re.search(r'id="jeton">(gui_[\w-]+)<', page.content.decode())
    assert found
    text = found[1]
    token = ApiToken.objects.get()
    assert token.token_hash != text
    assert text.startswith(token.prefix)
    listed = mine.get(reverse("accounts:tokens")).content.decode()
    assert token.prefix in listed
    assert text not in listed
    assert get(client, f"Bearer {text}").json() == {"user": str(user.pk)}
    assert AuditEvent.objects.filter(action="token.create", actor_id=user.pk).exists()


def test_without_a_token_the_reader_is_anonymous(client: Any) -> None:
    assert client.get("/essai/qui/").json() == {"user": "None"}


@pytest.mark.parametrize("header", ["Bearer gui_inconnu", "Bearer", "Bearer a b", "Bearer \xe9"])
def test_a_wrong_token_is_refused_not_ignored(client: Any, header: str) -> None:
    response = get(client, header)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"


def test_expired_revoked_and_suspended(client: Any) -> None:
    user = a_person()
    _token, expiring = service.create(by=user, name="a", days=30)
    revoked, text = service.create(by=user, name="b", days=30)
    service.revoke(revoked, by=user)
    assert get(client, f"Bearer {text}").status_code == 401
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert get(client, f"Bearer {expiring}").status_code == 401
    assert get(client, f"Bearer {expiring}").status_code == 200
    type(user).objects.update(is_active=False)
    assert get(client, f"Bearer {expiring}").status_code == 401


def test_last_use_is_stored_by_the_task(client: Any) -> None:
    token, text = service.create(by=a_person(), name="a", days=30)
    get(client, f"Bearer {text}")
    token.refresh_from_db()
    assert token.last_used_at is None
    assert flush_token_use() == 1
    token.refresh_from_db()
    assert token.last_used_at is not None
    first = token.last_used_at
    cache.set(f"api-token-used:{token.pk}", first - timedelta(hours=1))
    flush_token_use()
    token.refresh_from_db()
    assert token.last_used_at == first


def test_someone_elses_token_cannot_be_revoked() -> None:
    token, _text = service.create(by=a_person(), name="a", days=30)
    url = reverse("accounts:token_revoke", args=[token.pk])
    assert client_for(a_person()).post(url).status_code == 404
    owner = client_for(token.user)
    assert "ne pourront plus lire" in page_text(owner.get(url))
    owner.post(url)
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_who_has_a_second_factor_shows_it_before_a_token_is_made() -> None:
    user = a_person()
    enrol(user)
    client = client_for(user)
    response = client.post(reverse("accounts:tokens"), {"name": "x", "days": "90"})
    assert response.status_code == 403
    assert not ApiToken.objects.exists()


def test_no_more_than_the_limit() -> None:
    user = a_person()
    for n in range(service.MAX_TOKENS):
        service.create(by=user, name=str(n), days=30)
    response = client_for(user).post(reverse("accounts:tokens"), {"name": "x", "days": "90"})
    assert "Retirez-en un d’abord" in page_text(response)
