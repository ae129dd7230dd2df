"""Demonstration people: idempotent, marked as demo, refused outside demo and training."""

import secrets
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from catalog.models import DataHolder
from portal.accounts.models import (
    Membership,
    Organisation,
    Role,
    RoleAssignment,
    TermsAcceptance,
    Training,
    User,
)
from portal.accounts.terms import CURRENT_TERMS
from portal.common.calendar import legal_today


PEOPLE_FILE = Path(__file__).parent / "people.toml"
PASSWORD_FILE = "demo_password"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """What `make demo` prints of an account."""

    username: str
    who: str


def demo_password() -> str:
    """One password for all demo accounts, made on this machine at the first seed."""
    path = Path(settings.VAR_DIR) / PASSWORD_FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(f"demo-{secrets.token_hex(4)}-guichet")
    return path.read_text().strip()


def demo_code(username: str) -> str:
    """The second-factor code of a demo account at this instant (six digits)."""
    device = TOTPDevice.objects.get(user__username=username, confirmed=True, name="démonstration")
    totp = TOTP(
        device.bin_key, step=device.step, t0=device.t0, digits=device.digits, drift=device.drift
    )
    totp.time = timezone.now().timestamp()
    return f"{totp.token():06d}"


def seed_people() -> list[DemoAccount]:
    """Create or complete the demo accounts; what exists is left as it is."""
    data = tomllib.loads(PEOPLE_FILE.read_text())
    with transaction.atomic():
        organisations = {row["code"]: _organisation(row) for row in data["organisations"]}
        password = make_password(demo_password())  # once: it is the same, and slow on purpose
        people = [_person(row, organisations, password) for row in data["people"]]
        people += _holder_representatives(password)
    return [DemoAccount(user.username, _who(user)) for user in people]


def _organisation(row: dict[str, Any]) -> Organisation:
    organisation, _created = Organisation.objects.get_or_create(
        code=row["code"],
        defaults={key: value for key, value in row.items() if key != "code"} | {"is_demo": True},
    )
    return organisation


def _person(row: dict[str, Any], organisations: dict[str, Organisation], password: str) -> User:
    user, created = User.objects.get_or_create(
        username=row["username"],
        defaults={
            "first_name": row["first_name"],
            "last_name": row["last_name"],
            "title": row.get("title", ""),
            "email": f"{row['username']}@demo.example",
            "email_confirmed_at": timezone.now(),
            "is_staff": row.get("staff", False),
            "is_superuser": row.get("staff", False),
        },
    )
    if not created:
        return user
    user.password = password
    user.save(update_fields=["password"])
    if code := row.get("organisation"):
        now = timezone.now()
        Membership.objects.create(
            user=user,
            organisation=organisations[code],
            is_manager=row.get("manager", False),
            confirmed_at=now,
            can_sign_since=now if row.get("signs") else None,
        )
    for role, scope in row.get("roles", []):
        RoleAssignment.objects.create(
            user=user, role=Role(role), scope=organisations[scope] if scope else None
        )
    if row.get("second_factor"):
        TOTPDevice.objects.create(user=user, name="démonstration", confirmed=True)
    if row.get("trained"):
        today = legal_today()
        Training.objects.create(
            user=user,
            title="Formation à l’usage des données de santé (démonstration)",
            followed_on=today - timedelta(days=30),
            valid_until=today + timedelta(days=3 * 365),
        )
        TermsAcceptance.objects.create(user=user, version=CURRENT_TERMS)
    return user


def _holder_representatives(password: str) -> list[User]:
    """One account per demo holder of the catalogue, named after the holder's code."""
    users = []
    for holder in DataHolder.objects.filter(organisation__is_demo=True).select_related(
        "organisation"
    ):
        code = holder.organisation.code
        row = {
            "username": f"resp-{code.removeprefix('demo-')}",
            "first_name": "Représentant",
            "last_name": f"Démo {holder.organisation.acronym or holder.organisation.name}",
            "roles": [["holder_representative", code]],
            "second_factor": True,
        }
        users.append(_person(row, {code: holder.organisation}, password))
    return users


def _who(user: User) -> str:
    roles = RoleAssignment.objects.active().filter(user=user).select_related("scope")
    if words := [assignment.get_role_display() for assignment in roles]:
        return ", ".join(words)
    membership = user.memberships.select_related("organisation").first()
    return f"{user.title} – {membership.organisation}" if membership else user.title
