"""Clients logged in without going through the login page (which has its own tests)."""

import html
import re
import time
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts.models import User
from portal.accounts.otp import VERIFIED_AT


# Read by hundreds of tests: parsed into a tree, a page costs as much as its making.
UNSEEN = re.compile(r"<!--.*?-->|<(script|style|template)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
MARKUP = re.compile(r"""<[!/?a-zA-Z](?:[^<>"']|"[^"]*"|'[^']*')*>""")


def enrol(user: User) -> TOTPDevice:
    """Give `user` a confirmed authenticator, or return the one it has."""
    device = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    return device or TOTPDevice.objects.create(user=user, name="test", confirmed=True)


def client_for(user: User | None = None, *, verified: bool = False, **options: Any) -> Client:
    """A client logged in as `user` (None: nobody); `verified`: second factor passed."""
    client = Client(**options)
    if user is None:
        return client
    client.force_login(user)
    if verified:
        session = client.session
        session[DEVICE_ID_SESSION_KEY] = enrol(user).persistent_id
        session[VERIFIED_AT] = int(time.time())
        session.save()
    return client


def page_text(response: HttpResponse) -> str:
    """Visible text of a page, spaces (non-breaking too) folded: what a reader would find."""
    text = MARKUP.sub(" ", UNSEEN.sub(" ", response.content.decode()))
    return " ".join(html.unescape(text).split())


def aged(client: Client, minutes: int = 11) -> Client:
    """The same client, its second factor passed that long ago."""
    session = client.session
    session[VERIFIED_AT] = int(time.time()) - minutes * 60
    session.save()
    return client
