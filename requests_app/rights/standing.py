"""Who may bind the organisation in whose name a request is made, and who may sign for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from portal.accounts import memberships
from portal.accounts.models import Invitation, Membership, User
from portal.notifications.base import why_skipped
from requests_app.models import AccessRequest, Act, RequestMember, RequestVersion
from requests_app.rights import recipients


def why_not_speak(user: User, request: AccessRequest) -> list[str]:
    """Why the person does not speak for the request's organisation, and what to do; [] when they
    do."""
    mine = Membership.objects.open().filter(user=user, organisation=request.organisation_id)
    membership = mine.select_related("organisation").first()
    if membership is None:
        return [
            _(
                "Vous n’êtes pas membre de « %(organisation)s » : demandez à rejoindre cet"
                " organisme depuis « Mon compte »,"
                " ou laissez un membre confirmé de l’équipe le faire."
            )
            % {"organisation": request.organisation.name}
        ]
    if membership.confirmed_at is not None:
        return []
    return [
        _(
            "Votre appartenance à « %(organisation)s » n’est pas encore confirmée : %(who)s doit"
            " d’abord répondre."
        )
        % {"organisation": request.organisation.name, "who": who_confirms(membership)}
    ]


def why_not_bind(user: User, request: AccessRequest) -> list[str]:
    """Why the person may not bind the organisation now; [] when they may."""
    if request.organisation.suspended_at is not None:
        return [_("L’organisme est suspendu : aucune demande ne peut être signée en son nom.")]
    return why_not_speak(user, request)


def who_confirms(membership: Membership) -> str:
    """In words: those who are asked to confirm a membership."""
    asked = memberships.confirmers_of(membership)
    managers = Membership.objects.confirmed().filter(
        organisation=membership.organisation_id, is_manager=True
    )
    if membership.organisation.proposed_at is None and managers.filter(user__in=asked).exists():
        return _("un gestionnaire de l’organisme (%(names)s)") % {
            "names": ", ".join(str(one) for one in asked)
        }
    return _("le secrétariat du guichet")


@dataclass(frozen=True, slots=True)
class Signing:
    """Who may sign a request, and whom it still waits for."""

    able: list[User]
    waiting: list[Membership]  # a person of the file or not, whose capacity nobody confirmed yet
    invited: list[str]  # addresses of invitations not accepted yet


def confirmed_signatories(request: AccessRequest) -> list[User]:
    """Everyone whose signature counts for the organisation."""
    rows = Membership.objects.signatory().filter(organisation=request.organisation_id)
    return list(
        User.objects.filter(pk__in=rows.values("user"), is_active=True).order_by(
            "last_name", "first_name", "pk"
        )
    )


def signing(request: AccessRequest) -> Signing:
    """Who signs, or why nobody can yet."""
    waiting = (
        Membership.objects.pending()
        .filter(organisation=request.organisation_id, asks_to_sign=True, user__is_active=True)
        .select_related("user", "organisation")
    )
    invited = Invitation.objects.open().filter(
        kind=Invitation.Kind.REPRESENTATIVE, organisation=request.organisation_id
    )
    return Signing(
        confirmed_signatories(request),
        list(waiting),
        sorted({one.email for one in invited}),
    )


def why_not_sign(user: User, request: AccessRequest) -> str:
    """What a person who is to sign, or asks to, still lacks and who confirms it; "" for others."""
    mine = (
        Membership.objects.open()
        .filter(user=user, organisation=request.organisation_id)
        .select_related("user", "organisation")
        .first()
    )
    named = RequestMember.objects.current().filter(
        request=request, user=user, kind=RequestMember.Kind.REPRESENTATIVE
    )
    if request.organisation.suspended_at is not None:
        return why_not_bind(user, request)[0] if mine or named.exists() else ""
    if mine is None:
        return why_not_speak(user, request)[0] if named.exists() else ""
    return lacks_to_sign(mine, named=named.exists())


def lacks_to_sign(membership: Membership, *, named: bool) -> str:
    """The same of a membership; `named`: as the representative in a file."""
    if membership.can_sign_since is not None:
        return ""
    if membership.asks_to_sign:
        return _(
            "Votre capacité de signer pour « %(organisation)s » n’est pas encore confirmée :"
            " %(who)s doit répondre. Sa réponse vous sera envoyée, avec la suite."
        ) % {"organisation": membership.organisation.name, "who": who_confirms(membership)}
    if named and membership.answer:
        return _(
            "La capacité de signer pour « %(organisation)s » ne vous est pas confirmée"
            " (« %(reason)s »). Une fois ce motif levé, demandez-la de nouveau depuis « Mon"
            " compte » : %(who)s répondra."
        ) % {
            "organisation": membership.organisation.name,
            "reason": membership.answer,
            "who": who_confirms(membership),
        }
    if named:
        return _(
            "Demandez depuis « Mon compte » la capacité de signer pour « %(organisation)s » :"
            " %(who)s répondra."
        ) % {"organisation": membership.organisation.name, "who": who_confirms(membership)}
    return ""


def lacking_to_sign(user: User, requests: Sequence[AccessRequest]) -> dict[UUID, str]:
    """By organisation: what the person lacks to sign for those of a list of requests."""
    mine = (
        Membership.objects.open()
        .filter(
            user=user,
            organisation__in={one.organisation_id for one in requests},
            can_sign_since__isnull=True,
        )
        .select_related("user", "organisation")
    )
    found = {one.organisation_id: lacks_to_sign(one, named=True) for one in mine}
    return {pk: text for pk, text in found.items() if text}


def told_to_sign(request: AccessRequest) -> list[User]:
    """Those to whom a message asks for the signature."""
    return [one for one in recipients.signatories(request) if not why_skipped(one)]


def nobody_signs(request: AccessRequest, *, invites: bool = True) -> list[str]:
    """Why nobody is asked to sign, and what happens next; `invites`: said to who may invite."""
    found = signing(request)
    lines = [_("Personne ne peut encore signer : personne n’est prévenu.")]
    lines += [
        _(
            "La capacité de signer de %(person)s n’est pas encore confirmée : %(who)s doit"
            " répondre. Le message de confirmation mènera cette personne à la version à signer."
        )
        % {"person": one.user, "who": who_confirms(one)}
        for one in found.waiting
    ]
    lines += [
        _(
            "L’invitation envoyée à %(email)s n’est pas encore acceptée. Sa capacité de signer sera"
            " ensuite à confirmer."
        )
        % {"email": email}
        for email in found.invited
    ]
    if not (found.waiting or found.invited):
        lines.append(
            _(
                "Aucun signataire de l’organisme n’est connu : invitez le représentant légal à"
                " l’étape « Équipe et personnes habilitées »."
            )
            if invites
            else _(
                "Aucun signataire de l’organisme n’est connu : l’équipe de la demande invite le"
                " représentant légal."
            )
        )
    return lines


def told_of_paper(request: AccessRequest) -> list[User]:
    """Signatories to whom a message says that a version signed on paper was handed in."""
    return [one for one in representatives(request) if not why_skipped(one)]


def names(people: list[User]) -> str:
    """Names of people as one text, in their order."""
    return ", ".join(str(one) for one in people)


def representatives(request: AccessRequest) -> list[User]:
    """Who must hear of a signature given on paper: every confirmed signatory, and the file's own
    representatives."""
    named = RequestMember.objects.current().filter(
        request=request, kind=RequestMember.Kind.REPRESENTATIVE
    )
    people = {one.pk: one for one in confirmed_signatories(request)}
    for one in User.objects.filter(pk__in=named.values("user"), is_active=True):
        people.setdefault(one.pk, one)
    return list(people.values())


def sent_back(request: AccessRequest, *codes: str) -> list[Act]:
    """Refusals and contests of a paper, oldest first, of versions that nobody has signed since."""
    found = Act.objects.filter(
        request=request, code__in=codes or ("refuse_signature", "contest_signature")
    ).exclude(version__status=RequestVersion.Status.SIGNED)
    return list(found.select_related("entered_by", "version").order_by("entered_at"))


def contests(request: AccessRequest) -> list[Act]:
    """Papers of which a signatory said that they did not sign, as `sent_back`."""
    return sent_back(request, "contest_signature")
