"""Conditions before any key: each a dated fact, told to person and operator when it is missing.

Named in the convention, training valid, current terms accepted, second factor enrolled (A30); then
what depends on the study: addresses of a daughter system, a workspace, the staged extract.
"""

from dataclasses import dataclass
from datetime import datetime, time

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts.models import Training, User
from portal.accounts.terms import CURRENT_TERMS, accepted
from portal.common.calendar import PARIS, legal_now, legal_today
from requests_app.models import Grant, RequestMember, Workspace
from requests_app.provisioning.extract import matches


# Conditions the person can meet; then those of the study; in the order they are told.
LABELS = {
    "named": _("Personne non nommée dans la convention"),
    "training": _("Formation à la sécurité des données absente ou échue"),
    "terms": _("Conditions d’utilisation en vigueur non acceptées"),
    "second_factor": _("Second facteur d’authentification non enregistré"),
    "account": _("Compte désactivé"),
    "organisation": _("Organisme suspendu"),
    "addresses": _("Adresse réseau de la personne non déclarée dans la convention"),
    "worker_addresses": _("Adresse de vérification du portail non configurée"),
    "workspace": _("En attente d’un espace projet : sa mise à disposition viendra plus tard"),
    "extract_missing": _("Extraction des données en attente de dépôt"),
    "extract_differs": _("L’extraction préparée ne correspond pas à l’autorisation : à refaire"),
    "extract_unconfirmed": _("Extraction en attente de confirmation par une seconde personne"),
    "not_started": _("L’autorisation n’a pas encore commencé"),
}
PERSONAL = ("training", "terms", "second_factor")

DAUGHTER_SYSTEM, PROJECT_SPACE = "daughter_system", "project_space"


@dataclass(frozen=True, slots=True)
class Fact:
    """One condition: whether it holds, since when, until when (None: no end)."""

    code: str
    holds: bool
    since: datetime | None = None
    until: datetime | None = None

    @property
    def label(self) -> str:
        return label(self.code)


def label(code: str) -> str:
    """What a missing condition means, in the reader's language; unknown codes as they are."""
    return str(LABELS.get(code, code))


def labels(codes: list[str]) -> list[str]:
    return [label(code) for code in codes]


def personal_facts(user: User) -> list[Fact]:
    """Training, terms and second factor of a person, each with its dates."""
    today = legal_today()
    training = (
        Training.objects.filter(user=user, followed_on__lte=today, valid_until__gte=today)
        .order_by("-valid_until")
        .first()
    )
    terms = accepted(user, CURRENT_TERMS)
    device = TOTPDevice.objects.filter(user=user, confirmed=True).order_by("created_at").first()
    return [
        Fact(
            "training",
            training is not None,
            datetime.combine(training.followed_on, time(), tzinfo=PARIS) if training else None,
            datetime.combine(training.valid_until, time.max, tzinfo=PARIS) if training else None,
        ),
        Fact("terms", terms is not None, terms.accepted_at if terms else None),
        Fact("second_factor", device is not None, device.created_at if device else None),
    ]


def missing(user: User) -> list[str]:
    """Codes of the personal conditions (training, terms, second_factor) that do not hold."""
    return [fact.code for fact in personal_facts(user) if not fact.holds]


def facts_of(grant: Grant) -> list[Fact]:
    """Every condition of one grant, met or not, in the order they are told."""
    member = (
        RequestMember.objects.filter(
            request_id=grant.permit.request_id,
            user_id=grant.person_id,
            has_data_access=True,
            removed_at__isnull=True,
        )
        .order_by("added_at")
        .first()
    )
    facts = [Fact("named", member is not None, member.added_at if member else None)]
    facts += personal_facts(grant.person)
    if not grant.person.is_active:
        facts.append(Fact("account", False))
    if grant.permit.request.organisation.suspended_at is not None:  # A30
        facts.append(Fact("organisation", False))
    facts.append(Fact("not_started", grant.permit.starts_at <= legal_now(), grant.permit.starts_at))
    if grant.permit.delivery_mode == DAUGHTER_SYSTEM:
        # Fail closed: without declared addresses the fence would let the key in from anywhere.
        facts.append(Fact("addresses", bool(grant.source_addresses)))
        if not settings.PROVISIONING["worker_addresses"]:
            facts.append(Fact("worker_addresses", False))
    else:
        facts.append(Fact("workspace", False))
    facts.append(_extract_fact(grant))
    return facts


def _extract_fact(grant: Grant) -> Fact:
    workspace: Workspace = grant.workspace
    if workspace.extract_delivered_at is not None:
        return Fact("extract_missing", True, workspace.extract_delivered_at)
    if workspace.extract_manifest and not matches(workspace, grant.permit):
        return Fact("extract_differs", False)
    if workspace.extract_confirmed_at is not None:
        return Fact("extract_unconfirmed", True, workspace.extract_confirmed_at)
    if workspace.extract_manifest:
        return Fact("extract_unconfirmed", False)
    return Fact("extract_missing", False)


def missing_for(grant: Grant) -> list[str]:
    """Codes of all conditions of a grant that do not hold now."""
    return [fact.code for fact in facts_of(grant) if not fact.holds]
