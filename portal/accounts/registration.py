"""Creating an account, changing an address, recovering a password.

Whoever asks by an address learns nothing of the accounts behind it: the page answers always the
same, and only the mail, read by the owner of the address, differs.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from portal.common.fold import folded

from . import signals
from .links import absolute
from .models import EmailLink, User
from .owners import addresses_of, email_replaced, tell_owner
from .secrets import new_token, token_hash


REGISTER_VALID = timedelta(hours=24)
CHANGE_VALID = timedelta(hours=2)


class LinkUnusable(Exception):
    """Unknown, expired or already used link."""


def accounts_of(email: str) -> list[User]:
    """Active accounts of an address; an address is not an identifier, there may be several.

    The addresses found may be written otherwise (case, compatibility forms): whatever follows is
    sent to each account's own. Compared in Python: databases disagree (`portal.common.fold`).
    """
    key = folded(email)
    known = User.objects.filter(is_active=True).exclude(email="").values_list("pk", "email")
    found = [pk for pk, address in known.iterator() if folded(address) == key]
    return list(User.objects.filter(pk__in=found).order_by("date_joined", "pk")) if found else []


def _tell_of_accounts(known: list[User]) -> None:
    """To each account at its own address, and of that account only."""
    for user in known:
        signals.mail(
            "exists",
            to=[user],
            context={
                "usernames": [user.username],
                "login_url": absolute(reverse("accounts:login")),
                "reset_url": absolute(reverse("accounts:password_reset")),
            },
        )


def _send_link(purpose: EmailLink.Purpose, *, email: str, user: User | None) -> str:
    token = new_token()
    valid = REGISTER_VALID if purpose == EmailLink.Purpose.REGISTER else CHANGE_VALID
    EmailLink.objects.create(
        purpose=purpose,
        email=email,
        user=user,
        token_hash=token_hash(token),
        expires_at=timezone.now() + valid,
    )
    return token


def ask_registration(*, email: str) -> None:
    """Send the link that opens the form of a new account, or a reminder to who has one."""
    with transaction.atomic():
        known = accounts_of(email)
        if known:
            _tell_of_accounts(known)
            return
        token = _send_link(EmailLink.Purpose.REGISTER, email=email, user=None)
        signals.event("account.registration_ask", by=None)
        signals.mail(
            "confirm",
            to=[email],
            context={
                "url": absolute(reverse("accounts:register_confirm", args=[token])),
                "hours": int(REGISTER_VALID.total_seconds() // 3600),
            },
            until=timezone.now() + REGISTER_VALID,
        )


def open_link(purpose: EmailLink.Purpose, token: str) -> EmailLink:
    """The usable link of a token. Raises LinkUnusable."""
    link = (
        EmailLink.objects.usable()
        .filter(purpose=purpose, token_hash=token_hash(token))
        .select_related("user")
        .first()
    )
    if link is None:
        raise LinkUnusable
    return link


def _use(link: EmailLink) -> None:
    """Spend the link; of two at once only one succeeds. Raises LinkUnusable."""
    if not EmailLink.objects.usable().filter(pk=link.pk).update(used_at=timezone.now()):
        raise LinkUnusable


def register(*, token: str, username: str, password: str, fields: dict[str, Any]) -> User:
    """Make the account of a confirmed address. Raises LinkUnusable."""
    with transaction.atomic():
        link = open_link(EmailLink.Purpose.REGISTER, token)
        _use(link)
        return create_account(email=link.email, username=username, password=password, fields=fields)


def create_account(*, email: str, username: str, password: str, fields: dict[str, Any]) -> User:
    """A person whose address has just been proved; called inside a transaction."""
    user = User.objects.create_user(
        username=username,
        email=email,
        password=password,
        email_confirmed_at=timezone.now(),
        **fields,
    )
    signals.event("account.register", by=user, on=user)
    return user


def change_identity(*, by: User, fields: dict[str, str]) -> None:
    """Name and function of a person, by themselves."""
    with transaction.atomic():
        changed = [name for name, value in fields.items() if getattr(by, name) != value]
        for name in changed:
            setattr(by, name, fields[name])
        by.save(update_fields=list(fields))
        signals.event("account.identity_change", by=by, on=by, data={"fields": changed})


def ask_email_change(*, email: str, by: User) -> None:
    """Send a link to the new address; the present one stays until it is opened.

    The address of another account is not taken: that account is told, as at a registration.
    """
    with transaction.atomic():
        others = [user for user in accounts_of(email) if user.pk != by.pk]
        if others:
            _tell_of_accounts(others)
            return
        token = _send_link(EmailLink.Purpose.CHANGE, email=email, user=by)
        signals.mail(
            "email_change",
            to=[email],
            context={
                "url": absolute(reverse("accounts:email_confirm", args=[token])),
                "hours": int(CHANGE_VALID.total_seconds() // 3600),
            },
            until=timezone.now() + CHANGE_VALID,
        )


def change_email(*, token: str, by: User) -> None:
    """Take the new address; the old one is told. Raises LinkUnusable (someone else's included, and
    when another account took the address meanwhile)."""
    with transaction.atomic():
        link = open_link(EmailLink.Purpose.CHANGE, token)
        if link.user_id != by.pk or any(one.pk != by.pk for one in accounts_of(link.email)):
            raise LinkUnusable
        _use(link)
        old = by.email
        by.email = link.email
        by.email_confirmed_at = timezone.now()
        by.save(update_fields=["email", "email_confirmed_at"])
        signals.event("account.email_change", by=by, on=by)
        email_replaced(user=by, old=old, by=by)


def ask_reset(*, email: str) -> None:
    """Send each account of the address its own link; nothing when there is none."""
    with transaction.atomic():
        for user in accounts_of(email):
            send_reset(user)


def send_reset(user: User) -> None:
    """The link of one account, to that account: never two links in one message."""
    place = [urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)]
    url = absolute(reverse("accounts:password_reset_confirm", args=place))
    signals.event("account.reset_ask", by=None, on=user)
    former = [one for one in addresses_of(user) if isinstance(one, str)]
    signals.mail("reset_asked", to=former, context={"username": user.username})
    signals.mail(
        "reset",
        to=[user],
        context={
            "links": [{"username": user.username, "url": url}],
            "days": settings.PASSWORD_RESET_TIMEOUT // 86400,
        },
        until=timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
    )


def password_changed(*, user: User, by_link: bool) -> None:
    """Tell the log and the owner; a reset link read by mail also proves the address."""
    if by_link and user.email_confirmed_at is None:
        user.email_confirmed_at = timezone.now()
        user.save(update_fields=["email_confirmed_at"])
    signals.event("account.password_change", by=user, on=user, data={"by_link": by_link})
    tell_owner(
        "password_changed",
        user=user,
        context={"reset_url": absolute(reverse("accounts:password_reset"))},
    )


def forget_links() -> int:
    """Delete links that ended more than a day ago; returns how many."""
    ended = timezone.now() - timedelta(days=1)
    return EmailLink.objects.filter(expires_at__lt=ended).delete()[0]
