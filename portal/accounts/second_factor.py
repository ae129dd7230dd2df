"""The second factor: enrolment, recovery codes, checking a code, reset.

The authenticator is TOTP (RFC 6238) by django-otp. Recovery codes are kept as keyed hashes: what is
in the database opens nothing.
"""

import secrets
from base64 import b32encode
from binascii import hexlify, unhexlify
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import segno
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django_otp.models import Device
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.common.digits import is_digits, packed

from . import signals
from .models import FactorReset, User
from .owners import tell_owner
from .permissions import is_administrator, needs_second_factor


CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no i, l, o, 0, 1: read aloud and copied by hand
_SALT = "portal.accounts.recovery"


class Locked(Exception):
    """Too many wrong codes: `seconds` to wait before another is read."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class State:
    """What the account page shows of a person's second factor."""

    device: TOTPDevice | None
    codes_left: int


def has_second_factor(user: User) -> bool:
    """Whether the person has an authenticator that was proved by a code."""
    return TOTPDevice.objects.filter(user_id=user.pk, confirmed=True).exists()


def state_of(user: User) -> State:
    return State(
        TOTPDevice.objects.filter(user=user, confirmed=True).first(),
        StaticToken.objects.filter(device__user=user, device__confirmed=True).count(),
    )


def new_key() -> str:
    """A 160-bit key in hexadecimal, as django-otp stores it."""
    return hexlify(secrets.token_bytes(20)).decode()


def readable_key(key: str) -> str:
    """The key in base 32 by groups of four, for typing it by hand."""
    text = b32encode(unhexlify(key)).decode().rstrip("=")
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def provisioning_url(user: User, key: str) -> str:
    """The `otpauth://` address that the QR code holds."""
    issuer = settings.OTP_TOTP_ISSUER
    label = quote(f"{issuer}:{user.username}")
    secret = b32encode(unhexlify(key)).decode().rstrip("=")
    query = urlencode({"secret": secret, "issuer": issuer, "digits": 6, "period": 30})
    return f"otpauth://totp/{label}?{query}"


def qr_code(url: str) -> str:
    """The QR code as a `data:` image (the CSP allows no other inline content)."""
    return segno.make(url, error="m").svg_data_uri(scale=4, border=2, dark="#000", light="#fff")


def enrol(*, by: User, key: str, code: str) -> list[str] | None:
    """Install the authenticator that `code` proves; the recovery codes to show, or None.

    The former one and its recovery codes stop working.
    """
    totp = TOTP(unhexlify(key), 30, 0, 6, 0)
    totp.time = timezone.now().timestamp()
    code = packed(code)
    if not is_digits(code) or not totp.verify(int(code), 1, None):
        return None
    with transaction.atomic():
        TOTPDevice.objects.filter(user=by).delete()
        TOTPDevice.objects.create(
            user=by, name="authenticator", key=key, confirmed=True, last_t=totp.t()
        )
        codes = _new_codes(by)
        signals.event("account.second_factor_enrol", by=by, on=by)
        tell_owner("second_factor_changed", user=by, context={"installed": True})
        signals.conditions_changed.send(sender=None, user=by)
    return codes


def _code_hash(code: str) -> str:
    clean = "".join(c for c in code.casefold() if c in _ALPHABET)
    return salted_hmac(_SALT, clean, algorithm="sha256").hexdigest()[:16]


def _new_codes(user: User) -> list[str]:
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery", confirmed=True)
    codes = [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))
        for _ in range(CODES)
    ]
    StaticToken.objects.bulk_create(
        StaticToken(device=device, token=_code_hash(code)) for code in codes
    )
    return codes


def renew_codes(*, by: User) -> list[str]:
    """New recovery codes, to show once; the former ones stop working."""
    with transaction.atomic():
        codes = _new_codes(by)
        signals.event("account.recovery_codes", by=by, on=by)
    return codes


def check(user: User, code: str) -> Device | None:
    """The device that accepts a code of the authenticator or a recovery code; None when wrong.

    A code of the authenticator is accepted once. Raises Locked after wrong ones (1, 2, 4… s).
    """
    clean = packed(code)
    by_authenticator = is_digits(clean)
    model = TOTPDevice if by_authenticator else StaticDevice
    with transaction.atomic():
        device = model.objects.select_for_update().filter(user=user, confirmed=True).first()
        if device is None:
            return None
        allowed, info = device.verify_is_allowed()
        if not allowed:
            wait = (info["locked_until"] - timezone.now()).total_seconds()
            raise Locked(max(1, int(wait) + 1))
        if not device.verify_token(clean if by_authenticator else _code_hash(clean)):
            return None
        if not by_authenticator:
            signals.event("account.recovery_code_use", by=user, on=user)
    return device


def _delete(user: User) -> None:
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    signals.conditions_changed.send(sender=None, user=user)


def remove(*, by: User) -> None:
    """Remove one's own; roles that need one replace it instead. Raises PermissionDenied."""
    if needs_second_factor(by):
        raise PermissionDenied
    with transaction.atomic():
        _delete(by)
        signals.event("account.second_factor_remove", by=by, on=by)
        tell_owner("second_factor_changed", user=by, context={"installed": False})


def reset(user: User, *, by: User, reason: str) -> None:
    """An administrator removes the lost second factor of somebody else, with a reason.

    For a person who holds powers, `portal.accounts.factor_resets` asks two. Raises
    PermissionDenied.
    """
    if not is_administrator(by) or by.pk == user.pk:
        raise PermissionDenied
    with transaction.atomic():
        _delete(user)
        signals.event("account.second_factor_reset", by=by, on=user, text=reason)
        tell_owner("second_factor_changed", user=user, context={"installed": False})


def reset_by_two(user: User, *, proposal: FactorReset) -> None:
    """What another administrator has just confirmed, in their transaction."""
    _delete(user)
    signals.event(
        "account.second_factor_reset",
        by=proposal.confirmed_by,
        on=user,
        text=proposal.reason,
        data={"proposed_by": str(proposal.proposed_by_id), "proposal": str(proposal.pk)},
    )
    tell_owner("second_factor_changed", user=user, context={"installed": False})
