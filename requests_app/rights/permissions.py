"""Rights on requests: the object's answer, the querysets, and who may do what.

`is_staff` adds nothing here. Verbs of the workflow are registered by `workflow` with their actors.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.accounts.roles import roles_of, scopes
from portal.audit.record import record
from requests_app.models import (
    EDITABLE_STATES,
    AccessRequest,
    Act,
    AnswerMark,
    Extract,
    ExtractDeposit,
    Grant,
    InterestDeclaration,
    Note,
    Opinion,
    Piece,
    ReasonedAccess,
    Report,
    RequestDataset,
    RequestState,
    RequestVersion,
    Stage,
    StageState,
    StoredFile,
    Task,
)
from requests_app.procedures import forms, kinds, registry
from requests_app.procedures.kind import Trait
from requests_app.rights import duties
from requests_app.rights.actors import (
    in_team,
    is_actor,
    is_barred,
    is_conflicted,
    is_signatory,
    why_barred,
)
from requests_app.rights.deliberation import (
    committee_stages_read_by,
    declarations_read_by,
    deliberated,
    marked_beside,
)
from requests_app.rights.visibility import (
    ALL_PARTS,
    Person,
    parts_visible,
    requests_with,
    requests_with_each,
    tied_organisations,
    with_parts,
)


__all__ = [
    "ALL_PARTS",
    "in_team",
    "is_actor",
    "is_barred",
    "is_conflicted",
    "is_signatory",
    "parts_visible",
    "requests_with",
    "tied_organisations",
    "why_barred",
    "with_parts",
]

REASONED_ACCESS = timedelta(hours=1)  # real time
READ_WITH_MARKS = ("notes", "reports")  # parts of the file: whoever reads one reads marks


def can_view(user: Person, request: AccessRequest) -> bool:
    """Whether the request exists for this person: False is answered 404."""
    return bool(parts_visible(user, request))


# --- Sets -----------------------------------------------------------------------------------------


def requests_visible_to(user: Person) -> QuerySet[AccessRequest]:
    return requests_with(user)


def stages_visible_to(user: Person) -> QuerySet[Stage]:
    """All stages where the course is visible; otherwise the person's own part in it."""
    own = (
        Q(holder__in=scopes(user, Role.HOLDER_REPRESENTATIVE))
        | Q(committee__in=scopes(user, Role.PRESIDENT))
        | Q(committee__in=scopes(user, Role.COMMITTEE_MEMBER))
    )
    return Stage.objects.filter(
        Q(request__in=requests_with(user, "timeline")) | (own & Q(request__in=requests_with(user)))
    )


def opinions_visible_to(user: Person) -> QuerySet[Opinion]:
    return Opinion.objects.filter(request__in=requests_with(user, "opinion"))


def reports_visible_to(user: Person) -> QuerySet[Report]:
    """Never the applicant's side, holders' nor another committee's; a draft is its author's
    alone."""
    seen = Report.objects.filter(
        stage__request__in=requests_with(user, "reports"), stage__in=committee_stages_read_by(user)
    )
    own = Q(author=user) if isinstance(user, User) else Q(pk__in=[])
    return seen.filter(Q(filed_at__isnull=False) | own)


def notes_visible_to(user: Person) -> QuerySet[Note]:
    return Note.objects.filter(request__in=requests_with(user, "notes"))


def marks_visible_to(user: Person) -> QuerySet[AnswerMark]:
    """Never the applicant's side nor holders'; a committee's own, for whoever reads as one of
    it."""
    beside = Q(version__request__in=requests_with(user, "reports")) & marked_beside(user)
    own = Q(author=user) if isinstance(user, User) else Q(pk__in=[])
    return AnswerMark.objects.filter(
        Q(version__request__in=requests_with(user, "notes"))
        | beside
        | (own & Q(version__request__in=requests_with(user, *READ_WITH_MARKS)))
    )


def tasks_visible_to(user: Person) -> QuerySet[Task]:
    return Task.objects.filter(request__in=requests_with(user, "tasks"))


def interests_visible_to(user: Person) -> QuerySet[InterestDeclaration]:
    own = Q(member=user) if isinstance(user, User) else Q(pk__in=[])
    return InterestDeclaration.objects.filter(
        (Q(request__in=requests_with(user, "interests")) & declarations_read_by(user))
        | (own & Q(request__in=requests_with(user)))
    )


def grants_visible_to(user: Person) -> QuerySet[Grant]:
    """Grants of visible studies, and one's own."""
    own = Q(person=user) if isinstance(user, User) and user.is_active else Q(pk__in=[])
    return Grant.objects.filter(Q(permit__request__in=requests_with(user, "grants")) | own)


