"""Tokens of the API: made and shown once, stored as a hash, revoked by their owner.

A GET writes nothing: the last use goes to the cache, and `flush_last_use()` (a task) stores it.
"""

from datetime import timedelta

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from . import signals
from .models import ApiToken, User
from .owners import tell_owner
from .secrets import new_token, token_hash


PREFIX = "gui_"
MAX_DAYS = 365
MAX_TOKENS = 20
_USED = "api-token-used:"


def create(*, by: User, name: str, days: int) -> tuple[ApiToken, str]:
    """A new token and its text, which cannot be read again."""
    text = PREFIX + new_token(30)
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=by,
            name=name,
            prefix=text[: len(PREFIX) + 6],
            token_hash=token_hash(text),
            expires_at=timezone.now() + timedelta(days=min(days, MAX_DAYS)),
        )
        signals.event("token.create", by=by, on=token, data={"days": days})
        tell_owner("token_created", user=by, context={"name": name})
    return token, text


def revoke(token: ApiToken, *, by: User, reason: str = "") -> None:
    """Make a token void at once; nothing when it is already."""
    with transaction.atomic():
        changed = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(
            revoked_at=timezone.now()
        )
        if changed:
            signals.event("token.revoke", by=by, on=token, text=reason)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer gui_…`. No header: an anonymous reader of the public catalogue."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() not in {b"bearer", b"token"}:
            return None
        if len(words) != 2:
            raise AuthenticationFailed(_("L’en-tête d’autorisation est mal formé."))
        token = (
            ApiToken.objects.usable()
            .filter(token_hash=token_hash(words[1].decode("ascii", "replace")))
            .select_related("user")
            .first()
        )
        if token is None or not token.user.is_active:
            raise AuthenticationFailed(_("Jeton inconnu, expiré ou retiré."))
        cache.set(f"{_USED}{token.pk}", timezone.now(), 24 * 3600)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


def flush_last_use() -> int:
    """Store the last uses noted in the cache; returns how many tokens were updated."""
    ids = ApiToken.objects.usable().values_list("pk", flat=True)
    used = cache.get_many([f"{_USED}{pk}" for pk in ids])
    for key, instant in used.items():
        ApiToken.objects.filter(pk=key.removeprefix(_USED)).exclude(
            last_used_at__gte=instant
        ).update(last_used_at=instant)
    return len(used)
