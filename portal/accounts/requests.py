"""The type of a request whose person is known."""

from django.http import HttpRequest

from .models import User


class SignedInRequest(HttpRequest):
    """What a page receives that only signed-in people reach: every address but the public ones."""

    user: User