def acts_visible_to(user: Person) -> QuerySet[Act]:
    """Acts, without a holder's remark or a late opinion for whoever does not see those. What a
    committee heard is its own until it has given its opinion, whatever another has given."""
    own_remark = Q(stage__holder__in=scopes(user, Role.HOLDER_REPRESENTATIVE)) & Q(
        request__in=requests_with(user, "own_remark")
    )
    remark = Q(stage__kind__in=kinds.having(Trait.CONSULTS_HOLDERS))
    opinion = Q(code__in=kinds.acts_read_with("opinion"))
    return Act.objects.filter(
        (Q(request__in=requests_with(user, "acts")) & ~remark & ~opinion)
        | (remark & Q(request__in=requests_with(user, "remarks")))
        | (opinion & Q(request__in=requests_with(user, "opinion")) & deliberated(user))
        | own_remark
        | Q(stage__isnull=True, request__in=requests_with(user, "acts"))
    )


def files_visible_to(user: Person) -> QuerySet[StoredFile]:
    """Files by what they belong to: an opinion, a remark, another act, or the file's pieces.

    Who signs reads what they sign: the pieces of the version that awaits. The file cannot be
    edited meanwhile, so those are the request's own pieces. A paper that was signed holds every
    answer: it is for who signs, and for who reads them all.
    """
    paper = Q(pk__in=RequestVersion.objects.exclude(signed_file=None).values("signed_file"))
    opinion = Q(pk__in=Opinion.objects.filter(document__isnull=False).values("document"))
    of_act = Act.objects.filter(document__isnull=False)
    act = Q(pk__in=of_act.values("document"))
    # one that was refused is no version's any more
    paper |= Q(pk__in=of_act.filter(code="deposit_paper").values("document"))
    seen_act = Q(pk__in=acts_visible_to(user).filter(document__isnull=False).values("document"))
    to_sign = Q(
        pk__in=Piece.objects.filter(
            request__in=requests_with(user, "version_to_sign"),
            request__state__in=[RequestState.AWAITING_SIGNATURE, RequestState.SIGNATURE_CHECK],
        ).values("file")
    )
    return StoredFile.objects.filter(
        (opinion & Q(request__in=requests_with(user, "opinion")))
        | (act & ~paper & seen_act)
        | (~opinion & ~act & ~paper & Q(request__in=requests_with(user, "pieces")))
        | (paper & _whole_versions(user))
        | to_sign
    )


def _whole_versions(user: Person) -> Q:
    """Files of requests whose versions the person reads whole: the set form of `reads_whole`."""
    found = Q(request__in=requests_with(user, "version_to_sign"))
    asking: dict[frozenset[str], Q] = {}
    for one in registry.followed():
        mine = Q(request__procedure_code=one.code, request__procedure_version=one.version)
        parts = forms.of(one).parts
        asking[parts] = asking.get(parts, Q(pk__in=[])) | mine
    for parts, procedures in asking.items():
        readable = requests_with_each(user, parts | {"versions"})
        found |= procedures & Q(request__in=readable)
    return found


# --- Pieces of a right ----------------------------------------------------------------------------


def reads_whole(request: AccessRequest, parts: frozenset[str]) -> bool:
    """Whether whoever sees these parts of the file reads its versions whole: who signs, and who
    reads every answer that the form asks for."""
    return "version_to_sign" in parts or request.form.parts <= parts


def specification_rows(
    user: Person,
    request: AccessRequest,
    *,
    content: Mapping[str, Any] | None = None,
    parts: frozenset[str] | None = None,
) -> list[dict[str, Any]]:
    """Rows of the data specification that the person sees: a holder, its own databases only.

    Of the working copy, or of a version's `content`; `parts` when the caller knows them already.
    """
    parts = parts_visible(user, request) if parts is None else parts
    shown = request.content if content is None else content
    rows = request.form.rows(shown)
    if "content" in parts:
        return rows
    if "specification" not in parts:
        return []
    own = set(
        RequestDataset.objects.filter(
            request=request,
            dataset__holder__organisation__in=scopes(user, Role.HOLDER_REPRESENTATIVE),
        ).values_list("dataset__code", flat=True)
    )
    return [row for row in rows if row.get("dataset") in own]


def is_editable(request: AccessRequest) -> bool:
    """Draft, to complete, or being corrected after the opinion (A15: the applicant may correct
    first)."""
    if request.state in EDITABLE_STATES:
        return True
    return (
        request.state == RequestState.PROCESSING
        and Stage.objects.having(Trait.EDITS_FILE)
        .filter(request=request, state=StageState.RUNNING)
        .exists()
    )


# --- Actions --------------------------------------------------------------------------------------

