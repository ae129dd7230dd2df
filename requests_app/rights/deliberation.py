"""What a committee hears and writes before its opinion: its members', and the desk's."""

from django.db.models import OuterRef, Q, QuerySet
from django.db.models.expressions import Exists

from portal.accounts.models import Role
from portal.accounts.roles import has_role, scopes
from requests_app.models import Opinion, Stage
from requests_app.procedures.kind import Trait
from requests_app.rights.visibility import Person


def committee_stages_read_by(user: Person) -> QuerySet[Stage]:
    """Stages whose deliberation the person may read: of their committees; the desk's, of all."""
    stages = Stage.objects.having(Trait.OF_COMMITTEE)
    if any(has_role(user, role) for role in (Role.SECRETARIAT, Role.AUDITOR)):
        return stages
    seated = scopes(user, Role.PRESIDENT) | scopes(user, Role.COMMITTEE_MEMBER)
    return stages.filter(committee__in=seated)


def deliberated(user: Person) -> Q:
    """Condition on acts: their committee has given its opinion, or the person is one of those who
    read its deliberation. What another committee has given opens nothing."""
    given = Opinion.objects.filter(
        request=OuterRef("request"), stage__committee=OuterRef("stage__committee")
    )
    return Q(Exists(given)) | Q(stage__in=committee_stages_read_by(user))