# Action -> (qualities, further condition on the request)
_Further = Callable[[AccessRequest], bool]
_ACTIONS: dict[str, tuple[frozenset[str], _Further | None]] = {
    "edit": (frozenset({"team"}), is_editable),
    "upload_piece": (frozenset({"team"}), is_editable),
    "manage_team": (frozenset({"team"}), None),
    "remove_person": (frozenset({"investigator", "operator"}), None),
    "review_piece": (
        frozenset({"secretariat"}),
        lambda r: r.state in {RequestState.SUBMITTED, RequestState.INCOMPLETE},
    ),
    "assign": (frozenset({"secretariat"}), None),
    "write_note": (frozenset({"staff"}), None),
    "mark_answers": (frozenset({"staff", "declared_member"}), None),
    "suspend": (frozenset({"operator"}), None),
    "resume": (frozenset({"operator"}), None),
    "revoke": (frozenset({"operator"}), None),
    "retry": (frozenset({"operator"}), None),
    "hold": (frozenset({"operator"}), None),
    "prepare_extract": (frozenset({"operator"}), None),
    "give_reason": (frozenset({"administrator"}), None),
}


def register_action(name: str, actors: frozenset[str]) -> None:
    """Called by `workflow` for each verb, so that `can()` answers for them too."""
    _ACTIONS[name] = (_ACTIONS[name][0] | actors if name in _ACTIONS else actors, None)


_correctable: set[str] = set()


def register_correctable(codes: Iterable[str]) -> None:
    """Called by `workflow`: acts that record something done elsewhere, and may be corrected."""
    _correctable.update(codes)


def actions() -> list[str]:
    return sorted(_ACTIONS)


def can(user: Person, action: str, obj: Model) -> bool:
    """Whether the person may do an action on a request, one of its stages, tasks, grants or
    permits.

    For a verb: whether they are one of its actors; the state of things is the guards' business.
    `view` is `can_view`. Raises LookupError for an action nobody declared.
    """
    request, stage, task = _place(obj)
    if action == "view":
        return can_view(user, request)
    if action == "reveal":
        return isinstance(obj, Grant) and isinstance(user, User) and obj.person_id == user.pk
    qualities, further = _ACTIONS[action]
    if isinstance(obj, Act) and action == "correct_act" and obj.code not in _correctable:
        return False
    if not any(is_actor(user, quality, request, stage, task) for quality in qualities):
        return False
    return further is None or further(request)


def why_not(user: Person, action: str, obj: Model) -> str:
    """Why a person whose office it is may not do an action on this file; empty otherwise."""
    request, stage, task = _place(obj)
    return why_barred(user, _ACTIONS[action][0], request, stage, task)


def why_kept_away(user: Person, request: AccessRequest) -> str:
    """What a page of the file says to someone whose office would let them act on it, were it not
    their own; empty for everyone else."""
    if not isinstance(user, User):
        return ""
    held = sorted({duties.quality_of(role) for role in roles_of(user)})
    if not held or is_conflicted(user, request):
        return ""
    for quality in held:
        tie = duties.apart(user, request, quality)
        if tie is not None:
            return duties.refusal(tie)
    return ""


def has_ruled(user: User, request: AccessRequest) -> bool:
    """Whether a person has acted on the file with authority: they may not join it afterwards."""
    office = [
        name for name, (actors, _further) in _ACTIONS.items() if actors - duties.APPLICANT_SIDE
    ]
    return (
        Act.objects.filter(request=request, entered_by=user, code__in=office).exists()
        or Report.objects.filter(stage__request=request, author=user).exists()
        or Piece.objects.filter(request=request, reviewed_by=user).exists()
        or AnswerMark.objects.filter(version__request=request, author=user).exists()
        or ExtractDeposit.objects.filter(workspace__request=request, staged_by=user).exists()
        or Extract.objects.filter(workspace__request=request, asked_by=user).exists()
    )


def _place(obj: Any) -> tuple[AccessRequest, Stage | None, Task | None]:
    if isinstance(obj, AccessRequest):
        return obj, None, None
    if isinstance(obj, Stage):
        return obj.request, obj, None
    if isinstance(obj, Task):
        return obj.request, obj.stage, obj
    if isinstance(obj, Grant):
        return obj.permit.request, None, None
    return obj.request, getattr(obj, "stage", None), None


def give_reason(user: User, request: AccessRequest, *, reason: str) -> ReasonedAccess:
    """An administrator's hour on a file, for a written reason, in the log before anything is seen.

    Raises PermissionError for anyone else, ValueError without a reason.
    """
    if not is_actor(user, "administrator", request):
        raise PermissionError(_("Cette consultation est celle des administrateurs."))
    if not reason.strip():
        raise ValueError(_("Indiquez le motif de la consultation."))
    now = timezone.now()
    with transaction.atomic():
        access = ReasonedAccess.objects.create(
            user=user,
            request=request,
            reason=reason.strip(),
            granted_at=now,
            expires_at=now + REASONED_ACCESS,
        )
        record("request.reasoned_access", by=user, on=access, about=request.pk, text=reason)
    return access
